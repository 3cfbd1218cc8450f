"""examples/persona: roles of a team's people and jobs, out of the construct library alone."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "persona" / "app.py"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    specification = importlib.util.spec_from_file_location("persona_example", EXAMPLE)
    assert specification is not None
    assert specification.loader is not None
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    stack = cdk.Stack(cdk.App(), "Reviewers", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    example.persona(
        stack,
        vpc_id="vpc-0a1b2c3d",
        subnet_id="subnet-0a1b2c3d",
        bucket="research-data",
        key_arn="arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d",
    )
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return found


def _of_type(template: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    yield from (each["Properties"] for each in template["Resources"].values() if each["Type"] == name)


def _statements(template: dict[str, Any]) -> list[dict[str, Any]]:
    policies = _of_type(template, "AWS::IAM::ManagedPolicy")
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def test_makes_two_roles_within_one_boundary(template: dict[str, Any]) -> None:
    roles = list(_of_type(template, "AWS::IAM::Role"))

    assert len(roles) == 2
    assert len({str(role["PermissionsBoundary"]) for role in roles}) == 1


def test_lets_through_what_the_persona_is_allowed_beyond_its_capabilities(template: dict[str, Any]) -> None:
    athena = [each for each in _statements(template) if each["Action"] == "athena:GetQueryResults"]

    # the persona's own policy, and the boundary, which alone grants nothing
    assert len(athena) == 2
    assert all("workgroup/research" in str(each["Resource"]) for each in athena)


def test_denies_jobs_without_a_key_whoever_allows_them(template: dict[str, Any]) -> None:
    (denied,) = (each for each in _statements(template) if each["Effect"] == "Deny")

    assert denied["Sid"] == "EncryptedVolumes"
    assert denied["Action"] == ["sagemaker:CreateTrainingJob", "sagemaker:CreateProcessingJob"]
