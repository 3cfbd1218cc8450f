"""What models run as that people launch from a registry."""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._capability import (
    GRANT_KEY,
    READ_KEY,
    READ_OBJECTS,
    below_the_name,
    objects,
    pull_images,
)
from clary_constructs._right import Position, Right
from clary_constructs._team import running, team_role
from clary_constructs._workspace import TeamWorkspace
from constructs import Construct


class LaunchedModelRole(Construct):
    """Reads what the team has trained, pulls its images, works in its network, and writes logs and metrics.

    It is no role for data: of the team's part of the buckets it reads, and writes nothing.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        permissions_boundary: iam.IManagedPolicy,
        path: str = "/",
    ) -> None:
        super().__init__(scope, construct_id)
        role, policy = team_role(
            self,
            "Models",
            runs="launched models",
            workspace=workspace,
            permissions_boundary=permissions_boundary,
            path=path,
        )
        self.role: iam.IRole = role
        policy.allow_each(_rights(Position(cdk.Stack.of(self), workspace, self.role)))


def _rights(position: Position) -> Iterator[Right]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateModel API" """
    workspace = position.workspace
    key = workspace.encryption_key.key_arn
    for bucket in (workspace.data_bucket, workspace.models_bucket):
        yield objects(READ_OBJECTS, bucket, workspace.object_prefix, below_the_name(workspace))
    yield Right("Data", READ_KEY, [key])
    yield Right("Data", GRANT_KEY, [key], {"Bool": {"kms:GrantIsForAWSResource": "true"}})
    yield from pull_images(position)
    yield from running(position, f"/aws/sagemaker/Endpoints/{workspace.job_prefix}*")
