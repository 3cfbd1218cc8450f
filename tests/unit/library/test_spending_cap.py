"""A cap's gates and rights: what the function writes, what it stops, and what happens at each deployment."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from clary_constructs import SpendingCap, SpendingGate
from support.studio_domain import studio_domain

_CLOSED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "sagemaker:CreateApp", "Resource": "*"}],
}


def _template(*, stops: bool = True, settings: str = "{}") -> assertions.Template:
    stack = cdk.Stack()
    domain, _, key = studio_domain(stack)
    gate = SpendingGate(stack, "Gate", name="clary-dev-cap-risk", document=_CLOSED)
    iam.Role(
        stack,
        "Somebody",
        assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        managed_policies=[gate.policy],
    )
    SpendingCap(
        stack,
        "Cap",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        settings=settings,
        environment_name="dev",
        teams=["risk", "ops"],
        gate_prefix="clary-dev-cap-",
        gates=["risk"],
        domain=domain,
        bucket=s3.Bucket(stack, "Bucket"),
        prefix="operations--cap/",
        topic=sns.Topic(stack, "Topic"),
        encryption_key=key,
        stops=stops,
    )
    return assertions.Template.from_stack(stack)


@pytest.fixture(scope="module")
def template() -> assertions.Template:
    return _template()


def _statements(template: assertions.Template, of: str = "Cap") -> list[dict[str, Any]]:
    return [
        statement
        for name, policy in template.find_resources("AWS::IAM::ManagedPolicy").items()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if name.startswith(of)
    ]


def _actions(template: assertions.Template) -> set[str]:
    listed = [each["Action"] for each in _statements(template)]
    return {action for actions in listed for action in ([actions] if isinstance(actions, str) else actions)}


def test_a_gate_has_a_name_and_says_what_it_is_told_to_until_somebody_has_looked(
    template: assertions.Template,
) -> None:
    assert _statements(template, "Gate") == _CLOSED["Statement"]
    template.has_resource_properties("AWS::IAM::ManagedPolicy", {"ManagedPolicyName": "clary-dev-cap-risk"})


def test_writes_the_gates_it_is_given_and_no_other_policy(template: assertions.Template) -> None:
    (statement,) = (each for each in _statements(template) if "iam:CreatePolicyVersion" in each["Action"])

    assert str(statement["Resource"]).count("policy/") == 1
    assert "policy/clary-dev-cap-risk" in str(statement["Resource"])
    assert {action for action in _actions(template) if action.startswith("iam:")} == {
        "iam:CreatePolicyVersion",
        "iam:DeletePolicyVersion",
        "iam:ListPolicyVersions",
    }


def test_stops_compute_and_deletes_nothing_that_keeps_anything(template: assertions.Template) -> None:
    assert {action for action in _actions(template) if "Delete" in action or "Stop" in action} == {
        "iam:DeletePolicyVersion",
        "sagemaker:DeleteApp",
        "sagemaker:DeleteEndpoint",
        "sagemaker:StopHyperParameterTuningJob",
        "sagemaker:StopNotebookInstance",
        "sagemaker:StopProcessingJob",
        "sagemaker:StopTrainingJob",
        "sagemaker:StopTransformJob",
    }


def test_never_stops_an_endpoint_of_the_file(template: assertions.Template) -> None:
    (statement,) = (each for each in _statements(template) if "sagemaker:DeleteEndpoint" in each["Action"])

    assert "endpoint/clary-dev-" not in str(statement["Resource"])


def test_a_dry_run_may_stop_nothing() -> None:
    actions = _actions(_template(stops=False))

    assert {action for action in actions if "Stop" in action or "sagemaker:Delete" in action} == set()


def test_a_deployment_that_changes_something_looks_at_once(template: assertions.Template) -> None:
    (now,) = template.find_resources("Custom::SpendingLook").values()
    (other,) = _template(settings='{"cap": 1}').find_resources("Custom::SpendingLook").values()
    (same,) = _template().find_resources("Custom::SpendingLook").values()

    assert now["Properties"]["Settings"] == same["Properties"]["Settings"]
    assert now["Properties"]["Settings"] != other["Properties"]["Settings"]
    assert any(name.startswith("CapWatchmanMetersPolicy") for name in now["DependsOn"])
