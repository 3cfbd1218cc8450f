"""What of a project's workspace CloudFormation would lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._feature_group import (
    MAKE_TABLES,
    FeatureHistory,
    OnlineFeatures,
    offline_store,
    online_store,
)
from clary_constructs._right import PASS_ROLE
from constructs import Construct

_KIND = "Custom::ProjectWorkspace"


@dataclass(frozen=True)
class GroupHistory:
    """Where the history of one group goes, whose stack has no `FeatureHistory`."""

    files: str
    """The address that all of the team's histories lie below."""
    role_arn: str
    database_name: str
    table_name: str
    iceberg: bool = False


class ProjectWorkspaces(Construct):
    """Refuses another name to a workspace that has one, and keeps the feature groups of workspaces.

    Stacks that Service Catalog launches get its tags, which change with each version, and CloudFormation
    replaces a feature group for another tag
    (https://docs.aws.amazon.com/servicecatalog/latest/adminguide/autotags.html,
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-featuregroup.html).
    So a function makes these (`code` holds `project_workspace.handler.handler`), adds what they lack, and
    removes them. It may do so where names begin with `name_prefixes`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        encryption_key: kms.IKey,
        name_prefixes: Sequence[str] = (),
        histories: Sequence[FeatureHistory] = (),
    ) -> None:
        """By default, no workspace has a feature group; `histories` are those of groups that have one."""
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        function, policy = cleanup_function(
            self,
            code=code,
            handler="project_workspace.handler.handler",
            description="Keeps the names of projects, and their feature groups",
            allowed="Makes, changes and removes feature groups of projects",
            encryption_key=encryption_key,
            reaches="SageMaker",
        )
        self.service_token: str = function.function_arn
        if not name_prefixes:
            return
        via = {"StringEquals": {"kms:ViaService": f"sagemaker.{stack.region}.amazonaws.com"}}
        policy.allow(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateFeatureGroup",
                "sagemaker:DeleteFeatureGroup",
                "sagemaker:DescribeFeatureGroup",
                "sagemaker:ListTags",
                "sagemaker:UpdateFeatureGroup",
            ],
            [
                stack.format_arn(service="sagemaker", resource="feature-group", resource_name=f"{prefix}*")
                for prefix in name_prefixes
            ],
            wildcard_because="whoever launches a project names it; what a team makes begins with its name",
        )
        # https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-security.html
        policy.allow(
            ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"], [encryption_key.key_arn], conditions=via
        )
        for history in histories:
            policy.allow(
                PASS_ROLE,
                [history.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
            policy.allow(
                MAKE_TABLES,
                history.catalog_arns,
                wildcard_because="a table for each project, which SageMaker makes with the group",
            )


def kept_workspace(
    scope: Construct,
    construct_id: str,
    *,
    service_token: str,
    project_name: str,
    files: str,
    group: Mapping[str, str],
    retain: bool,
) -> cdk.CfnResource:
    """A workspace's name, on which all else of it has to depend: nothing else changes where it is refused.

    `files` is where its files go, which the attribute `Files` tells. `group` is empty, or the group's
    identifier, event time and features, and its settings as text. What it stands for goes with a launch that
    fails, and, unless it is to `retain`, with its stack.
    """
    made = cdk.CfnResource(
        scope,
        construct_id,
        type=_KIND,
        properties={"ServiceToken": service_token, "ProjectName": project_name, "Files": files, **group},
    )
    made.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
    made.cfn_options.deletion_policy = (
        cdk.CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE if retain else cdk.CfnDeletionPolicy.DELETE
    )
    return made


def group_settings(
    *,
    encryption_key: kms.IKey,
    tags: Mapping[str, str],
    online: OnlineFeatures | None = None,
    history: GroupHistory | None = None,
) -> dict[str, object]:
    """A feature group as SageMaker's CreateFeatureGroup takes it, but for its name and its features."""
    settings: dict[str, object] = {
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    }
    if online is not None:
        settings["OnlineStoreConfig"] = online_store(online, encryption_key)
    if history is not None:
        settings["RoleArn"] = history.role_arn
        settings["OfflineStoreConfig"] = offline_store(
            history.files, history.database_name, history.table_name, history.iceberg, encryption_key
        )
    return settings
