"""Every rule of four packs, over every stack of every environment.

The packs look at fresh stacks: once cross-stack references are resolved, findings have other ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import aws_cdk as cdk
import cdk_nag
import pytest

from support.synthesis import ENVIRONMENTS, app_of

PACKS = (
    cdk_nag.AwsSolutionsChecks,
    cdk_nag.HIPAASecurityChecks,
    cdk_nag.NIST80053R5Checks,
    cdk_nag.PCIDSS321Checks,
)
OF_CDK_ITSELF = ("@aws-cdk/", "Annotation::", "CloudFormation-Validate::")


@dataclass(frozen=True)
class Finding:
    path: str
    rule: str


@dataclass(frozen=True)
class Acknowledgement:
    path: str
    rule: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return self.rule == finding.rule and f"{finding.path}/".startswith(f"{self.path}/")


class Recorder:
    """Stands in for `Validations.of(scope)`: takes acknowledgements down, and keeps them from the packs."""

    def __init__(self, path: str, taken_down: list[Acknowledgement]) -> None:
        self._path, self._taken_down = path, taken_down

    def acknowledge(self, *rules: cdk.Acknowledgment) -> None:
        self._taken_down.extend(Acknowledgement(self._path, rule.id, rule.reason) for rule in rules)


@dataclass(frozen=True)
class Examination:
    """What the packs find when nothing is acknowledged, and what is."""

    findings: frozenset[Finding]
    acknowledgements: frozenset[Acknowledgement]


@cache
def examine(environment: str) -> Examination:
    taken_down: list[Acknowledgement] = []

    def recorder(scope: Any) -> Recorder:
        return Recorder(scope.node.path, taken_down)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cdk.Validations, "of", staticmethod(recorder))
        app = app_of(environment)
    findings = {
        Finding(resource.construct_path, violation.rule_name)
        for pack in PACKS
        for violation in pack(app).validate_scope(app).violations
        for resource in violation.violating_resources
    }
    return Examination(
        frozenset(findings), frozenset(one for one in taken_down if not one.rule.startswith(OF_CDK_ITSELF))
    )


def told(things: Iterable[Finding | Acknowledgement]) -> list[str]:
    return sorted(f"{thing.path}: {thing.rule}" for thing in things)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_leaves_no_finding_open(environment: str) -> None:
    app = app_of(environment)

    reports = [pack(app).validate_scope(app) for pack in PACKS]

    assert [violation.rule_name for report in reports for violation in report.violations] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_acknowledges_nothing_that_no_rule_finds(environment: str) -> None:
    examined = examine(environment)

    unused = {
        one
        for one in examined.acknowledgements
        if not any(one.covers(finding) for finding in examined.findings)
    }

    assert told(unused) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_acknowledges_with_a_reason_of_substance(environment: str) -> None:
    hollow = {one for one in examine(environment).acknowledgements if len(one.reason.split()) < 5}

    assert told(hollow) == []


def test_sees_a_finding_that_nobody_acknowledged() -> None:
    """The examination itself: without acknowledgements these stacks have findings, in every pack."""
    found = {finding.rule.split("-")[0] for finding in examine("local").findings}

    assert found == {"AwsSolutions", "HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321"}
