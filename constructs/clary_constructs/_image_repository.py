"""Where container images are kept."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms

from constructs import Construct


class ImageRepository(Construct):
    """A repository whose tags never change their meaning and whose images are scanned when pushed.

    By default, it is retained; with `RemovalPolicy.DESTROY` it goes with its images. Images that have
    lost their tag expire after `untagged_days`. By default, CloudFormation names it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        repository_name: str | None = None,
        untagged_days: int = 14,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        self.repository = ecr.Repository(
            self,
            "Repository",
            repository_name=repository_name,
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=encryption_key,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="images without a tag",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=cdk.Duration.days(untagged_days),
                )
            ],
            empty_on_delete=removal_policy == cdk.RemovalPolicy.DESTROY,
            removal_policy=removal_policy,
        )
