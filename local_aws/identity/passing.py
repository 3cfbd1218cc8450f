"""Which requests hand a role to a service, and so need `iam:PassRole`.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws import hooks
from local_aws.identity.request import Arrived

EC2 = "ec2.amazonaws.com"
ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")


@dataclass(frozen=True)
class _Passing:
    service: str
    members: tuple[str, ...]
    """The members of the request that take a role, wherever in it they are."""


_PASSED: Mapping[str, _Passing] = {
    "application-autoscaling:RegisterScalableTarget": _Passing(
        "application-autoscaling.amazonaws.com", ("RoleARN",)
    ),
    "appsync:CreateDataSource": _Passing("appsync.amazonaws.com", ("serviceRoleArn",)),
    "backup:CreateBackupSelection": _Passing("backup.amazonaws.com", ("IamRoleArn",)),
    "batch:CreateComputeEnvironment": _Passing("batch.amazonaws.com", ("serviceRole",)),
    "cloudformation:ContinueUpdateRollback": _Passing("cloudformation.amazonaws.com", ("RoleARN",)),
    "cloudformation:CreateChangeSet": _Passing("cloudformation.amazonaws.com", ("RoleARN",)),
    "cloudformation:CreateStack": _Passing("cloudformation.amazonaws.com", ("RoleARN",)),
    "cloudformation:DeleteStack": _Passing("cloudformation.amazonaws.com", ("RoleARN",)),
    "cloudformation:RollbackStack": _Passing("cloudformation.amazonaws.com", ("RoleARN",)),
    "cloudformation:UpdateStack": _Passing("cloudformation.amazonaws.com", ("RoleARN",)),
    "cloudtrail:CreateTrail": _Passing("cloudtrail.amazonaws.com", ("CloudWatchLogsRoleArn",)),
    "cloudtrail:UpdateTrail": _Passing("cloudtrail.amazonaws.com", ("CloudWatchLogsRoleArn",)),
    "codebuild:CreateProject": _Passing("codebuild.amazonaws.com", ("serviceRole",)),
    "codebuild:UpdateProject": _Passing("codebuild.amazonaws.com", ("serviceRole",)),
    "config:PutConfigurationRecorder": _Passing("config.amazonaws.com", ("roleARN",)),
    "ec2:CreateFlowLogs": _Passing("vpc-flow-logs.amazonaws.com", ("DeliverLogsPermissionArn",)),
    "ecs:RegisterTaskDefinition": _Passing("ecs-tasks.amazonaws.com", ("executionRoleArn", "taskRoleArn")),
    "elasticmapreduce:RunJobFlow": _Passing(
        "elasticmapreduce.amazonaws.com", ("AutoScalingRole", "ServiceRole")
    ),
    "events:PutRule": _Passing("events.amazonaws.com", ("RoleArn",)),
    "events:PutTargets": _Passing("events.amazonaws.com", ("RoleArn",)),
    "firehose:CreateDeliveryStream": _Passing("firehose.amazonaws.com", ("RoleARN",)),
    "glue:CreateCrawler": _Passing("glue.amazonaws.com", ("Role",)),
    "glue:CreateJob": _Passing("glue.amazonaws.com", ("Role",)),
    "glue:CreateSession": _Passing("glue.amazonaws.com", ("Role",)),
    "lambda:CreateFunction": _Passing("lambda.amazonaws.com", ("Role",)),
    "lambda:UpdateFunctionConfiguration": _Passing("lambda.amazonaws.com", ("Role",)),
    "logs:PutSubscriptionFilter": _Passing("logs.amazonaws.com", ("roleArn",)),
    "pipes:CreatePipe": _Passing("pipes.amazonaws.com", ("RoleArn",)),
    "pipes:UpdatePipe": _Passing("pipes.amazonaws.com", ("RoleArn",)),
    "scheduler:CreateSchedule": _Passing("scheduler.amazonaws.com", ("RoleArn",)),
    "scheduler:UpdateSchedule": _Passing("scheduler.amazonaws.com", ("RoleArn",)),
    "states:CreateStateMachine": _Passing("states.amazonaws.com", ("roleArn",)),
    "states:UpdateStateMachine": _Passing("states.amazonaws.com", ("roleArn",)),
}

_REPLICATION = re.compile(rb"<Role>\s*(arn:[^<\s]+)\s*</Role>")
_APIGATEWAY = ("authorizerCredentials", "credentials")


def roles(action: str, request: Arrived) -> Iterator[tuple[str, str]]:
    """The roles that a request hands over, and to whom."""
    if action == "iam:AddRoleToInstanceProfile":
        found_role = hooks.principals.iam_role(
            hooks.request.account_id(), str(request.parameters.get("RoleName"))
        )
        if found_role is not None:
            yield str(found_role["Arn"]), EC2
    elif action == "s3:PutReplicationConfiguration":
        yield from ((found.decode(), "s3.amazonaws.com") for found in _REPLICATION.findall(request.body))
    elif action.startswith("apigateway:"):
        for role in _for_apigateway(request):
            yield role, "apigateway.amazonaws.com"
    elif action in _PASSED:
        found = _PASSED[action]
        yield from ((role, found.service) for role in within(request.parameters, found.members))
        if action == "elasticmapreduce:RunJobFlow" and "JobFlowRole" in request.parameters:
            yield from ((role, EC2) for role in of_profile(str(request.parameters["JobFlowRole"])))


def of_profile(profile: str) -> list[str]:
    """The roles of an instance profile, by its name or ARN: where there is none, the role of that name."""
    name = profile.rpartition("/")[2]
    account = hooks.request.account_id()
    return hooks.principals.iam_roles_of_profile(account, name) or [f"arn:aws:iam::{account}:role/{name}"]


def _for_apigateway(request: Arrived) -> Iterator[str]:
    """An integration's and an authoriser's credentials, the account's role for logs."""
    yield from within(request.parameters, _APIGATEWAY)
    for operation in request.parameters.get("patchOperations") or ():
        if str(operation.get("path", "")).endswith(("redentials", "cloudwatchRoleArn")):
            yield from within({"value": operation.get("value")}, ("value",))


def within(value: Any, members: tuple[str, ...]) -> Iterator[str]:
    """The roles at members of these names, at any depth."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in members and isinstance(item, str) and ROLE.fullmatch(item):
                yield item
            else:
                yield from within(item, members)
    elif isinstance(value, list):
        for item in value:
            yield from within(item, members)
