"""An environment's stacks: which there are, how they hang together, and what may be taken away again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from clary.environment.model import Environment
from stacks.environment_app import add_stacks, new_app
from support.synthesis import ENVIRONMENTS, ROOT, nested, run_app

SMALLEST: Mapping[str, Any] = {
    "name": "dev",
    "account": "111122223333",
    "region": "eu-west-1",
    "teams": {"research": {"members": {"ada": "data-scientist"}}},
    "repositories": ["housing", "churn"],
}
MODEL: Mapping[str, Any] = {
    "team": "research",
    "image": {"repository": "housing", "tag": "1"},
    "artifact": {"key": "research/housing/model.tar.gz"},
}

_FEATURES = "AWS::SageMaker::FeatureGroup"


@pytest.fixture
def templates(tmp_path: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """Templates by the stack's id, of the smallest environment with some changes."""

    def of(**changes: Any) -> dict[str, dict[str, Any]]:
        app = new_app(ROOT, tmp_path / f"{len(list(tmp_path.iterdir()))}")
        add_stacks(app, Environment.model_validate(dict(SMALLEST) | changes), ROOT)
        return {stack.hierarchical_id: stack.template for stack in app.synth().stacks}

    return of


Templates = Callable[..., dict[str, dict[str, Any]]]


def exports(template: Mapping[str, Any]) -> set[str]:
    return {output["Export"]["Name"] for output in template.get("Outputs", {}).values() if "Export" in output}


def test_without_models_there_is_nothing_to_serve(templates: Templates) -> None:
    assert set(templates()) == {"Network", "Data", "Access", "Studio"}


def test_without_clients_requests_are_signed(templates: Templates) -> None:
    gateway = templates(models={"housing": MODEL})["Gateway"]

    assert "IamApiId" in gateway["Outputs"]
    assert "KeyApiId" not in gateway["Outputs"]


def test_each_way_in_has_an_api_and_each_client_with_a_key_an_output(templates: Templates) -> None:
    clients = {
        "storefront": {"authorization": "api-key"},
        "nightly-batch": {
            "authorization": "iam",
            "principal": "arn:aws:iam::111122223333:role/nightly-batch",
        },
    }

    outputs = templates(models={"housing": MODEL}, api={"clients": clients})["Gateway"]["Outputs"]

    assert {"KeyApiId", "IamApiId", "ApiStage", "ApiKeyIdStorefront"} <= outputs.keys()
    assert "ApiKeyIdNightlyBatch" not in outputs


@pytest.mark.parametrize(
    "changes",
    [
        {"models": {}},
        {"models": {"housing": MODEL}},
        {"teams": {"research": {}}, "models": {"housing": MODEL, "churn": MODEL}},
    ],
    ids=["no models", "one model less", "nobody left"],
)
def test_what_is_taken_away_withdraws_no_export(templates: Templates, changes: Mapping[str, Any]) -> None:
    """CloudFormation refuses to withdraw an export while the stack that goes without it still imports it."""
    before = templates(
        models={"housing": MODEL, "churn": MODEL | {"image": {"repository": "churn", "tag": "1"}}}
    )

    after = templates(**changes)

    assert {unit: exports(before[unit]) - exports(after[unit]) for unit in ("Network", "Data", "Access")} == {
        "Network": set(),
        "Data": set(),
        "Access": set(),
    }


def test_what_glue_needs_comes_and_goes_with_who_may_use_it(templates: Templates) -> None:
    """Glue's connection is known by its name, because an export could not be withdrawn."""
    rights = {"data-scientist": {"rights": {"add": ["use-glue-sessions"]}}}
    teams = {
        "research": {"members": {"ada": "data-scientist"}},
        "risk": {"members": {"karl": "data-analyst"}},
    }

    before, after = templates(teams=teams, personas=rights), templates(teams=teams)

    assert _about_glue(before["Network"]) == {"AWS::EC2::VPCEndpoint": 1, "AWS::Glue::Connection": 1}
    assert _about_glue(before["Access"]) == {"AWS::Glue::SecurityConfiguration": 1, "AWS::IAM::Role": 1}
    assert "GlueRoleArnResearch" in before["Access"]["Outputs"]
    assert _about_glue(after["Network"]) == {}
    assert _about_glue(after["Access"]) == {}
    assert exports(before["Network"]) == exports(after["Network"])
    assert exports(before["Access"]) == exports(after["Access"])


