"""What an environment must not lose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from clary.environment import project
from clary.environment.model import Environment
from clary_constructs import (
    AccessLogsBucket,
    BucketEmptier,
    DataBucket,
    EncryptionKey,
    ImageRepository,
    answer_only_within,
    python_code,
)
from constructs import Construct
from stacks.naming import PIPELINES, pascal

_JOB_DAYS = 7
"""How long a job's input and answer are there (docs/api.md)."""
_OF_A_STACKS_NAME = 24
"""At least so many of its letters are in the name of a role that CloudFormation makes up.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
"""
_FUNCTIONS = Path(__file__).parent.parent / "lambda"


class DataStack(cdk.Stack):
    """A key, buckets for data, models and access logs, and image repositories.

    All of it outlives the environment, unless the file says twice that it is to be deleted. `vpc` is where
    the data is worked with, and where alone it is reached if the file says so.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        vpc: ec2.IVpc | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal_policy = cdk.RemovalPolicy.RETAIN if environment.retain_data else cdk.RemovalPolicy.DESTROY
        encryption = EncryptionKey(
            self,
            "Encryption",
            description=f"Encrypts what the environment {environment.name} keeps",
            used_by_alarms=True,
            used_by_budgets=environment.costs.budgeted,
            removal_policy=removal_policy,
        )
        access_logs = AccessLogsBucket(self, "AccessLogs", removal_policy=removal_policy)
        data, models = (
            DataBucket(
                self,
                name,
                encryption_key=encryption.key,
                access_logs=access_logs,
                removal_policy=removal_policy,
            )
            for name in ("Data", "Models")
        )
        # What the API keeps for its callers, who were told how long.
        data.bucket.add_lifecycle_rule(
            id="Jobs",
            prefix="jobs/",
            expiration=cdk.Duration.days(_JOB_DAYS),
            noncurrent_version_expiration=cdk.Duration.days(1),
        )
        if environment.costs.sweeper is not None or environment.costs.cap is not None:
            # written anew all the time, by whoever looks at what runs
            data.bucket.add_lifecycle_rule(
                id="Operations",
                prefix="operations--",
                noncurrent_version_expiration=cdk.Duration.days(7),
            )
        if environment.opens("canvas"):
            # people bring files from their browsers:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/canvas-set-up-local-upload.html
            data.bucket.add_cors_rule(
                allowed_headers=["*"],
                allowed_methods=[s3.HttpMethods.POST],
                allowed_origins=[f"https://*.studio.{self.region}.sagemaker.aws"],
            )
        if project.any_in_studio(environment):
            # Studio lists templates in people's browsers:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html
            data.bucket.add_cors_rule(
                allowed_headers=["*"],
                allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD],
                allowed_origins=[f"https://*.studio.{self.region}.sagemaker.aws"],
                exposed_headers=["ETag", "x-amz-request-id", "x-amz-version-id"],
            )
        self.key: kms.IKey = encryption.key
        self.access_logs_bucket: s3.IBucket = access_logs.bucket
        self.data_bucket: s3.IBucket = data.bucket
        self.models_bucket: s3.IBucket = models.bucket
        self.repositories: Mapping[str, ecr.IRepository] = {
            name: ImageRepository(
                self,
                f"Images{pascal(name)}",
                encryption_key=encryption.key,
                removal_policy=removal_policy,
            ).repository
            for name in environment.repositories
        }
        if environment.data.only_from_vpc:
            if vpc is None:
                raise ValueError("'only_from_vpc' takes the VPC that it is about, give 'vpc'")
            self._close(environment, vpc)
        for name, group_name in environment.model_package_groups.items():
            group = sagemaker.CfnModelPackageGroup(
                self,
                f"Packages{pascal(name)}",
                model_package_group_name=group_name,
                model_package_group_description=f"Versions of a model, {name}, that are approved or not",
            )
            group.apply_removal_policy(removal_policy)
        if not environment.retain_data:
            emptier = BucketEmptier(
                self,
                "Emptier",
                code=python_code(_FUNCTIONS, ["bucket_emptier", "runtime_common"]),
                encryption_key=self.key,
            )
            for bucket in (access_logs.bucket, data.bucket, models.bucket):
                emptier.empty(bucket)

        cdk.CfnOutput(self, "KeyArn", value=self.key.key_arn)
        cdk.CfnOutput(self, "DataBucketName", value=self.data_bucket.bucket_name)
        cdk.CfnOutput(self, "ModelsBucketName", value=self.models_bucket.bucket_name)
        for name, repository in self.repositories.items():
            cdk.CfnOutput(self, f"RepositoryUri{pascal(name)}", value=repository.repository_uri)

    def _close(self, environment: Environment, vpc: ec2.IVpc) -> None:
        """Models are read from anywhere by who may: the registry looks at them from outside of the VPC, and
        takes none otherwise
        (https://docs.aws.amazon.com/sagemaker/latest/dg/inference-recommender-vpc-access.html).

        What the environment itself is made of works outside of it, too: its functions, MLflow, and
        pipelines between their steps, which SageMaker runs where it likes. Of a stack's name, CloudFormation
        puts the first letters into the names of its roles.
        """
        stacks, name = environment.stack_name("")[:_OF_A_STACKS_NAME], environment.name
        own = [
            self.format_arn(service="iam", region="", resource="role", resource_name=resource_name)
            for resource_name in (f"{stacks}*", f"clary/{name}/clary-{name}-*{PIPELINES}")
        ]
        except_for = [*own, *environment.data.except_for]
        for bucket in (self.data_bucket, self.access_logs_bucket):
            answer_only_within(bucket, vpc, except_for=except_for)
        answer_only_within(self.models_bucket, vpc, except_for=except_for, read_from_anywhere=True)
