"""What the jobs of a team work as."""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._capability import (
    DESCRIBE_NETWORK,
    GRANT_KEY,
    MAKE_INTERFACES,
    PUT_METRICS,
    READ_OBJECTS,
    USE_KEY,
    WRITE_LOGS,
    WRITE_OBJECTS,
    Right,
    below_the_name,
    listing,
    log_group,
    objects,
    pull_images,
    use_private_data,
)
from clary_constructs._persona import studio_role
from clary_constructs._policy import AccessPolicy
from clary_constructs._workspace import TeamWorkspace
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
        path: str = "/",
    ) -> None:
        super().__init__(scope, construct_id)
        self.role: iam.IRole = studio_role(
            self,
            f"Jobs of the team {workspace.name}",
            permissions_boundary=permissions_boundary,
            path=path,
        )
        policy = AccessPolicy(
            self, "Jobs", description=f"What jobs of the team {workspace.name} may do", roles=[self.role]
        )
        for right in _rights(cdk.Stack.of(self), workspace):
            policy.allow(
                right.actions,
                right.resources,
                conditions=right.conditions,
                wildcard_because=right.wildcard_because,
            )


def _rights(stack: cdk.Stack, workspace: TeamWorkspace) -> Iterator[Right]:
    key = workspace.encryption_key.key_arn
    yield listing([workspace.data_bucket, workspace.models_bucket], workspace.object_prefix)
    for bucket in (workspace.data_bucket, workspace.models_bucket):
        yield objects(
            [*READ_OBJECTS, *WRITE_OBJECTS], bucket, workspace.object_prefix, below_the_name(workspace)
        )
    yield from use_private_data(workspace)
    yield Right("Data", USE_KEY, [key])
    # volumes of jobs are encrypted by EC2, on behalf of SageMaker
    yield Right("Data", GRANT_KEY, [key], {"Bool": {"kms:GrantIsForAWSResource": "true"}})
    yield from pull_images(workspace)
    yield Right(
        "Jobs",
        WRITE_LOGS,
        [log_group(stack, "/aws/sagemaker/*")],
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
