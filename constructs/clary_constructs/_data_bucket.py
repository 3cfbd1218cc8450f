"""Buckets for what must not leak and must not get lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from clary_constructs._acknowledgement import acknowledge
from constructs import Construct

_WRITE = [
    "s3:AbortMultipartUpload",
    "s3:DeleteObject*",
    "s3:PutObject*",
    "s3:RestoreObject",
]
_READ = [
    "s3:GetObject*",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:ListMultipartUploadParts",
]
"""What touches objects. The bucket itself is managed from outside: CloudFormation could not change the
policy again that shuts it out."""


def answer_only_within(
    bucket: s3.IBucket, vpc: ec2.IVpc, *, except_for: Sequence[str] = (), read_from_anywhere: bool = False
) -> None:
    """Lets nobody at a bucket's objects but through an endpoint of `vpc`, whatever their policies say.

    Left out are services, by themselves and on behalf of who may (S3's logs, queries of Athena), and the
    roles whose ARNs are in `except_for`, in which `*` stands for any letters.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies-vpc-endpoint.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_data-perimeters.html
    """
    conditions: dict[str, dict[str, object]] = {
        "StringNotEquals": {"aws:SourceVpc": vpc.vpc_id},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
    }
    if except_for:
        conditions["ArnNotLikeIfExists"] = {"aws:PrincipalArn": list(except_for)}
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid="OnlyWithinTheVpc",
            effect=iam.Effect.DENY,
            principals=[iam.StarPrincipal()],
            actions=_WRITE if read_from_anywhere else sorted([*_READ, *_WRITE]),
            resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            conditions=conditions,
        )
    )


class AccessLogsBucket(Construct):
    """Where other buckets write who read and wrote them.

    By default, logs are kept a year, and the bucket is retained.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        keep: cdk.Duration | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            # "you can use default bucket encryption on the destination bucket only if you use SSE-S3":
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=keep or cdk.Duration.days(365),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
            ],
            removal_policy=removal_policy,
        )
        acknowledge(
            self.bucket,
            "HIPAA.Security-S3DefaultEncryptionKMS",
            "NIST.800.53.R5-S3DefaultEncryptionKMS",
            "PCI.DSS.321-S3DefaultEncryptionKMS",
            reason="S3 delivers server access logs only to buckets that are encrypted with SSE-S3",
        )
        _acknowledge_one_region(self.bucket)

    def log(self, bucket: s3.IBucket, *, prefix: str) -> None:
        """Writes the access log of `bucket` below `prefix`, and lets only that bucket write there.

        Said here, and not with CDK's `server_access_logs_bucket`, which grants by ACL or by policy as
        a feature flag says: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
        """
        resource = cast(s3.CfnBucket, bucket.node.default_child)
        resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=self.bucket.bucket_name, log_file_prefix=prefix
        )
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject"],
                principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                resources=[self.bucket.arn_for_objects(f"{prefix}*")],
                conditions={
                    "ArnLike": {"aws:SourceArn": bucket.bucket_arn},
                    "StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account},
                },
            )
        )


class DataBucket(Construct):
    """A private bucket: encrypted with a key of ours, versioned, read over TLS only, and logged.

    By default, it is retained, and versions that were replaced or deleted are kept for 90 days.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        access_logs: AccessLogsBucket,
        noncurrent_days: int = 90,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=encryption_key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=cdk.Duration.days(noncurrent_days),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
            ],
            removal_policy=removal_policy,
        )
        access_logs.log(self.bucket, prefix=f"{construct_id.lower()}/")
        _acknowledge_one_region(self.bucket)


def _acknowledge_one_region(bucket: s3.IBucket) -> None:
    acknowledge(
        bucket,
        "HIPAA.Security-S3BucketReplicationEnabled",
        "NIST.800.53.R5-S3BucketReplicationEnabled",
        "PCI.DSS.321-S3BucketReplicationEnabled",
        reason="an environment lives in one region; versions protect against deletion, and what must"
        " survive the region is copied by whoever owns the second one",
    )