def _about_glue(template: Mapping[str, Any]) -> dict[str, int]:
    """Resources of Glue's, roles that it assumes and ways to it, by type."""
    kinds = [
        resource["Type"]
        for resource in template["Resources"].values()
        if resource["Type"].startswith("AWS::Glue::")
        or "glue.amazonaws.com" in json.dumps(resource["Properties"].get("AssumeRolePolicyDocument", ""))
        or resource["Properties"].get("ServiceName") == "com.amazonaws.eu-west-1.glue"
    ]
    return {kind: kinds.count(kind) for kind in kinds}


def test_the_gateway_imports_nothing_of_what_serves(
    synthesised: Callable[[str], Mapping[str, Path]],
) -> None:
    assert "clary-local-serving" not in synthesised("local")["Gateway"].read_text()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_a_changed_tag_could_replace_has_none_that_changes(
    environment: str, synthesised: Callable[[str], Mapping[str, Path]]
) -> None:
    templates = synthesised(environment)
    homes = {"AWS::SageMaker::Domain", "AWS::SageMaker::UserProfile", "AWS::SageMaker::Space"}
    found = {
        (resource["Type"], tag["Key"])
        for template in (*templates.values(), *nested(templates))
        for resource in json.loads(template.read_text())["Resources"].values()
        if resource["Type"] in {*homes, _FEATURES}
        for tag in resource["Properties"].get("Tags", ())
    }

    assert {key for _, key in found} <= {"clary:environment", "clary:owner", "clary:team"}
    assert {resource_type for resource_type, _ in found} - {_FEATURES} == homes


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_a_tag_would_replace_goes_without(
    environment: str, synthesised: Callable[[str], Mapping[str, Path]]
) -> None:
    tagged = {
        resource["Type"]
        for template in synthesised(environment).values()
        for resource in json.loads(template.read_text())["Resources"].values()
        if "Tags" in resource.get("Properties", {})
    }

    assert {"AWS::KMS::Key", "AWS::SageMaker::Endpoint"} <= tagged
    for kind in tagged:
        if not kind.startswith("Custom::") and kind != _FEATURES:  # whose tags never change, as above
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
            assert "/properties/Tags" not in schema.get("createOnlyProperties", ()), kind


def test_everything_else_carries_the_files_tags(templates: Templates) -> None:
    data = templates(tags={"cost-centre": "4711"})["Data"]

    (key,) = (one for one in data["Resources"].values() if one["Type"] == "AWS::KMS::Key")
    assert key["Properties"]["Tags"] == [
        {"Key": "clary:environment", "Value": "dev"},
        {"Key": "cost-centre", "Value": "4711"},
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_looked_up(environment: str, synthesised: Callable[[str], Mapping[str, Path]]) -> None:
    manifest = synthesised(environment)["Network"].parent / "manifest.json"

    assert "missing" not in json.loads(manifest.read_text())


def test_no_resource_runs_on_node(synthesised: Callable[[str], Mapping[str, Path]]) -> None:
    """Custom resources of CDK's own are Node functions, which this machine's AWS does not run."""
    assert [
        unit
        for unit, template in synthesised("local").items()
        if "nodejs" in template.read_text() or "CustomResourceProvider" in template.read_text()
    ] == []


def test_an_unknown_environment_is_one_clear_line(tmp_path: Path) -> None:
    run = run_app("qa", tmp_path / "out")

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "no environment 'qa', choose one of: dev, local, prod, showcase\n"


def test_apps_have_the_context_that_the_command_line_gives_them() -> None:
    app = new_app(ROOT)

    assert isinstance(app, cdk.App)
    assert app.node.try_get_context("@aws-cdk/core:defaultCrossStackReferences") == "strong"
