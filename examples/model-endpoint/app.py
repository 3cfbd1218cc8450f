"""A model behind an endpoint, with nothing of Clary but its construct library."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3

from clary_constructs import (
    AlarmTopic,
    CapacityLimits,
    EncryptionKey,
    EndpointAlarms,
    EndpointDashboard,
    Instances,
    ModelContainer,
    ModelEndpoint,
    ModelVariant,
    UpdatePolicy,
    VariantScaling,
    variant_places,
)

NAME = "prices"


def model_endpoint(stack: cdk.Stack, *, image_tag: str) -> ModelEndpoint:
    """The endpoint `prices`, of the image `prices` and the artifact `prices/model.tar.gz`."""
    encryption = EncryptionKey(
        stack,
        "Encryption",
        description="Encrypts the endpoint's volumes, its log and its alarms",
        used_by_alarms=True,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    vpc = ec2.Vpc(
        stack,
        "Network",
        availability_zones=[f"{stack.region}a", f"{stack.region}b"],
        nat_gateways=0,
        restrict_default_security_group=False,
        subnet_configuration=[
            ec2.SubnetConfiguration(name="Private", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        ],
    )
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc, description="Models", allow_all_outbound=False)
    container = ModelContainer(
        repository=ecr.Repository.from_repository_name(stack, "Images", NAME),
        image_tag=image_tag,
        artifact_bucket=s3.Bucket.from_bucket_name(stack, "Models", f"models-{stack.account}"),
        artifact_key=f"{NAME}/model.tar.gz",
    )
    topic = AlarmTopic(stack, "Alarms", encryption_key=encryption.key).topic
    places = variant_places(NAME, ["main"])
    watch = EndpointAlarms(
        stack, "Watch", places=places, topic=topic, latency=cdk.Duration.millis(300), minutes=2
    )
    endpoint = ModelEndpoint(
        stack,
        "Prices",
        endpoint_name=NAME,
        variants={"main": ModelVariant([container], Instances("ml.m5.large", 2))},
        encryption_key=encryption.key,
        vpc=vpc,
        subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        security_groups=[group],
        update=UpdatePolicy("canary", percent=25, bake_seconds=600),
        alarms=watch.alarms,
    )
    VariantScaling(
        stack,
        "Scaling",
        endpoint_name=NAME,
        variant="main",
        limits=CapacityLimits(least=2, most=6),
        of=endpoint.endpoint,
    )
    endpoint.keep_capacity()
    EndpointDashboard(stack, "Dashboard", endpoint_name=NAME, places=places, alarms=watch.alarms)
    return endpoint


def main() -> None:
    app = cdk.App()
    account, region = (app.node.try_get_context(name) for name in ("account", "region"))
    stack = cdk.Stack(app, "Prices", env=cdk.Environment(account=account, region=region))
    model_endpoint(stack, image_tag=app.node.try_get_context("tag") or "one")
    app.synth()


if __name__ == "__main__":
    main()
