"""The guardrails of an environment: in an organization, in files, and within IAM's limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from typer.testing import CliRunner

from clary.cli import app as command_line
from clary.environment.guardrail import CONTROL_POLICY_CHARACTERS, TooManyGuardrailsError, control_policies
from clary.environment.model import Environment
from local_aws.identity.decision import Policies, decide
from local_aws.identity.policy import Caller, Request, statements
from stacks.environment_app import add_stacks, new_app
from stacks.policy_limits import problems
from support.synthesis import ROOT, app_of

SMALLEST: dict[str, Any] = {
    "name": "dev",
    "account": "111122223333",
    "region": "eu-west-1",
    "teams": {"research": {"members": {"ada": "data-scientist"}}},
}
FAMILIES = [f"ml.family{number:02}.*" for number in range(60)]
_HERE = {"aws:requestedregion": "eu-west-1"}
NO_SPACE = {"research": {"members": {"ada": {"persona": "data-scientist", "space": None}}}}


def _environment(**guardrails: Any) -> Environment:
    return Environment.model_validate(SMALLEST | {"teams": NO_SPACE, "guardrails": guardrails})


def _stacks(environment: Environment) -> dict[str, cdk.Stack]:
    app = new_app(ROOT)
    add_stacks(app, environment, ROOT)
    return {each.node.id: each for each in app.node.children if isinstance(each, cdk.Stack)}


def test_attaches_control_policies_where_the_file_says() -> None:
    environment = _environment(organization={"targets": ["ou-ab12-11111111", "111122223333"]})

    template = assertions.Template.from_stack(_stacks(environment)["Guardrails"])

    policies = template.find_resources("AWS::Organizations::Policy").values()
    assert [each["Properties"]["Content"] for each in policies] == [
        json.loads(document) for document in control_policies(environment)
    ]
    for each in policies:
        assert each["Properties"]["Type"] == "SERVICE_CONTROL_POLICY"
        assert each["Properties"]["TargetIds"] == ["ou-ab12-11111111", "111122223333"]
    assert lint(json.dumps(template.to_json()), ManualArgs(regions=["us-east-1"])) == []


def test_leaves_organizations_alone_by_default() -> None:
    assert "Guardrails" not in {each.node.id for each in app_of("dev").node.children}


def test_writes_the_same_policies_for_whoever_may_attach_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(command_line, ["guardrails", "dev", "--output", str(tmp_path)])

    assert done.exit_code == 0, done.output
    (written,) = tmp_path.iterdir()
    assert written.name == "clary-dev-guardrails-1.json"
    statements = {each["Sid"]: each for each in json.loads(written.read_text())["Statement"]}
    assert statements["OtherRegions"]["Condition"] == {
        "StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}
    }
    assert {each["Effect"] for each in statements.values()} == {"Deny"}


@pytest.mark.parametrize("root", [False, True])
def test_root_on_a_notebook_instance_is_for_launches_alone_and_where_the_file_says_so(root: bool) -> None:
    portfolio = {
        "principals": ["arn:aws:iam::111122223333:role/newcomers"],
        "products": {"notebook_instance": {"root": root}},
    }
    environment = Environment.model_validate(SMALLEST | {"catalog": {"portfolios": {"research": portfolio}}})
    policy = statements(json.loads(control_policies(environment)[0]), "control policy")

    def refused(role: str) -> bool:
        roles = "arn:aws:iam::111122223333:role"
        keys = {"aws:principalarn": f"{roles}/{role}", "sagemaker:rootaccess": "Enabled"}
        notebook = "arn:aws:sagemaker:eu-west-1:111122223333:notebook-instance/research--1"
        request = Request("sagemaker:UpdateNotebookInstance", notebook, keys | _HERE)
        caller = Caller((keys["aws:principalarn"],), "111122223333")
        anything = statements({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "anything")
        return not decide(caller, request, Policies(identity=[*anything, *policy])).allowed

    assert refused("clary-catalog/dev/launch") is not root
    assert refused("clary/dev/clary-dev-research-data-scientist")
    assert refused("clary-catalog/prod/launch")


@pytest.mark.parametrize(
    ("role", "alone"),
    [
        ("clary-catalog/dev/launch", False),
        ("cdk-hnb659fds-cfn-exec-role-111122223333-eu-west-1", False),
        ("clary/dev/clary-dev-research-mlops-engineer", True),
        ("clary-catalog/prod/launch", True),
    ],
)
def test_what_the_api_leads_to_is_made_and_changed_by_launches_alone(role: str, alone: bool) -> None:
    def policy(said: dict[str, Any]) -> Any:
        portfolio = {
            "principals": ["arn:aws:iam::111122223333:role/newcomers"],
            "products": {"model_endpoint": said},
        }
        environment = Environment.model_validate(
            SMALLEST | {"catalog": {"portfolios": {"research": portfolio}}}
        )
        return statements(json.loads(control_policies(environment)[0]), "control policy")

    with_routes, without = policy({"api": {}}), policy({})
    anything = statements({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "anything")
    principal = f"arn:aws:iam::111122223333:role/{role}"

    def refused(denials: Any, action: str, keys: dict[str, Any]) -> bool:
        endpoint = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/research--churn"
        request = Request(action, endpoint, {**keys, "aws:principalarn": principal, **_HERE})
        return not decide(
            Caller((principal,), "111122223333"), request, Policies(identity=[*anything, *denials])
        ).allowed

    tagged = {"aws:tagkeys": ["clary:team", "clary:content-type"]}
    routed = {"aws:resourcetag/clary:content-type": "text/csv"}
    for action, keys in (
        ("sagemaker:AddTags", tagged),
        ("sagemaker:CreateEndpoint", tagged),
        ("sagemaker:UpdateEndpoint", routed),
    ):
        assert refused(with_routes, action, keys) is alone
        assert not refused(with_routes, action, {"aws:tagkeys": ["clary:team"]})
        assert not refused(without, action, keys)
    assert not refused(with_routes, "sagemaker:DeleteEndpoint", routed)


def test_divides_what_one_control_policy_does_not_take() -> None:
    documents = control_policies(_environment(instance_types=FAMILIES))

    assert len(documents) == 2
    assert all(len(document) <= CONTROL_POLICY_CHARACTERS for document in documents)


def test_refuses_what_no_control_policy_takes() -> None:
    regions = [f"xx-{'north' * 6}{chr(97 + a)}{chr(97 + b)}-1" for a in range(12) for b in range(12)]

    with pytest.raises(TooManyGuardrailsError, match="the guardrail OtherRegions alone has"):
        control_policies(_environment(regions=["eu-west-1", *regions]))


def test_refuses_a_boundary_that_iam_would_refuse() -> None:
    stacks = _stacks(_environment(instance_types=FAMILIES))
    template = assertions.Template.from_stack(stacks["Access"]).to_json()

    told = list(problems("clary-dev-access", json.dumps(template).encode()))

    assert [each.split()[2].rstrip("0123456789ABCDEF") for each in told] == [
        "BoundaryPolicy",
        "GuardrailsDenialsPolicy",
    ]
    assert all("IAM takes 6,144: list fewer instance types, regions or statements" in each for each in told)


def test_refuses_more_policies_than_a_role_takes() -> None:
    policy = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": {}, "Roles": [{"Ref": "R"}]},
    }
    role = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": ["arn:1"]}}
    template = {"Resources": {"R": role} | {f"P{number}": policy for number in range(10)}}

    told = list(problems("access", json.dumps(template).encode()))

    assert told == ["the role R of the stack access has 11 policies, IAM takes 10"]
