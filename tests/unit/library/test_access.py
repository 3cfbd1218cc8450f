"""What the roles of a team may do, decided request by request on the policies that are synthesised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from ministack.core import iam_evaluator

from clary.environment.model import Environment
from clary.environment.persona import CAPABILITIES, PERSONAS
from clary_constructs import AccessPolicy, JobRole, PermissionsBoundary, PipelineRole, TeamWorkspace
from clary_constructs import Persona as PersonaRole
from clary_constructs._capability import CAPABILITIES as IN_THE_LIBRARY
from stacks.access import AccessStack
from stacks.data import DataStack
from stacks.network import NetworkStack

ACCOUNT = "111122223333"
ENV = cdk.Environment(account=ACCOUNT, region="eu-west-1")
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"
JOBS = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-job"
JOB_ROLE = f"arn:aws:iam::{ACCOUNT}:role/clary/dev/jobs"
ADA = {"sagemaker:DomainId": "d-1", "sagemaker:UserProfileName": "risk-ada"}
IN_OUR_NETWORK = {
    "sagemaker:VpcSubnets": ["subnet-1", "subnet-2"],
    "sagemaker:VpcSecurityGroupIds": ["sg-workload"],
    "sagemaker:VolumeKmsKey": KEY,
    "sagemaker:OutputKmsKey": KEY,
}


@dataclass(frozen=True)
class Role:
    """A role's policies and boundary, in which references stand for what they refer to."""

    policies: tuple[dict[str, Any], ...]
    boundary: dict[str, Any]
    trust: dict[str, Any]

    def may(self, action: str, resource: str, context: Mapping[str, Any] | None = None) -> bool:
        keys = dict(context or {})
        request = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session",
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=action,
            resource_arn=resource,
            region="eu-west-1",
            service_context={key.lower(): value for key, value in keys.items()},
        )
        result = iam_evaluator.evaluate(
            request,
            [_parsed(policy, keys) for policy in self.policies],
            [_parsed(self.boundary, keys)],
        )
        return bool(result.decision == "Allow")


def _parsed(policy: dict[str, Any], keys: Mapping[str, Any]) -> Any:
    """The policy with its variables filled in, which ministack's evaluator does not do."""
    text = json.dumps(policy)
    for key, value in keys.items():
        if isinstance(value, str):
            text = text.replace(f"${{{key}}}", value)
    return iam_evaluator.parse_policy_document(text)


@pytest.fixture
def workspace() -> TeamWorkspace:
    return _workspace()


def _workspace() -> TeamWorkspace:
    """The team risk's, which owns one repository and one endpoint."""
    stack = cdk.Stack(cdk.App(context={"@aws-cdk/core:enablePartitionLiterals": True}), "Access", env=ENV)
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        isolated_subnet_ids=["subnet-1", "subnet-2"],
        isolated_subnet_route_table_ids=["rtb-1", "rtb-2"],
    )
    return TeamWorkspace(
        name="risk",
        data_bucket=s3.Bucket.from_bucket_name(stack, "Data", "data"),
        models_bucket=s3.Bucket.from_bucket_name(stack, "Models", "models"),
        encryption_key=kms.Key.from_key_arn(stack, "Key", KEY),
        vpc=vpc,
        subnets=ec2.SubnetSelection(subnets=vpc.isolated_subnets),
        security_group=ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-workload"),
        repositories=[ecr.Repository.from_repository_name(stack, "Images", "scoring")],
        endpoint_names=["clary-dev-scoring"],
    )


@pytest.fixture(scope="module")
def roles() -> dict[str, Role]:
    """The roles of the team risk."""
    workspace = _workspace()
    stack = cdk.Stack.of(workspace.data_bucket)
    boundary = PermissionsBoundary(stack, "Boundary", role_path="/clary/dev/").policy
    jobs = JobRole(stack, "Jobs", workspace=workspace, permissions_boundary=boundary, path="/clary/dev/")
    pipelines = PipelineRole(
        stack,
        "Pipelines",
        workspace=workspace,
        job_role=jobs.role,
        permissions_boundary=boundary,
        path="/clary/dev/",
    )
    made = {"scientist": ("Scientist", "data-scientist"), "engineer": ("Engineer", "mlops-engineer")}
    for construct_id, persona in made.values():
        PersonaRole(
            stack,
            construct_id,
            workspace=workspace,
            capabilities=PERSONAS[persona],
            job_role=jobs.role,
            pipeline_role=pipelines.role,
            permissions_boundary=boundary,
            path="/clary/dev/",
        )
    template = assertions.Template.from_stack(stack).to_json()["Resources"]
    beginnings = {"jobs": "Jobs", "scientist": "Scientist", "engineer": "Engineer"}
    return {name: _role(template, prefix) for name, prefix in beginnings.items()}


