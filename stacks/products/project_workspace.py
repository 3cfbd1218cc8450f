"""Where a project of a team's keeps its images and its models."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from clary.environment import catalog
from clary_constructs import FieldRule, ImageRepository, LaunchRight
from stacks.access import workspace_of
from stacks.products import fields
from stacks.products.product import Offer, Product

_OURS = "whoever launches it names the project; what the team makes begins with the team's name"


class ProjectWorkspace(Product):
    """Everything has one name, which begins as all does that the team's own rights are about."""

    key = "project_workspace"
    title = "Project workspace"
    about = (
        "A repository for a project's images, a group for its models and a place for its files, which the"
        " team's people and jobs may use at once. Give a name, in small letters; another one is another"
        " workspace."
    )

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        assert isinstance(offer.settings, catalog.ProjectWorkspace)
        self._said = offer.settings
        self._workspace = workspace_of(offer.environment, offer.team, offer.network, offer.data)
        self._key = self.share("key-arn", offer.data.key.key_arn)
        self._bucket = self.share("data-bucket", offer.data.data_bucket.bucket_name)

    def add_to(self, stack: cdk.Stack) -> None:
        offer, workspace = self.offer, self._workspace
        given = fields.name(
            stack,
            "What the project is called, like churn: small letters, digits and single hyphens",
            longest=catalog.longest_project(offer.team),
        )
        name = cdk.Fn.join("", [workspace.job_prefix, given])
        # a token: CDK takes the text of a reference for an ARN that is none
        key = cdk.CfnDynamicReference(cdk.CfnDynamicReferenceService.SSM, self._key.parameter_name)
        retain = offer.environment.retain_data
        images = ImageRepository(
            stack,
            "Images",
            repository_name=name,
            encryption_key=kms.Key.from_key_arn(stack, "Key", key.to_string()),
            untagged_days=self._said.untagged_days,
            removal_policy=cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY,
        ).repository
        group = sagemaker.CfnModelPackageGroup(
            stack,
            "Packages",
            model_package_group_name=name,
            model_package_group_description="Versions of a project's models, that are approved or not",
        )
        repository = images.node.default_child
        assert isinstance(repository, ecr.CfnRepository)
        for kept in (repository, group):
            # another name makes another one: what the first one holds stays, whatever the environment does
            kept.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
            kept.cfn_options.deletion_policy = (
                cdk.CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE if retain else cdk.CfnDeletionPolicy.DELETE
            )
        cdk.Tags.of(stack).add(catalog.PROJECT_TAG, given)
        outputs = {
            "Repository": (images.repository_uri, "Where images are pushed to, and pulled from"),
            "ModelPackageGroup": (name, "Where models are registered"),
            "Files": (
                cdk.Fn.join(
                    "",
                    [
                        f"s3://{self._bucket.reference}/{workspace.object_prefix}projects/",
                        given,
                        "/",
                    ],
                ),
                "Where files go: it is the team's, and there as soon as something is put there",
            ),
            "Experiment": (name, "What to call the experiment in MLflow: mlflow.set_experiment makes it"),
        }
        for output, (value, says) in outputs.items():
            cdk.CfnOutput(stack, output, value=value, description=says)

    def rules(self) -> Sequence[FieldRule]:
        taken = catalog.taken_by_models(self.offer.environment, self.offer.team)
        return fields.name_is_free(
            taken, "a model of the environment's file has a group of this name, choose another one"
        )

    def rights(self) -> Sequence[LaunchRight]:
        stack, names = self.offer.stack, f"{self._workspace.job_prefix}*"
        return [
            LaunchRight(
                "makes, changes and removes the repository",
                [
                    "ecr:CreateRepository",
                    "ecr:DeleteLifecyclePolicy",
                    "ecr:DeleteRepository",
                    "ecr:DescribeRepositories",
                    "ecr:GetLifecyclePolicy",
                    "ecr:GetRepositoryPolicy",
                    "ecr:ListTagsForResource",
                    "ecr:PutImageScanningConfiguration",
                    "ecr:PutImageTagMutability",
                    "ecr:PutLifecyclePolicy",
                    "ecr:TagResource",
                    "ecr:UntagResource",
                ],
                [stack.format_arn(service="ecr", resource="repository", resource_name=names)],
                wildcard_because=_OURS,
            ),
            LaunchRight(
                "encrypts the images",
                ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"],
                [self._key.value],
                {"StringEquals": {"kms:ViaService": f"ecr.{stack.region}.amazonaws.com"}},
            ),
            LaunchRight(
                "makes, changes and removes the group",
                [
                    "sagemaker:AddTags",
                    "sagemaker:CreateModelPackageGroup",
                    "sagemaker:DeleteModelPackageGroup",
                    "sagemaker:DeleteTags",
                    "sagemaker:DescribeModelPackageGroup",
                    "sagemaker:GetModelPackageGroupPolicy",
                    "sagemaker:ListTags",
                ],
                [stack.format_arn(service="sagemaker", resource="model-package-group", resource_name=names)],
                wildcard_because=_OURS,
            ),
        ]
