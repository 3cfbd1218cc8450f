"""What the doctor says of an account that lacks something, or that does not let itself be looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary import doctor
from clary.environment import loader
from clary.environment.model import Environment
from clary.finding import Finding, Verdict

ROOT = Path(__file__).parents[3]
_ROLE = "arn:aws:sts::111122223333:assumed-role/Deployer/ada"


def _error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class Account:
    """An account in which everything is as it should be, unless `answers` says otherwise."""

    answers: dict[str, Any] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    """Actions that the simulator finds denied."""
    stacks: dict[str, str] = field(default_factory=lambda: {"CDKToolkit": "CREATE_COMPLETE"})
    roles: Sequence[str] = ("newcomers",)
    """Beside those that `answers` has."""

    def client(self, service: str) -> Any:
        return _Client(self, service)

    def answer(self, operation: str, request: Mapping[str, Any]) -> Any:
        if operation == "get_role" and request["RoleName"] in self.roles:
            return {"Role": {"Arn": f"arn:aws:iam::111122223333:role/{request['RoleName']}"}}
        said = self.answers.get(operation, _USUAL.get(operation))
        if isinstance(said, Exception):
            raise said
        if operation == "describe_stacks":
            return self._stack(request["StackName"]) if request else {"Stacks": []}
        if operation == "simulate_principal_policy":
            return {
                "EvaluationResults": [
                    {
                        "EvalActionName": action,
                        "EvalDecision": "implicitDeny" if action in self.denied else "allowed",
                    }
                    for action in request["ActionNames"]
                ]
            }
        return said

    def _stack(self, name: str) -> Any:
        if name not in self.stacks:
            raise _error("ValidationError", f"Stack with id {name} does not exist", "DescribeStacks")
        outputs = [{"OutputKey": "BootstrapVersion", "OutputValue": "21"}]
        return {"Stacks": [{"StackName": name, "StackStatus": self.stacks[name], "Outputs": outputs}]}


_ENOUGH = [
    {"QuotaName": name, "QuotaCode": f"L-{number}", "Value": 20.0, "Adjustable": True}
    for number, name in enumerate(
        [
            "ml.m5.large for endpoint usage",
            "ml.m5.large for training job usage",
            "Total domains",
            "Studio JupyterLab Apps running on ml.t3.medium instance",
            "Studio CodeEditor Apps running on ml.t3.medium instance",
        ]
    )
]
_NOT_THERE = _error("NoSuchEntity", "it cannot be found", "GetRole")
_USUAL: Mapping[str, Any] = {
    "get_caller_identity": {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/ada"},
    "get_role": _NOT_THERE,
    "describe_endpoint": _error("ValidationException", 'Could not find endpoint "x"', "DescribeEndpoint"),
    "describe_availability_zones": {
        "AvailabilityZones": [{"ZoneName": f"eu-west-1{each}", "State": "available"} for each in "abc"]
    },
    "list_aws_default_service_quotas": {"Quotas": []},
    "list_service_quotas": {"Quotas": _ENOUGH},
    "list_requested_service_quota_change_history": {"RequestedQuotas": []},
}


@dataclass
class _Client:
    account: Account
    service: str

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **request: self.account.answer(operation, request)

    def get_paginator(self, operation: str) -> _Paginator:
        return _Paginator(self.account, operation)


@dataclass
class _Paginator:
    account: Account
    operation: str

    def paginate(self, **request: Any) -> Iterator[Any]:
        yield self.account.answer(self.operation, request)


@pytest.fixture(scope="module")
def dev() -> Environment:
    return loader.load(loader.find("dev", ROOT))


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    artifacts = {"Data": {"properties": {"requiresBootstrapStackVersion": 6}}}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}, "Own": {"Type": "Custom::Own"}}}
    (tmp_path / "Data.template.json").write_text(json.dumps(template))
    return tmp_path


Examine = Callable[..., list[Finding]]


@pytest.fixture
def examine(dev: Environment, assembly: Path) -> Examine:
    def examine(account: Account, regions: tuple[str, ...] = ("eu-west-1",)) -> list[Finding]:
        return doctor.examine(dev, account.client, assembly, lambda _: regions)

    return examine


def _of(findings: list[Finding], verdict: Verdict) -> list[str]:
    return [finding.subject for finding in findings if finding.verdict is verdict]


def test_finds_nothing_in_the_way_where_nothing_is(examine: Examine) -> None:
    findings = examine(Account())

    assert _of(findings, Verdict.BLOCKED) == []
    assert _of(findings, Verdict.UNKNOWN) == ["use of quotas"]


def test_asks_nothing_more_without_credentials(examine: Examine) -> None:
    error = _error("ExpiredToken", "the token has expired", "GetCallerIdentity")

    (finding,) = examine(Account({"get_caller_identity": error}))

    assert finding.verdict is Verdict.BLOCKED
    assert "the token has expired" in finding.message


def test_refuses_the_credentials_of_another_account(examine: Examine) -> None:
    other = {"Account": "999999999999", "Arn": "arn:aws:iam::999999999999:user/ada"}

    (finding,) = examine(Account({"get_caller_identity": other}))

    assert finding.message == "they belong to the account 999999999999, the environment to 111122223333"


def test_says_how_to_bootstrap(examine: Examine) -> None:
    findings = examine(Account(stacks={}))

    (finding,) = [each for each in findings if each.subject == "CDK bootstrap"]
    assert finding.verdict is Verdict.BLOCKED
    assert finding.remedy == "cdk bootstrap aws://111122223333/eu-west-1"


def test_a_role_that_may_not_assume_the_cdks_roles_is_blocked(examine: Examine) -> None:
    role = {"Role": {"Arn": "arn:aws:iam::111122223333:role/people/Deployer"}}
    account = Account(
        {"get_caller_identity": {"Account": "111122223333", "Arn": _ROLE}, "get_role": role},
        denied={"sts:AssumeRole"},
    )

    (finding,) = [each for each in examine(account) if each.subject == "rights"]

    assert finding.verdict is Verdict.BLOCKED
    assert finding.message.startswith(
        "arn:aws:iam::111122223333:role/people/Deployer may not sts:AssumeRole on"
    )


def test_an_action_that_is_not_allowed_on_everything_is_unknown(examine: Examine) -> None:
    findings = examine(Account(denied={"s3:CreateBucket"}))

    (finding,) = [each for each in findings if each.subject == "rights of CloudFormation"]
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.message.endswith(": s3:CreateBucket")


def test_who_deploys_a_catalog_has_to_see_what_people_have_made(examine: Examine) -> None:
    findings = examine(Account(denied={"sagemaker:ListProjects"}))

    unknown = [each for each in findings if each.subject == "rights" and each.verdict is Verdict.UNKNOWN]
    assert [each.message.rpartition(": ")[2] for each in unknown] == ["sagemaker:ListProjects"]


def test_what_may_not_be_looked_at_is_unknown_and_the_rest_is_looked_at(examine: Examine) -> None:
    error = _error("AccessDeniedException", "no", "ListServiceQuotas")

    findings = examine(Account({"list_service_quotas": error}))

    (finding,) = [each for each in findings if each.subject == "quotas"]
    assert finding.verdict is Verdict.UNKNOWN
    assert "availability zones" in _of(findings, Verdict.FINE)


def test_an_endpoint_of_the_same_name_is_in_the_way_while_there_is_no_stack(examine: Examine) -> None:
    findings = examine(Account({"describe_endpoint": {"EndpointName": "clary-dev-housing"}}))

    (finding,) = [each for each in findings if each.subject == "names"]
    assert finding.message.startswith("the endpoint clary-dev-housing is there")


def test_whom_the_catalog_is_for_has_to_be_there(examine: Examine) -> None:
    findings = examine(Account(roles=()))

    assert _of(findings, Verdict.BLOCKED) == ["principals of research"]


def test_launches_are_looked_at_where_the_catalog_is_deployed(examine: Examine) -> None:
    nothing: dict[str, Any] = {"ProvisionedProducts": [], "ProductViewDetails": []}
    stacks = {"CDKToolkit": "CREATE_COMPLETE", "clary-dev-catalog": "CREATE_COMPLETE"}
    answers = {
        "search_provisioned_products": nothing,
        "search_products_as_admin": nothing,
        "list_projects": {"ProjectSummaryList": []},
    }

    with_catalog, without = examine(Account(answers, stacks=stacks)), examine(Account())

    assert "launches" in _of(with_catalog, Verdict.FINE)
    assert "launches" not in [each.subject for each in without]


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_IN_PROGRESS"])
def test_a_stack_that_takes_no_update_blocks(examine: Examine, status: str) -> None:
    findings = examine(Account(stacks={"CDKToolkit": "CREATE_COMPLETE", "clary-dev-data": status}))

    assert _of(findings, Verdict.BLOCKED) == ["stack clary-dev-data"]


def test_a_region_without_a_service_blocks(examine: Examine) -> None:
    assert "region" in _of(examine(Account(), regions=("us-east-1",)), Verdict.BLOCKED)


def test_a_zone_that_the_account_has_not_blocks(examine: Examine) -> None:
    zones = {"AvailabilityZones": [{"ZoneName": "eu-west-1a", "State": "available"}]}

    findings = examine(Account({"describe_availability_zones": zones}))

    (finding,) = [each for each in findings if each.subject == "availability zones"]
    assert finding.message == "the account has no eu-west-1b, but eu-west-1a"


def test_the_actions_of_a_creation_are_those_of_awss_schema() -> None:
    actions = doctor.creation_actions({"AWS::SageMaker::Domain", "Custom::Own"})

    assert {"sagemaker:CreateDomain", "iam:CreateServiceLinkedRole", "iam:PassRole"} <= set(actions)
