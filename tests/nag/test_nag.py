"""Every rule of four packs, over every stack of every environment.

The packs look at fresh stacks: once cross-stack references are resolved, findings have other ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cdk_nag
import pytest
from aws_cdk import cloudformation_include

from clary.environment.model import Environment
from stacks.environment_app import add_stacks, new_app
from stacks.products import PRODUCTS
from stacks.products.page import SAMPLE
from support.synthesis import ENVIRONMENTS, ROOT, app_of, nested

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


def test_leaves_no_finding_open_in_an_api_that_no_sample_has(tmp_path: Path) -> None:
    """A private one that pages of other origins may call, with people who need no second factor."""
    app = new_app(ROOT, tmp_path)
    model = {
        "team": "research",
        "image": {"repository": "line", "tag": "1"},
        "artifact": {"key": "research/line/model.tar.gz"},
    }
    limits = {"line": {"requests_per_second": 1, "burst": 1}}
    clients = {
        "planner": {"authorization": "cognito", "models": ["line"], "limits": limits},
        "batch": {"authorization": "iam", "principal": "arn:aws:iam::111122223333:root", "models": "all"},
    }
    api = {
        "access": "private",
        "metered": True,
        "clients": clients,
        "cors": {"origins": ["https://page.example"]},
        "user_pool": {"second_factor": "optional"},
    }
    environment = {
        "name": "dev",
        "account": "111122223333",
        "region": "eu-west-1",
        "teams": {"research": {}},
        "repositories": ["line"],
        "models": {"line": model},
        "api": api,
    }
    add_stacks(app, Environment.model_validate(environment), ROOT)

    reports = [pack(app).validate_scope(app) for pack in PACKS]

    assert [violation.rule_name for report in reports for violation in report.violations] == []


def test_leaves_no_finding_open_where_people_use_glue(tmp_path: Path) -> None:
    environment = {
        "name": "dev",
        "account": "111122223333",
        "region": "eu-west-1",
        "teams": {"research": {"members": {"ada": "data-scientist"}}},
        "personas": {"data-scientist": {"rights": {"add": ["use-glue-sessions"]}}},
    }
    app = new_app(ROOT, tmp_path)
    add_stacks(app, Environment.model_validate(environment), ROOT)

    reports = [pack(app).validate_scope(app) for pack in PACKS]

    assert [violation.rule_name for report in reports for violation in report.violations] == []


def test_leaves_no_finding_open_in_what_a_catalog_offers(tmp_path: Path) -> None:
    """All products: the catalog's stack, and what their launches make."""
    app = new_app(ROOT, tmp_path)
    add_stacks(app, Environment.model_validate(SAMPLE), ROOT)
    reports = [pack(app).validate_scope(app) for pack in PACKS]
    taken_down: list[Acknowledgement] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cdk.Validations, "of", staticmethod(lambda at: Recorder(at.node.path, taken_down)))
        add_stacks(new_app(ROOT, tmp_path / "rendered"), Environment.model_validate(SAMPLE), ROOT)
    products = sorted((tmp_path / "rendered").glob("*.product.template.json"))
    launched = _included(tmp_path / "included", *products)

    found = {
        (resource.construct_path.partition("/Template/")[2], violation.rule_name)
        for pack in PACKS
        for violation in pack(launched).validate_scope(launched).violations
        for resource in violation.violating_resources
    }

    # templates that are rendered as data carry no acknowledgement of what they were rendered from
    known = {(one.path.removeprefix("Product/").replace("/", ""), one.rule) for one in taken_down}
    unknown = [(at, rule) for at, rule in found if not any(at.startswith(a) for a, r in known if r == rule)]
    assert unknown == []
    assert [violation.rule_name for report in reports for violation in report.violations] == []
    assert len(products) == len(PRODUCTS)


def _included(folder: Path, *templates: Path) -> cdk.App:
    """An app of templates that are written as data: the packs do not look into nested stacks."""
    app = cdk.App(outdir=str(folder))
    for number, template in enumerate(templates):
        stack = cdk.Stack(app, f"Nested{number}")
        cloudformation_include.CfnInclude(stack, "Template", template_file=str(template))
    return app


def test_leaves_no_finding_open_in_what_is_rendered_as_data(
    synthesised: Callable[[str], Mapping[str, Path]], tmp_path: Path
) -> None:
    members = {"ada": {"persona": "data-scientist", "spaces": {"more": {}}}, "linus": {"left": True}}
    members["linus"] |= {"persona": "data-analyst"}
    with_roles = Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {"role": "person", "members": members, "shared_space": {}}},
        }
    )
    app = new_app(ROOT, tmp_path)
    add_stacks(app, with_roles, ROOT)
    rendered = [
        *(path for environment in ENVIRONMENTS for path in nested(synthesised(environment))),
        *tmp_path.glob("*.nested.template.json"),
    ]

    app = _included(tmp_path / "included", *rendered)

    reports = [pack(app).validate_scope(app) for pack in PACKS]
    assert [violation.rule_name for report in reports for violation in report.violations] == []
    assert any(path.name.startswith("AccessPersonRoles") for path in rendered)


def test_sees_a_finding_in_what_is_rendered_as_data(tmp_path: Path) -> None:
    template = tmp_path / "open.json"
    everybody = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0", "GroupId": "sg-1"}
    rule = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": everybody}
    template.write_text(json.dumps({"Resources": {"Open": rule}}))

    app = _included(tmp_path / "included", template)

    found = {each.rule_name for pack in PACKS for each in pack(app).validate_scope(app).violations}
    assert "AwsSolutions-EC23" in found


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
