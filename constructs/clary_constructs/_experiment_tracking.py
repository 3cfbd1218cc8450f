"""Where experiments are written down."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._policy import AccessPolicy
from clary_constructs._workspace import TEAM_TAG
from constructs import Construct


class ExperimentTracking(Construct):
    """An MLflow App: it is there in minutes, and costs next to nothing while nobody looks.

    Models, plots and files of experiments lie below `prefix` of `bucket`; what was measured is in the app
    itself. By default, it is retained. Its name and role cannot change: the app would be replaced. Those who
    `track-experiments` of `team` find it by its tag. What is measured is encrypted with a key of AWS's: the
    service would take one of ours, CloudFormation's type has no property for it
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-mlflowapp.html).
    https://docs.aws.amazon.com/sagemaker/latest/dg/mlflow-app-setup-prerequisites-iam.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        team: str,
        bucket: s3.IBucket,
        prefix: str,
        encryption_key: kms.IKey,
        permissions_boundary: iam.IManagedPolicy | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        folder = prefix.strip("/")
        if not folder:
            raise ValueError("no prefix, give the app a part of the bucket to itself")
        role = iam.Role(
            self,
            "Role",
            description=f"The MLflow App {name}",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            ),
            permissions_boundary=permissions_boundary,
        )
        role.apply_removal_policy(removal_policy)
        policy = AccessPolicy(
            self, "Artifacts", description=f"The files of the MLflow App {name}", roles=[role]
        )
        policy.policy.apply_removal_policy(removal_policy)
        policy.allow(
            ["s3:ListBucket"],
            [bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [folder, f"{folder}/*"]}},
        )
        policy.allow(
            ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            [bucket.arn_for_objects(f"{folder}/*")],
            wildcard_because="all files of the app, which lie below a prefix of their own",
        )
        policy.allow(["kms:Decrypt", "kms:GenerateDataKey"], [encryption_key.key_arn])
        app = sagemaker.CfnMlflowApp(
            self,
            "App",
            name=name,
            artifact_store_uri=f"s3://{bucket.bucket_name}/{folder}",
            role_arn=role.role_arn,
            model_registration_mode="AutoModelRegistrationDisabled",
        )
        cdk.Tags.of(app).add(TEAM_TAG, team)
        app.apply_removal_policy(removal_policy)
        app.node.add_dependency(policy)
        self.app_arn = app.attr_arn
