"""What nobody may in an environment, whatever they are allowed: one source of statements that deny.

It yields the permissions boundary's denials, those that personas' roles have attached, and service control
policies. For the first two the very subnets, groups and key are known; a control policy is about an account
and asks that there are some.

Keys that a request lacks decide much here. An operator that negates is met by a request without the key
(`StringNotEquals` denies a job without it), one that does not is not, and `ForAnyValue` never is: so each
statement says by its operator what becomes of a request that says nothing.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clary.environment.catalog import ROUTE_TAG, gives_root, launch_role_path, teams_with_routes
from clary.environment.model import ENVIRONMENT_TAG, TEAM_TAG, Environment
from clary.environment.people import TeamName
from clary.errors import ClaryError

Statement = Mapping[str, object]


class TooManyGuardrailsError(ClaryError, ValueError):
    """More than an organization's policies have room for."""


CONTROL_POLICY_CHARACTERS = 5120
CONTROL_POLICIES = 4
"""A target takes five, and has `FullAWSAccess` already:
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"""

_IN_A_VPC = [
    "sagemaker:CreateAutoMLJob",
    "sagemaker:CreateAutoMLJobV2",
    "sagemaker:CreateDataQualityJobDefinition",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateModel",
    "sagemaker:CreateModelBiasJobDefinition",
    "sagemaker:CreateModelExplainabilityJobDefinition",
    "sagemaker:CreateModelQualityJobDefinition",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
]
_WITH_A_VOLUME = [
    "sagemaker:CreateAutoMLJob",
    "sagemaker:CreateAutoMLJobV2",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTransformJob",
]
_WITH_OUTPUT = [
    "sagemaker:CreateAutoMLJob",
    "sagemaker:CreateAutoMLJobV2",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTransformJob",
]
_BETWEEN_CONTAINERS = [
    "sagemaker:CreateAutoMLJob",
    "sagemaker:CreateAutoMLJobV2",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
]
_ON_INSTANCES = [
    "sagemaker:CreateApp",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTransformJob",
    "sagemaker:UpdateNotebookInstance",
]
"""The actions that know the keys that they are denied by:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html"""

_WITH_TAGS = [
    "sagemaker:CreateAutoMLJob",
    "sagemaker:CreateAutoMLJobV2",
    "sagemaker:CreateEndpoint",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateInferenceComponent",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTransformJob",
]
"""What runs, and knows `aws:RequestTag`. Apps are not among them: SageMaker gives them the tags of the domain
and of the profile that they are of: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html"""

_OF_NO_REGION = [
    "account:*",
    "aws-portal:*",
    "budgets:*",
    "ce:*",
    "cloudfront:*",
    "health:*",
    "iam:*",
    "organizations:*",
    "route53:*",
    "s3:GetBucketLocation",
    "s3:ListAllMyBuckets",
    "servicecatalog:*",
    "sts:*",
    "support:*",
    "tag:*",
]
"""What is asked in one region for all of them:
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html"""


@dataclass(frozen=True)
class Perimeter:
    """What is allowed to be used; None where any will do, as long as there is one."""

    subnets: Sequence[str] | None = None
    security_groups: Sequence[str] | None = None
    key_arn: str | None = None


def denials(environment: Environment, perimeter: Perimeter) -> list[Statement]:
    """The statements, each with a name of its own."""
    return [
        *_network(perimeter),
        *_keys(perimeter),
        _deny(
            "NotebookOnTheInternet",
            ["sagemaker:CreateNotebookInstance"],
            {"StringNotEquals": {"sagemaker:DirectInternetAccess": "Disabled"}},
        ),
        *_root(environment),
        _deny(
            "PlainBetweenContainers",
            _BETWEEN_CONTAINERS,
            {"StringNotEquals": {"sagemaker:InterContainerTrafficEncryption": "true"}},
        ),
        *_domains(environment),
        *_instance_types(environment),
        {
            "Sid": "OtherRegions",
            "Effect": "Deny",
            "NotAction": _OF_NO_REGION,
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": list(environment.regions)}},
        },
    ]


def control_policies(environment: Environment) -> list[str]:
    """The documents of the service control policies, as few as IAM's limits let them be."""
    roles = f"arn:aws:iam::{environment.account}:role"
    launching = [f"{roles}{launch_role_path(environment.name)}*", f"{roles}/cdk-*-cfn-exec-role-*"]
    statements = [
        *denials(environment, Perimeter()),
        *routes(environment, launching),
        *(untagged(environment) if environment.costs.require_tags else ()),
        *_limits_of_roles(environment),
    ]
    documents: list[list[Statement]] = [[]]
    for statement in statements:
        if len(_document([statement])) > CONTROL_POLICY_CHARACTERS:
            raise TooManyGuardrailsError(
                f"the guardrail {statement['Sid']} alone has {len(_document([statement])):,} characters,"
                f" a service control policy takes {CONTROL_POLICY_CHARACTERS:,}: list fewer"
            )
        if len(_document([*documents[-1], statement])) > CONTROL_POLICY_CHARACTERS:
            documents.append([])
        documents[-1].append(statement)
    if len(documents) > CONTROL_POLICIES:
        raise TooManyGuardrailsError(
            f"the guardrails fill {len(documents)} service control policies, there is room for"
            f" {CONTROL_POLICIES}: list fewer instance types or regions"
        )
    return [_document(document) for document in documents]