def _role(resources: dict[str, Any], prefix: str) -> Role:
    (role_id,) = (
        name for name, it in resources.items() if it["Type"] == "AWS::IAM::Role" and name.startswith(prefix)
    )
    policies = [it for it in resources.values() if it["Type"] == "AWS::IAM::ManagedPolicy"]
    boundary_id = resources[role_id]["Properties"]["PermissionsBoundary"]["Ref"]
    return Role(
        policies=tuple(
            _filled_in(it["Properties"]["PolicyDocument"])
            for it in policies
            if {"Ref": role_id} in it["Properties"].get("Roles", [])
        ),
        boundary=_filled_in(resources[boundary_id]["Properties"]["PolicyDocument"]),
        trust=resources[role_id]["Properties"]["AssumeRolePolicyDocument"],
    )


def _filled_in(value: Any) -> Any:
    """The one thing of this stack that policies refer to is the job role."""
    if isinstance(value, dict):
        return JOB_ROLE if "Fn::GetAtt" in value else {key: _filled_in(each) for key, each in value.items()}
    return [_filled_in(each) for each in value] if isinstance(value, list) else value


EVERYBODY = pytest.mark.parametrize("who", ["jobs", "scientist", "engineer"])
PEOPLE = pytest.mark.parametrize("who", ["scientist", "engineer"])


@EVERYBODY
def test_reads_and_writes_its_own_teams_data(roles: dict[str, Role], who: str) -> None:
    for action in ("s3:GetObject", "s3:PutObject"):
        assert roles[who].may(action, "arn:aws:s3:::data/risk/raw/1.csv")
    assert roles[who].may("s3:ListBucket", "arn:aws:s3:::data", {"s3:prefix": "risk/raw/"})


@EVERYBODY
@pytest.mark.parametrize("other", ["fraud", "risk-europe"])
def test_sees_nothing_of_another_team(roles: dict[str, Role], who: str, other: str) -> None:
    for bucket in ("data", "models"):
        assert not roles[who].may("s3:GetObject", f"arn:aws:s3:::{bucket}/{other}/1.csv")
        assert not roles[who].may("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": f"{other}/"})
        assert not roles[who].may("s3:ListBucket", f"arn:aws:s3:::{bucket}")


@pytest.mark.parametrize(("who", "allowed"), [("scientist", False), ("engineer", True), ("jobs", True)])
def test_leaves_models_to_jobs_and_engineers(roles: dict[str, Role], who: str, allowed: bool) -> None:
    assert roles[who].may("s3:GetObject", "arn:aws:s3:::models/risk/model.tar.gz")
    assert roles[who].may("s3:PutObject", "arn:aws:s3:::models/risk/model.tar.gz") is allowed


@pytest.mark.parametrize(("who", "allowed"), [("scientist", False), ("engineer", True), ("jobs", False)])
def test_lets_engineers_push_the_teams_images(roles: dict[str, Role], who: str, allowed: bool) -> None:
    ours = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/scoring"
    assert roles[who].may("ecr:BatchGetImage", ours)
    assert roles[who].may("ecr:PutImage", ours) is allowed
    assert not roles[who].may("ecr:PutImage", ours.replace("scoring", "housing"))


@PEOPLE
def test_starts_the_teams_jobs_in_the_given_network(roles: dict[str, Role], who: str) -> None:
    assert roles[who].may("sagemaker:CreateTrainingJob", f"{JOBS}/risk--1", IN_OUR_NETWORK)


