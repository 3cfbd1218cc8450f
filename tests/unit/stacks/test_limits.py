"""CloudFormation's limits, told before anything is deployed."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from stacks import limits, policy_limits

FULL = {
    "Resources": {f"R{number}": {} for number in range(500)},
    "Outputs": {f"O{number}": {} for number in range(200)},
}


def problems(template: dict[str, object]) -> list[str]:
    text = json.dumps(template).encode()
    return list(limits.problems("clary-dev-studio", text, template))


def test_takes_a_template_that_is_full() -> None:
    assert problems(FULL) == []


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"Resources": FULL["Resources"] | {"One": {}}}, "has 501 resources, CloudFormation takes 500"),
        ({"Outputs": FULL["Outputs"] | {"One": {}}}, "has 201 outputs, CloudFormation takes 200"),
        ({"Description": "x" * 2**20}, "bytes, CloudFormation takes 1,048,576"),
    ],
    ids=["resources", "outputs", "bytes"],
)
def test_tells_what_is_too_much(template: dict[str, object], told: str) -> None:
    (problem,) = problems(template)

    assert problem.startswith("the stack clary-dev-studio has ")
    assert told in problem


def test_an_app_within_cdks_reach_and_beyond_cloudformations_is_refused(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), context={"@aws-cdk/core:stackResourceLimit": 0})
    stack = cdk.Stack(app, "Large")
    for number in range(201):
        cdk.CfnOutput(stack, f"Output{number}", value="value")

    with pytest.raises(limits.TooLargeError, match="the stack Large has 201 outputs"):
        limits.check_limits(app.synth())


def test_looks_into_what_is_nested(tmp_path: Path) -> None:
    nested = {"Resources": FULL["Resources"] | {"One": {}}}
    (tmp_path / "nested.json").write_text(json.dumps(nested))
    stack = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "nested.json"}}
    (tmp_path / "Studio.json").write_text(json.dumps({"Resources": {"People": stack}}))

    (problem,) = limits.problems_of_tree("studio", tmp_path / "Studio.json")

    assert problem.startswith("the stack studio/People has 501 resources, CloudFormation takes 500: give")


def test_a_role_has_ten_policies_also_where_other_stacks_attach_some() -> None:
    def policy(role: object) -> dict[str, object]:
        said = {"Roles": [role], "PolicyDocument": {"Version": "2012-10-17", "Statement": []}}
        return {"Type": "AWS::IAM::ManagedPolicy", "Properties": said}

    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "ada", "ManagedPolicyArns": ["a"] * 8}}
    own = json.dumps({"Resources": {"Ada": role, "Own": policy({"Ref": "Ada"})}}).encode()
    one = json.dumps({"Resources": {"One": policy("ada")}}).encode()
    two = json.dumps({"Resources": {"One": policy("ada"), "Two": policy("ada")}}).encode()

    assert list(policy_limits.problems("access", own, policy_limits.attached_by_name([own, one]))) == []
    (problem,) = policy_limits.problems("access", own, policy_limits.attached_by_name([own, two]))
    assert problem == "the role Ada of the stack access has 11 policies, IAM takes 10"
    assert list(policy_limits.problems("catalog", two)) == []
