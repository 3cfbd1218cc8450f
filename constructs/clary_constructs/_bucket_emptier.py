"""Buckets that may go, emptied when they do."""

from __future__ import annotations

from aws_cdk import CustomResource, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from clary_constructs._cleanup_function import cleanup_function
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
        self._function, self._policy = cleanup_function(
            self,
            code=code,
            handler="bucket_emptier.handler.handler",
            description="Empties buckets that are about to be deleted",
            allowed="Empties the buckets of one stack",
            encryption_key=encryption_key,
            reaches="S3, CloudFormation",
        )
        self._policy.allow(["cloudformation:DescribeStacks"], [Stack.of(self).stack_id])

    def empty(self, bucket: s3.Bucket) -> None:
        """Empties `bucket` when its stack is deleted, and never before: not when an edit takes this away."""
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