@PEOPLE
@pytest.mark.parametrize(
    "changed",
    [
        {"sagemaker:VpcSubnets": None},
        {"sagemaker:VpcSubnets": ["subnet-1", "subnet-elsewhere"]},
        {"sagemaker:VpcSecurityGroupIds": ["sg-open"]},
        {"sagemaker:VpcSecurityGroupIds": None},
        {"sagemaker:VolumeKmsKey": None},
        {"sagemaker:OutputKmsKey": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/2"},
    ],
    ids=str,
)
def test_starts_no_job_elsewhere_or_with_another_key(
    roles: dict[str, Role], who: str, changed: dict[str, Any]
) -> None:
    asked = {key: value for key, value in (IN_OUR_NETWORK | changed).items() if value is not None}
    assert not roles[who].may("sagemaker:CreateTrainingJob", f"{JOBS}/risk--1", asked)


@PEOPLE
@pytest.mark.parametrize("name", ["fraud--1", "risk-europe--1", "1"])
def test_touches_no_job_of_another_team(roles: dict[str, Role], who: str, name: str) -> None:
    assert not roles[who].may("sagemaker:CreateTrainingJob", f"{JOBS}/{name}", IN_OUR_NETWORK)
    assert not roles[who].may("sagemaker:StopTrainingJob", f"{JOBS}/{name}")
    assert not roles[who].may("sagemaker:DescribeTrainingJob", f"{JOBS}/{name}")


@PEOPLE
def test_hands_the_job_role_to_sagemaker_and_to_nobody_else(roles: dict[str, Role], who: str) -> None:
    to_sagemaker = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert roles[who].may("iam:PassRole", JOB_ROLE, to_sagemaker)
    assert not roles[who].may("iam:PassRole", JOB_ROLE, {"iam:PassedToService": "lambda.amazonaws.com"})
    assert not roles[who].may("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", to_sagemaker)


@PEOPLE
@pytest.mark.parametrize(("owner", "allowed"), [("risk-ada", True), ("risk-emmy", False)])
def test_runs_apps_in_its_own_space_only(roles: dict[str, Role], who: str, owner: str, allowed: bool) -> None:
    asked = ADA | {
        "sagemaker:OwnerUserProfileArn": (f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:user-profile/d-1/{owner}"),
        "sagemaker:SpaceSharingType": "Private",
    }
    app = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:app/d-1/{owner}/jupyterlab/default"
    assert roles[who].may("sagemaker:CreateApp", app, asked) is allowed


@PEOPLE
def test_calls_the_teams_endpoints_and_no_others(roles: dict[str, Role], who: str) -> None:
    endpoint = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint"
    assert roles[who].may("sagemaker:InvokeEndpoint", f"{endpoint}/clary-dev-scoring")
    assert not roles[who].may("sagemaker:InvokeEndpoint", f"{endpoint}/clary-dev-housing")


@PEOPLE
def test_may_grant_the_use_of_the_domains_key_without_conditions(roles: dict[str, Role], who: str) -> None:
    assert roles[who].may("kms:CreateGrant", KEY)


@EVERYBODY
def test_is_recorded_under_its_users_names(roles: dict[str, Role], who: str) -> None:
    actions = {action for each in roles[who].trust["Statement"] for action in _listed(each["Action"])}
    assert actions == {"sts:AssumeRole", "sts:SetSourceIdentity"}


@EVERYBODY
def test_is_assumed_on_behalf_of_this_account_only(roles: dict[str, Role], who: str) -> None:
    for statement in roles[who].trust["Statement"]:
        assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@EVERYBODY
@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateRole",
        "iam:AttachRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
        "sts:AssumeRole",
        "sagemaker:CreateUserProfile",
        "sagemaker:CreatePresignedDomainUrl",
        "sagemaker:CreateNotebookInstance",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "s3:PutBucketPolicy",
    ],
)
def test_cannot_be_given_what_the_boundary_leaves_out(roles: dict[str, Role], who: str, action: str) -> None:
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    widened = Role((everything,), roles[who].boundary, roles[who].trust)
    assert widened.may("s3:GetObject", "arn:aws:s3:::data/risk/1.csv")
    assert not widened.may(action, "arn:aws:s3:::data")


def test_cannot_be_given_what_belongs_to_another_account(roles: dict[str, Role]) -> None:
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    widened = Role((everything,), roles["scientist"].boundary, roles["scientist"].trust)
    image = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/scoring"
    assert widened.may("ecr:PutImage", image)
    assert not widened.may("ecr:PutImage", image.replace(ACCOUNT, "999999999999"))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_file_and_the_library_know_the_same_capabilities() -> None:
    assert sorted(CAPABILITIES) == sorted(IN_THE_LIBRARY)


def test_refuses_a_capability_that_does_not_exist(workspace: TeamWorkspace) -> None:
    stack = cdk.Stack.of(workspace.data_bucket)
    boundary = PermissionsBoundary(stack, "Boundary", role_path="/").policy
    jobs = JobRole(stack, "Jobs", workspace=workspace, permissions_boundary=boundary)

    with pytest.raises(ValueError, match="no capability 'run-job', did you mean 'run-jobs'"):
        PersonaRole(
            stack,
            "Scientist",
            workspace=workspace,
            capabilities=["run-job"],
            job_role=jobs.role,
            permissions_boundary=boundary,
        )


