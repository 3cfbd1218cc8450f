"""A Studio domain for two people, with nothing of Clary but its construct library."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from clary_constructs import (
    IdleShutdown,
    StartupScript,
    StudioDomain,
    StudioLeavers,
    StudioRemover,
    StudioSettings,
    StudioTools,
    StudioUser,
    UserGroup,
    UserProfiles,
    python_code,
)

FUNCTIONS = Path(__file__).parents[2] / "lambda"


def studio(stack: cdk.Stack, *, idle_minutes: int) -> UserProfiles:
    """Ada and Emmy, in a network without a way out. Destroying the stack destroys their homes.

    What it returns are Ada and Emmy, who have their settings.
    """
    key = kms.Key(stack, "Key", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
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
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc, description="Studio", allow_all_outbound=False)
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    key.grant_encrypt_decrypt(role)

    domain = StudioDomain(
        stack,
        "Studio",
        domain_name="workshop",
        vpc=vpc,
        subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        security_group=group,
        encryption_key=key,
        startup=StartupScript(stop_kernels_after_idle_minutes=idle_minutes),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    settings = StudioSettings(
        stack,
        "Settings",
        code=python_code(FUNCTIONS, ["runtime_common", "studio_settings"]),
        domain=domain,
        encryption_key=key,
    )
    leavers = StudioLeavers(
        stack,
        "Leavers",
        code=python_code(FUNCTIONS, ["runtime_common", "studio_leavers"]),
        domain=domain,
        encryption_key=key,
    )
    tools = StudioTools(
        instance_types=["ml.t3.medium", "ml.m5.large"],
        idle=IdleShutdown(after_minutes=idle_minutes, most_minutes=idle_minutes),
    )
    people = UserProfiles(
        stack,
        "People",
        domain=domain,
        groups=[UserGroup("Everybody", execution_role=role, tools=tools)],
        users=[StudioUser(name, "Everybody") for name in ("ada", "emmy")],
        settings=settings,
        leavers=leavers,
    )
    StudioRemover(
        stack,
        "Remover",
        code=python_code(FUNCTIONS, ["runtime_common", "studio_remover"]),
        domain=domain,
        vpc=vpc,
        encryption_key=key,
    )
    cdk.CfnOutput(stack, "DomainId", value=domain.domain_id)
    cdk.CfnOutput(stack, "DomainUrl", value=domain.url)
    return people


def main() -> None:
    app = cdk.App()
    given = app.node.try_get_context
    place = cdk.Environment(account=given("account"), region=given("region"))
    studio(cdk.Stack(app, "Workshop", env=place), idle_minutes=int(given("idle-minutes")))
    app.synth()


if __name__ == "__main__":
    main()
