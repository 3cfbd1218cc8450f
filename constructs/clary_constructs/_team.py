"""What the jobs of a team work as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._capability import (
    DESCRIBE_NETWORK,
    GRANT_KEY,
    MAKE_INTERFACES,
    PUT_METRICS,
    READ_KEY,
    USE_KEY,
    WRITE_LOGS,
    make_models,
    pull_images,
    read_data,
    register,
    start_jobs,
    team_files,
    use_private_data,
)
from clary_constructs._experiment_right import log_to_mlflow
from clary_constructs._feature_right import query_histories, use_features, write_histories
from clary_constructs._persona import studio_role
from clary_constructs._policy import AccessPolicy
from clary_constructs._right import AS_IT_IS_MADE, TAG, Position, Right
from clary_constructs._workspace import SharedGroup, TeamWorkspace
from constructs import Construct


class JobRole(Construct):
    """What a team's training, processing and tuning jobs, and its models, run as.

    It reads and writes the team's part of the buckets, pulls the team's images, and works in the given
    network (https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html). Of private data a job
    sees what belongs to whoever started it, whose name it carries on: "the job creation APIs ingest the
    sourceIdentity present in the session"
    (https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        permissions_boundary: iam.IManagedPolicy,
        shared_groups: Sequence[SharedGroup] = (),
        path: str = "/",
    ) -> None:
        super().__init__(scope, construct_id)
        role, policy = team_role(
            self,
            "Jobs",
            runs="jobs",
            workspace=workspace,
            permissions_boundary=permissions_boundary,
            path=path,
        )
        self.role: iam.IRole = role
        position = Position(cdk.Stack.of(self), workspace, self.role, shared_groups=shared_groups)
        policy.allow_each(job_rights(position))
        histories = [*query_histories(position), *write_histories(position)]
        if histories:
            more = AccessPolicy(
                self,
                "Features",
                description=f"Histories of features for jobs of the team {workspace.name}",
                roles=[self.role],
            )
            more.allow_each(histories)


class PipelineRole(Construct):
    """What a team's pipelines run as: they start the team's jobs, under the job role, and register models.

    Of data it reads the team's, for conditions on what a step has written. The jobs that it starts are
    named as the team's are, which pipelines do when `PipelineDefinitionConfig(use_custom_job_prefix=True)`
    says so (https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html#build-and-manage-step-permissions-prefix).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        job_role: iam.IRole,
        permissions_boundary: iam.IManagedPolicy,
        path: str = "/",
        role_name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        role, policy = team_role(
            self,
            "Pipelines",
            runs="pipelines",
            workspace=workspace,
            permissions_boundary=permissions_boundary,
            path=path,
            role_name=role_name,
        )
        self.role: iam.IRole = role
        policy.allow_each(_pipeline_rights(Position(cdk.Stack.of(self), workspace, job_role)))


def team_role(
    scope: Construct,
    policy_id: str,
    *,
    runs: str,
    workspace: TeamWorkspace,
    permissions_boundary: iam.IManagedPolicy,
    path: str,
    role_name: str | None = None,
) -> tuple[iam.Role, AccessPolicy]:
    """A role for what of a team's SageMaker runs (`runs` says what, in the plural), and its policy."""
    role = studio_role(
        scope,
        f"{runs.capitalize()} of the team {workspace.name}",
        permissions_boundary=permissions_boundary,
        path=path,
        role_name=role_name,
    )
    may = f"What {runs} of the team {workspace.name} may do"
    return role, AccessPolicy(scope, policy_id, description=may, roles=[role])


def _pipeline_rights(position: Position) -> Iterator[Right]:
    yield from start_jobs(position)
    yield make_models(position)
    yield Right("Models", TAG, position.ours("model"), AS_IT_IS_MADE, "the team's models, as they are made")
    yield from register(position)
    yield from read_data(position)
    yield Right("Data", READ_KEY, [position.workspace.encryption_key.key_arn])


def job_rights(position: Position) -> Iterator[Right]:
    workspace = position.workspace
    key = workspace.encryption_key.key_arn
    yield from team_files(workspace)
    yield from use_private_data(workspace)
    yield Right("Data", USE_KEY, [key])
    # volumes of jobs are encrypted by EC2, on behalf of SageMaker
    yield Right("Data", GRANT_KEY, [key], {"Bool": {"kms:GrantIsForAWSResource": "true"}})
    yield from pull_images(position)
    yield from log_to_mlflow(position)
    yield use_features(position)
    yield from running(position, "/aws/sagemaker/*")


def running(position: Position, logs: str) -> Iterator[Right]:
    """What a container's instances need in the team's network: logs, metrics and interfaces."""
    stack, workspace = position.stack, position.workspace
    yield Right(
        "Jobs",
        WRITE_LOGS,
        [position.log_group(logs)],
        wildcard_because="SageMaker has a log group for each kind of job, and a stream for each instance",
    )
    yield Right(
        "Jobs",
        PUT_METRICS,
        ["*"],
        {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
        "metrics have no ARN; the namespace is the condition",
    )
    yield Right(
        "Jobs",
        MAKE_INTERFACES,
        [
            stack.format_arn(service="ec2", resource="network-interface", resource_name="*"),
            stack.format_arn(
                service="ec2",
                resource="security-group",
                resource_name=workspace.security_group.security_group_id,
            ),
            *(
                stack.format_arn(service="ec2", resource="subnet", resource_name=subnet)
                for subnet in workspace.subnet_ids
            ),
        ],
        wildcard_because="a network interface has no ARN before it is made; its subnet and group are named",
    )
    yield Right(
        "Jobs", DESCRIBE_NETWORK, ["*"], wildcard_because="EC2's describe operations take no resource"
    )
