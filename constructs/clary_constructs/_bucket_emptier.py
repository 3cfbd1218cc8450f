"""Buckets that may go, emptied when they do."""

from __future__ import annotations

from aws_cdk import CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._policy import AccessPolicy
from constructs import Construct


class BucketEmptier(Construct):
    """Deletes what is in a bucket just before CloudFormation deletes the bucket.

    CDK's `auto_delete_objects` does the same with a function on Node. This one is Python (`code` holds
    `bucket_emptier.handler.handler`), may touch the buckets it is given and no others, and says so
    when a bucket is too large for one run: destroying the stack again goes on where it stopped.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, code: lambda_.Code, encryption_key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=encryption_key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "Role",
            description="Empties buckets that are about to be deleted",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        self._policy = AccessPolicy(
            self, "Policy", description="Empties the buckets of one stack", roles=[role]
        )
        self._policy.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        self._function = lambda_.Function(
            self,
            "Function",
            description="Empties buckets that are about to be deleted",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler="bucket_emptier.handler.handler",
            code=code,
            role=role.without_policy_updates(),
            memory_size=256,
            timeout=Duration.minutes(15),
            log_group=log_group,
        )
        self._function.node.add_dependency(self._policy)
        packs = ("HIPAA.Security", "NIST.800.53.R5")
        acknowledge(
            self._function,
            *(f"{pack}-LambdaDLQ" for pack in packs),
            *(f"{pack}-LambdaConcurrency" for pack in packs),
            reason="CloudFormation calls it once a bucket, when the stack is destroyed, and waits",
        )
        acknowledge(
            self._function,
            *(f"{pack}-LambdaInsideVPC" for pack in (*packs, "PCI.DSS.321")),
            reason="it reaches S3 and CloudFormation's answer address only, and outlives the network",
        )
        acknowledge(
            self._function,
            "AwsSolutions-L1",
            reason="Python 3.13 is the runtime of all our functions; Lambda maintains it until 2029",
        )

    def empty(self, bucket: s3.Bucket) -> None:
        """Empties `bucket` when it is deleted, and never before."""
        self._policy.allow(["s3:ListBucketVersions"], [bucket.bucket_arn])
        self._policy.allow(
            ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            [bucket.arn_for_objects("*")],
            wildcard_because="all that is in the bucket is about to be deleted with it",
        )
        content = CustomResource(
            bucket,
            "Content",
            resource_type="Custom::BucketContent",
            service_token=self._function.function_arn,
            properties={"BucketName": bucket.bucket_name},
        )
        # Deleted in the opposite order: first the content, while the policy that allows it still stands.
        content.node.add_dependency(self._policy)
