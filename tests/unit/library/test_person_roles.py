"""A role for each person, with the policies of all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from clary_constructs import PersonRole, PersonRoles

ADA = PersonRole("research-ada", "clary-dev-research-ada", "Scientists")


def nested(folder: Path, policies: int = 2, **given: Any) -> dict[str, Any]:
    app = cdk.App(outdir=str(folder))
    stack = cdk.Stack(app, "Access")
    made = [iam.ManagedPolicy.from_managed_policy_name(stack, f"P{n}", f"p{n}") for n in range(policies)]
    arguments: dict[str, Any] = {"people": [ADA], "policies": {"Scientists": made}} | given
    PersonRoles(stack, "Roles", permissions_boundary=made[0], path="/clary/dev/", **arguments)
    template = app.synth().get_stack_by_name("Access").template
    (found,) = template["Resources"].values()
    file: dict[str, Any] = json.loads((folder / found["Metadata"]["aws:asset:path"]).read_text())
    assert {*found["Properties"]["Parameters"]} == {*file["Parameters"]}
    return file


def test_takes_no_other_name_than_its_owners(tmp_path: Path) -> None:
    (role,) = nested(tmp_path)["Resources"].values()

    _, identity = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert identity["Action"] == "sts:SetSourceIdentity"
    assert identity["Condition"]["StringEquals"]["sts:SourceIdentity"] == "research-ada"


def test_has_the_groups_policies_and_the_boundary(tmp_path: Path) -> None:
    (role,) = nested(tmp_path)["Resources"].values()

    assert role["Properties"]["RoleName"] == "clary-dev-research-ada"
    assert role["Properties"]["Path"] == "/clary/dev/"
    assert role["Properties"]["ManagedPolicyArns"] == [
        {"Ref": "ScientistsPolicy0"},
        {"Ref": "ScientistsPolicy1"},
    ]
    assert role["Properties"]["PermissionsBoundary"] == {"Ref": "Boundary"}


def test_refuses_more_policies_than_a_role_takes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the group Scientists has 11 policies, a role takes 10"):
        nested(tmp_path, policies=11)


def test_refuses_whose_group_has_no_policies(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'ada' is of the group Painters, which has no policies"):
        nested(tmp_path, people=[PersonRole("ada", "ada", "Painters")])