def test_refuses_pipelines_without_the_role_that_they_run_as(workspace: TeamWorkspace) -> None:
    stack = cdk.Stack.of(workspace.data_bucket)
    boundary = PermissionsBoundary(stack, "Boundary", role_path="/").policy
    jobs = JobRole(stack, "Jobs", workspace=workspace, permissions_boundary=boundary)

    with pytest.raises(ValueError, match=r"'run-pipelines' takes the role .* give 'pipeline_role'"):
        PersonaRole(
            stack,
            "Scientist",
            workspace=workspace,
            capabilities=["run-pipelines"],
            job_role=jobs.role,
            permissions_boundary=boundary,
        )


def test_a_boundary_lets_groups_of_actions_through_and_guardrails_deny_among_them() -> None:
    stack = cdk.Stack()
    denied = {
        "Sid": "Other",
        "Effect": "Deny",
        "Action": ["sagemaker:CreatePipeline", "sagemaker:CreateCluster"],
        "Resource": "*",
    }

    PermissionsBoundary(stack, "Boundary", role_path="/", guardrails=[denied])

    (policy,) = assertions.Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    allowed = [name for each in statements if each["Effect"] == "Allow" for name in _listed(each["Action"])]
    assert "sagemaker:*Pipeline*" in allowed
    assert [each["Action"] for each in statements if each["Effect"] == "Deny"] == ["sagemaker:CreatePipeline"]


def test_refuses_a_guardrail_that_allows() -> None:
    everything = {"Sid": "All", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}
    with pytest.raises(ValueError, match="'All' does not deny"):
        PermissionsBoundary(cdk.Stack(), "Boundary", role_path="/", guardrails=[everything])


def test_a_boundary_leaves_out_guardrails_about_what_it_does_not_let_through() -> None:
    stack = cdk.Stack()
    wide = {
        "Sid": "Wide",
        "Effect": "Deny",
        "Action": ["iam:CreateUser", "s3:GetObject"],
        "Resource": "*",
    }
    idle = {"Sid": "Idle", "Effect": "Deny", "Action": ["iam:CreateUser"], "Resource": "*"}

    PermissionsBoundary(stack, "Boundary", role_path="/", guardrails=[wide, idle])

    (policy,) = assertions.Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy").values()
    denied = [
        (each["Sid"], each["Action"])
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
        if each["Effect"] == "Deny"
    ]
    assert denied == [("Wide", "s3:GetObject")]


def test_refuses_a_wildcard_that_nobody_explains() -> None:
    policy = AccessPolicy(cdk.Stack(), "Policy", description="all")
    with pytest.raises(ValueError, match="give 'wildcard_because' with a wildcard"):
        policy.allow(["s3:GetObject"], ["arn:aws:s3:::data/*"])


def test_refuses_actions_that_are_not_known_yet() -> None:
    policy = AccessPolicy(cdk.Stack(), "Policy", description="all")
    with pytest.raises(ValueError, match=r"'s3:\*' allows actions that are not known yet, name each action"):
        policy.allow(["s3:*"], ["*"], wildcard_because="everything")


def test_makes_a_role_for_each_persona_that_occurs_and_one_for_jobs_and_for_pipelines() -> None:
    environment = Environment.model_validate(
        {
            "name": "dev",
            "account": ACCOUNT,
            "region": "eu-west-1",
            "teams": {
                "risk": {"members": {"ada": "data-scientist", "emmy": "data-scientist"}},
                "fraud": {"members": {}},
            },
        }
    )
    app = cdk.App()
    network = NetworkStack(app, "Network", environment=environment, env=ENV)
    data = DataStack(app, "Data", environment=environment, env=ENV)
    access = AccessStack(app, "Access", environment=environment, network=network, data=data, env=ENV)
    template = assertions.Template.from_stack(access)

    assert set(access.persona_roles) == {("risk", "data-scientist")}
    assert set(access.job_roles) == {"risk", "fraud"}
    assert set(access.pipeline_roles) == {"risk", "fraud"}
    template.resource_count_is("AWS::IAM::Role", 6)  # and what writes the SDK's defaults
    outputs = {f"{kind}RoleArn{team}" for kind in ("Job", "Pipeline") for team in ("Risk", "Fraud")}
    assert outputs <= set(template.to_json()["Outputs"])


def test_sessions_of_glue_take_the_role_that_they_run_as(workspace: TeamWorkspace) -> None:
    stack = cdk.Stack.of(workspace.data_bucket)
    boundary = PermissionsBoundary(stack, "Boundary", role_path="/clary/dev/", glue_sessions=True).policy
    role = iam.Role.from_role_arn(stack, "JobRole", JOB_ROLE)

    with pytest.raises(ValueError, match="takes the role that sessions run as, give 'session_role'"):
        PersonaRole(
            stack,
            "Scientist",
            workspace=workspace,
            capabilities=["use-glue-sessions"],
            job_role=role,
            permissions_boundary=boundary,
        )
