"""What a statement of a role says, as data, and from whose point of view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._workspace import SharedGroup, TeamWorkspace

Topic = Literal["Data", "Studio", "Jobs", "Models", "Experiments", "Features"]
"""The policies that a role's rights are written into: one alone would exceed IAM's 6,144 characters."""

PASS_ROLE = ["iam:PassRole"]
TAG = ["sagemaker:AddTags"]

TO_SAGEMAKER = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
AS_IT_IS_MADE = {"Null": {"sagemaker:TaggingAction": "false"}}
NO_RESOURCE = "SageMaker's list operations take no resource"


@dataclass(frozen=True)
class Right:
    """One statement that allows; a wildcard among its resources needs its reason."""

    topic: Topic
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    wildcard_because: str | None = None


@dataclass(frozen=True)
class Position:
    """Whose rights: somebody's of a team, with the roles that its jobs, its pipelines and its
    sessions of Glue run as."""

    stack: cdk.Stack
    workspace: TeamWorkspace
    job_role: iam.IRole
    pipeline_role: iam.IRole | None = None
    session_role: iam.IRole | None = None
    shared_groups: Sequence[SharedGroup] = ()
    """Other teams' feature groups that are shared with them."""

    def sagemaker(self, kind: str, name: str) -> str:
        return self.stack.format_arn(service="sagemaker", resource=kind, resource_name=name)

    def ours(self, *kinds: str) -> list[str]:
        """What belongs to the team, which is told by what its names begin with."""
        return [self.sagemaker(kind, f"{self.workspace.job_prefix}*") for kind in kinds]

    def log_group(self, name: str) -> str:
        return log_group(self.stack, name)


def log_group(stack: cdk.Stack, name: str) -> str:
    return stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
