"""An API in front of two endpoints that are there, with nothing of Clary but its construct library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from clary_constructs import (
    S3_PREFIX_LISTS,
    ApiClient,
    ApiLogging,
    ApiPage,
    InferenceApi,
    InferenceFunction,
    NetworkGroups,
    PrivateNetwork,
    ServedModel,
)
from inference_gateway.routes import ROUTES

FUNCTIONS = Path(__file__).parents[2] / "lambda"
MODELS = {
    "prices": ServedModel("prices", ("text/csv",), example="3,120\n"),
    "letters": ServedModel(
        "letters",
        ("application/json",),
        mode="asynchronous",
        schema={"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
    ),
}


def inference_api(
    stack: cdk.Stack,
    *,
    models: Mapping[str, ServedModel],
    origins: Sequence[str] = (),
    timeout: cdk.Duration | None = None,
) -> InferenceApi:
    """An API that the program `storefront` has a key for. Jobs are kept in a bucket of their own for a week.

    Destroying the stack destroys them, too.
    """
    key = kms.Key(stack, "Key", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
    key.grant_encrypt_decrypt(_logs(stack))
    jobs = s3.Bucket(
        stack,
        "Jobs",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(7))],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    network = PrivateNetwork(
        stack,
        "Network",
        availability_zones=[f"{stack.region}a", f"{stack.region}b"],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    groups = NetworkGroups(
        stack,
        "Groups",
        vpc=network.vpc,
        endpoints=network.endpoints.group,
        s3_prefix_list=S3_PREFIX_LISTS[stack.region],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    inference = InferenceFunction(
        stack,
        "Inference",
        models=models,
        source=FUNCTIONS,
        encryption_key=key,
        vpc=network.vpc,
        subnets=network.subnets,
        security_groups=[groups.gateway],
        jobs_bucket=jobs,
        origins=origins,
        timeout=timeout,
        reserved_concurrency=10,
    )
    logging = ApiLogging(stack, "Logging", removal_policy=cdk.RemovalPolicy.DESTROY)
    api = InferenceApi(
        stack,
        "Api",
        function=inference.function,
        routes=[route.path for route in ROUTES],
        authorization="api-key",
        clients={"storefront": ApiClient(requests_per_second=1000, burst=2000)},
        encryption_key=key,
        origins=origins,
    )
    api.stage.node.add_dependency(logging)
    page = ApiPage(stack, "Page", api=api, source=FUNCTIONS, encryption_key=key)
    cdk.CfnOutput(stack, "ApiUrl", value=api.api.url)
    cdk.CfnOutput(stack, "PageUrl", value=page.url)
    cdk.CfnOutput(stack, "ApiId", value=api.api.rest_api_id)
    cdk.CfnOutput(stack, "ApiKeyId", value=api.api_keys["storefront"].key_id)
    cdk.CfnOutput(stack, "JobsBucketName", value=jobs.bucket_name)
    return api


def _logs(stack: cdk.Stack) -> iam.IGrantable:
    return iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")


def main() -> None:
    app = cdk.App()
    given = app.node.try_get_context
    place = cdk.Environment(account=given("account"), region=given("region"))
    inference_api(cdk.Stack(app, "Predictions", env=place), models=MODELS)
    app.synth()


if __name__ == "__main__":
    main()
