"""Every template as cfn-lint sees it, by AWS's own resource schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cfnlint.api import lint_by_config, lint_file
from cfnlint.config import ManualArgs
from cfnlint.match import Match

from clary.environment import loader
from support.synthesis import ENVIRONMENTS, ROOT, nested

ACCEPTED = {
    "W3005": "CDK makes a function depend on its role and on all that the role holds: once too often",
    "W3010": "the environment file names the availability zones, so that nothing is looked up",
}


@pytest.fixture(scope="session")
def matches(
    synthesised: Callable[[str], Mapping[str, Path]],
) -> Mapping[str, list[Match]]:
    # all templates of an environment at once: reading the rules takes as long as a template
    return {
        environment: lint_by_config(
            ManualArgs(
                templates=list(map(str, (*templates.values(), *nested(templates)))),
                regions=[loader.load(loader.find(environment, ROOT)).region],
            )
        )
        for environment in ENVIRONMENTS
        for templates in [synthesised(environment)]
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_finds_nothing_but_what_is_accepted(environment: str, matches: Mapping[str, list[Match]]) -> None:
    found = [
        f"{match.rule.id} {match.filename}: {match.path_string}: {match.message}"
        for match in matches[environment]
        if match.rule.id not in ACCEPTED
    ]

    assert found == []


def test_accepts_nothing_that_is_not_found(matches: Mapping[str, list[Match]]) -> None:
    found = {match.rule.id for of_environment in matches.values() for match in of_environment}

    assert sorted(ACCEPTED.keys() - found) == []


def test_finds_what_the_schema_does_not_know(tmp_path: Path) -> None:
    template = tmp_path / "wrong.json"
    template.write_text('{"Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {"Rotate": true}}}}')

    assert "E3002" in {match.rule.id for match in lint_file(template, ManualArgs())}
