"""examples/user-profiles: everybody of a list, out of the construct library alone."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "user-profiles"


def _synthesised(folder: Path, people: Path) -> dict[str, Any]:
    """Templates by their files' names, with what the command line hands to the app."""
    specification = importlib.util.spec_from_file_location("user_profiles_example", EXAMPLE / "app.py")
    assert specification is not None
    assert specification.loader is not None
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    given = json.loads((EXAMPLE / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder))
    example.studio(
        app,
        people=people,
        place=cdk.Environment(account=given["account"], region=given["region"]),
        vpc_id=given["vpc"],
        subnet_id=given["subnet"],
        security_group_id=given["security-group"],
        key_arn=given["key"],
        role_arn=given["role"],
    )
    app.synth()
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.template.json")}


def _names(templates: dict[str, Any], kind: str, key: str) -> dict[str, str]:
    """What there is of a kind, by name, with the file that it is in."""
    return {
        each["Properties"][key]: file
        for file, template in templates.items()
        for each in template["Resources"].values()
        if each["Type"] == f"AWS::SageMaker::{kind}"
    }


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _synthesised(tmp_path_factory.mktemp("example"), EXAMPLE / "people.csv")


def test_everybody_has_a_profile_in_one_of_two_stacks(templates: dict[str, Any]) -> None:
    found = _names(templates, "UserProfile", "UserProfileName")

    assert sorted(found) == ["ada", "emmy", "grace", "katherine", "linus", "margaret"]
    assert {file[: len("People0")] for file in found.values()} == {"People0", "People1"}


def test_some_have_a_second_space(templates: dict[str, Any]) -> None:
    found = _names(templates, "Space", "SpaceName")

    assert {name for name in found if "--" in name} == {"ada--editor", "grace--editor", "margaret--editor"}
    assert len(found) == 9


def test_nobody_moves_when_somebody_is_added(templates: dict[str, Any], tmp_path: Path) -> None:
    more = tmp_path / "people.csv"
    more.write_text((EXAMPLE / "people.csv").read_text() + "hedy,Engineers,no\n")

    after = _names(_synthesised(tmp_path / "out", more), "UserProfile", "UserProfileName")

    before = _names(templates, "UserProfile", "UserProfileName")
    assert {name: after[name] for name in before} == before
    assert "hedy" in after