def untagged(environment: Environment, team: TeamName | None = None) -> Iterator[Statement]:
    """Nobody starts what no budget sees: without the tags, or with another team's; with any if no `team` is
    given. That the tags stay needs no statement: nobody may change the tags of what is there."""
    allowed = {ENVIRONMENT_TAG: environment.name, TEAM_TAG: team}
    for sid, key in (("NoEnvironmentTag", ENVIRONMENT_TAG), ("NoTeamTag", TEAM_TAG)):
        given, value = f"aws:RequestTag/{key}", allowed[key]
        condition = {"Null": {given: "true"}} if value is None else {"StringNotEquals": {given: value}}
        yield _deny(sid, _WITH_TAGS, condition)


def routes(environment: Environment, launching: Sequence[str] = ()) -> Iterator[Statement]:
    """Where the API leads to what people launch, nobody but the roles `launching` says of an endpoint that it
    does, or puts something else behind one of which it is said. Who takes endpoints away may still do so.

    The boundary goes without: it has no room, and who may make endpoints has a guardrail attached.
    """
    if not teams_with_routes(environment.catalog):
        return
    others = {"ArnNotLike": {"aws:PrincipalArn": list(launching)}} if launching else {}
    yield _deny(
        "RouteByHand",
        ["sagemaker:AddTags", "sagemaker:CreateEndpoint"],
        {"ForAnyValue:StringEquals": {"aws:TagKeys": [ROUTE_TAG]}, **others},
    )
    yield _deny(
        "RoutedByHand",
        ["sagemaker:UpdateEndpoint"],
        {"Null": {f"aws:ResourceTag/{ROUTE_TAG}": "false"}, **others},
    )


def _document(statements: Sequence[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))


def _network(perimeter: Perimeter) -> Iterator[Statement]:
    for sid, key, allowed in (
        ("Subnets", "sagemaker:VpcSubnets", perimeter.subnets),
        ("Groups", "sagemaker:VpcSecurityGroupIds", perimeter.security_groups),
    ):
        yield _deny(f"No{sid}", _IN_A_VPC, {"Null": {key: "true"}})
        if allowed is not None:
            yield _deny(f"Other{sid}", _IN_A_VPC, {"ForAnyValue:StringNotEquals": {key: list(allowed)}})


def _keys(perimeter: Perimeter) -> Iterator[Statement]:
    for sid, key, actions in (
        ("Volumes", "sagemaker:VolumeKmsKey", _WITH_A_VOLUME),
        ("Output", "sagemaker:OutputKmsKey", _WITH_OUTPUT),
    ):
        if perimeter.key_arn is None:
            yield _deny(f"{sid}WithoutKey", actions, {"Null": {key: "true"}})
        else:
            yield _deny(f"{sid}WithoutOurKey", actions, {"ArnNotEquals": {key: perimeter.key_arn}})


def _root(environment: Environment) -> Iterator[Statement]:
    """Nobody is root on a notebook instance, but where the file says so of those that people launch."""
    launched: dict[str, object] = {}
    if gives_root(environment.catalog):
        roles = f"role{launch_role_path(environment.name)}*"
        launched = {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{environment.account}:{roles}"}}
    yield _deny(
        "NotebookWithRoot",
        ["sagemaker:CreateNotebookInstance"],
        {"StringNotEquals": {"sagemaker:RootAccess": "Disabled"}, **launched},
    )
    # an update that says nothing of it changes nothing of it
    yield _deny(
        "RootAfterwards",
        ["sagemaker:UpdateNotebookInstance"],
        {"StringEquals": {"sagemaker:RootAccess": "Enabled"}, **launched},
    )


def _domains(environment: Environment) -> Iterator[Statement]:
    if environment.studio.network == "vpc-only":
        key = "sagemaker:AppNetworkAccessType"
        yield _deny("DomainOnTheInternet", ["sagemaker:CreateDomain"], {"StringNotEquals": {key: "VpcOnly"}})
        yield _deny(
            "InternetAfterwards", ["sagemaker:UpdateDomain"], {"StringEquals": {key: "PublicInternetOnly"}}
        )


def _instance_types(environment: Environment) -> Iterator[Statement]:
    allowed = environment.guardrails.instance_types
    if allowed is not None:
        # `system` is what Studio's own applications run on, and costs nothing
        yield _deny(
            "OtherInstanceTypes",
            _ON_INSTANCES,
            {"ForAnyValue:StringNotLike": {"sagemaker:InstanceTypes": [*allowed, "system"]}},
        )


def _limits_of_roles(environment: Environment) -> Iterator[Statement]:
    """Nobody but who deploys takes the boundary off the roles, or makes it wider."""
    deployed_by = {
        "ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{environment.account}:role/cdk-*-cfn-exec-role-*"}
    }
    role = f"arn:aws:iam::{environment.account}:role/clary/{environment.name}/*"
    yield {
        "Sid": "LimitsOfRoles",
        "Effect": "Deny",
        "Action": [
            "iam:AttachRolePolicy",
            "iam:DeleteRolePermissionsBoundary",
            "iam:PutRolePermissionsBoundary",
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy",
        ],
        "Resource": role,
        "Condition": deployed_by,
    }
    yield {
        "Sid": "WiderPolicies",
        "Effect": "Deny",
        "Action": [
            "iam:CreatePolicyVersion",
            "iam:DeletePolicy",
            "iam:DeletePolicyVersion",
            "iam:SetDefaultPolicyVersion",
        ],
        "Resource": f"arn:aws:iam::{environment.account}:policy/{environment.stack_name('access')}-*",
        "Condition": deployed_by,
    }


def _deny(sid: str, actions: Sequence[str], condition: Mapping[str, object]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Action": list(actions),
        "Resource": "*",
        "Condition": condition,
    }
