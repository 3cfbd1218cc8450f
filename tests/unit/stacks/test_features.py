"""The feature groups of an environment: what is kept, what stays as it is, and what each edit changes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cdk_nag
import duckdb
import pytest

from clary.environment.model import Environment
from stacks.environment_app import add_stacks, new_app
from support.synthesis import ROOT, resources

SMALLEST: Mapping[str, Any] = {
    "name": "dev",
    "account": "111122223333",
    "region": "eu-west-1",
    "teams": {
        "research": {"members": {"ada": "data-scientist"}},
        "risk": {"members": {"bob": "data-analyst"}},
    },
}
PATIENTS: Mapping[str, Any] = {
    "team": "research",
    "identifier": "patient",
    "event_time": "at",
    "features": {"patient": "string", "at": "string", "bmi": "fractional"},
    "online": {"time_to_live": {"days": 30}},
}
FACES: Mapping[str, Any] = {
    "team": "research",
    "identifier": "patient",
    "event_time": "at",
    "features": {
        "patient": "string",
        "at": "fractional",
        "face": {"type": "fractional", "collection": "vector", "dimension": 3},
    },
    "online": {"storage": "in-memory"},
    "offline": None,
}
SICK: Mapping[str, Any] = {
    "team": "research",
    "image": {"repository": "sick", "tag": "v1"},
    "artifact": {"key": "research/model.tar.gz"},
    "api": {"content_types": ["text/csv"], "features": {"group": "patients", "names": ["bmi"]}},
}
Synthesise = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def templates(tmp_path: Path) -> Synthesise:
    def of(features: Mapping[str, Any], **changes: Any) -> dict[str, dict[str, Any]]:
        app = new_app(ROOT, tmp_path / f"{len(list(tmp_path.iterdir()))}")
        said = {**SMALLEST, "features": features, **changes}
        add_stacks(app, Environment.model_validate(said), ROOT)
        return {stack.hierarchical_id: stack.template for stack in app.synth().stacks}

    return of


def only(template: Mapping[str, Any], of_type: str) -> dict[str, Any]:
    (found,) = resources(template, of_type).values()
    resource: dict[str, Any] = found
    return resource


def test_without_feature_groups_there_is_no_feature_store(templates: Synthesise) -> None:
    assert "Features" not in templates({})


def test_a_group_outlives_the_environment_with_all_that_it_needs(templates: Synthesise) -> None:
    found = templates({"patients": {**PATIENTS, "stream": True}})["Features"]

    kept = {
        resource["Type"]
        for resource in found["Resources"].values()
        if resource.get("DeletionPolicy") == "Retain"
    }
    assert kept == {
        "AWS::Glue::Database",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::SageMaker::FeatureGroup",
        "AWS::SQS::Queue",
    }


def test_a_group_goes_where_data_is_to_go(templates: Synthesise) -> None:
    found = templates(
        {"patients": {**PATIENTS, "stream": True}},
        data={"on_destroy": "delete", "delete_confirmed_for": "dev"},
    )["Features"]

    assert [each for each in found["Resources"].values() if each.get("DeletionPolicy") == "Retain"] == []


def test_the_ids_of_what_holds_data_are_what_they_were(templates: Synthesise) -> None:
    found = templates({"patients": {**PATIENTS, "stream": True}})["Features"]["Resources"]

    assert {
        name for name, resource in found.items() if resource["Type"] == "AWS::SageMaker::FeatureGroup"
    } == {"GroupPatientsGroupBF325198"}
    assert {name for name, resource in found.items() if resource["Type"] == "AWS::SQS::Queue"} == {
        "GroupPatientsDeadLettersDD69F303",
        "GroupPatientsStream5F239AB0",
    }
    assert {"Database", "HistoryResearchRole1A4B47DA"} <= found.keys()


def test_the_stores_are_as_the_file_says_and_encrypted(templates: Synthesise) -> None:
    group = only(templates({"patients": PATIENTS})["Features"], "AWS::SageMaker::FeatureGroup")["Properties"]

    assert group["FeatureGroupName"] == "research--dev-patients"
    assert group["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Days", "Value": 30}
    assert "KmsKeyId" in group["OnlineStoreConfig"]["SecurityConfig"]
    assert "KmsKeyId" in group["OfflineStoreConfig"]["S3StorageConfig"]
    assert "/research/features" in json.dumps(group["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"])
    assert group["OfflineStoreConfig"]["DataCatalogConfig"] == {
        "Catalog": "AwsDataCatalog",
        "Database": "clary_dev_features",
        "TableName": "research__patients",
    }
    assert group["OfflineStoreConfig"]["TableFormat"] == "Glue"


def test_the_order_of_features_changes_no_template(templates: Synthesise) -> None:
    other = dict(reversed(list(PATIENTS["features"].items())))

    assert templates({"patients": PATIENTS}) == templates({"patients": {**PATIENTS, "features": other}})


def test_a_further_feature_changes_its_group_and_the_view_of_its_history(templates: Synthesise) -> None:
    before = templates({"patients": PATIENTS})

    after = templates({"patients": {**PATIENTS, "features": {**PATIENTS["features"], "age": "integral"}}})

    assert {stack for stack in after if after[stack] != before[stack]} == {"Features"}
    resources_before, resources_after = before["Features"]["Resources"], after["Features"]["Resources"]
    changed = [name for name in resources_after if resources_after[name] != resources_before[name]]
    assert changed == ["GroupPatientsGroupBF325198", "GroupPatientsOnceViewD7C9F5D5"]
    old, new = (each[changed[0]]["Properties"] for each in (resources_before, resources_after))
    assert {key for key in new if new[key] != old[key]} == {"FeatureDefinitions"}


def test_the_view_of_a_history_has_each_record_once(templates: Synthesise) -> None:
    view = only(templates({"patients": PATIENTS})["Features"], "AWS::Glue::Table")["Properties"]["TableInput"]
    comment = view["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    definition = json.loads(base64.b64decode(comment, validate=True))
    history = duckdb.connect(":memory:", config={"threads": 1})
    history.execute("CREATE SCHEMA clary_dev_features")
    history.execute(
        'CREATE TABLE clary_dev_features.research__patients (patient VARCHAR, "at" VARCHAR, bmi DOUBLE,'
        " write_time TIMESTAMP, api_invocation_time TIMESTAMP, is_deleted BOOLEAN)"
    )
    history.executemany(
        "INSERT INTO clary_dev_features.research__patients VALUES (?, ?, ?, now(), ?, ?)",
        [
            ("p", "2026-01-01T00:00:00Z", 20.0, "2026-01-02 00:00:00", False),
            ("p", "2026-01-01T00:00:00.000Z", 20.0, "2026-01-02 00:00:01", False),
            ("p", "2026-01-01T00:00:00.500Z", 21.0, "2026-01-02 00:00:02", False),
            ("q", "2026-01-01T00:00:00Z", 30.0, "2026-01-02 00:00:03", False),
            ("q", "2026-01-01T00:00:00Z", None, "2026-01-02 00:00:04", True),
        ],
    )

    found = history.execute(f"{definition['originalSql']} ORDER BY 3, 1").fetchall()

    assert [each[0] for each in history.description or ()] == ["at", "bmi", "patient", "is_deleted"]
    assert [(each["name"], each["type"]) for each in definition["columns"]] == [
        ("at", "varchar"),
        ("bmi", "double"),
        ("patient", "varchar"),
        ("is_deleted", "boolean"),
    ]
    assert found == [
        ("2026-01-01T00:00:00.000Z", 20.0, "p", False),
        ("2026-01-01T00:00:00.500Z", 21.0, "p", False),
        ("2026-01-01T00:00:00Z", None, "q", True),
    ]
    history.close()


def test_the_view_of_a_history_is_shared_with_it_and_goes_with_its_stack(templates: Synthesise) -> None:
    found = templates({"patients": {**PATIENTS, "readers": ["risk/data-analyst"]}, "faces": FACES})

    assert "table/clary_dev_features/research__patients__once" in allowed(
        found["Access"], "RiskDataAnalyst", "glue:GetTable"
    )
    assert only(found["Features"], "AWS::Glue::Table").get("DeletionPolicy") is None


def test_what_cloudformation_would_replace_a_group_for_is_sent(templates: Synthesise) -> None:
    found = templates({"faces": {**FACES, "tags": {"stage": "try"}}}, tags={"cost-center": 12})["Features"]

    group = only(found, "AWS::SageMaker::FeatureGroup")["Properties"]
    sent = only(found, "Custom::FeatureSettings")["Properties"]
    assert [each["FeatureName"] for each in group["FeatureDefinitions"]] == ["patient", "at"]
    assert {each["Key"] for each in group["Tags"]} == {"clary:environment", "clary:team"}
    assert sent["Tags"] == {"cost-center": "12", "stage": "try"}
    assert sent["Collections"] == [
        {"FeatureName": "face", "FeatureType": "Fractional", "CollectionType": "Vector", "Dimension": 3}
    ]


def test_another_tag_of_the_environment_leaves_the_group_as_it_is(templates: Synthesise) -> None:
    one, other = (templates({"patients": PATIENTS}, tags={"stage": each})["Features"] for each in "ab")

    assert only(one, "AWS::SageMaker::FeatureGroup") == only(other, "AWS::SageMaker::FeatureGroup")


def test_a_team_that_reads_a_history_has_queries_of_its_own(templates: Synthesise) -> None:
    shared = templates({"patients": {**PATIENTS, "readers": ["risk/data-analyst"]}})["Features"]
    unshared = templates({"patients": PATIENTS})["Features"]

    def names(template: Mapping[str, Any]) -> set[str]:
        return {each["Properties"]["Name"] for each in resources(template, "AWS::Athena::WorkGroup").values()}

    assert names(shared) == {"clary-dev-research", "clary-dev-risk"}
    assert names(unshared) == {"clary-dev-research"}


def test_the_first_and_the_last_group_come_and_go_without_an_export(templates: Synthesise) -> None:
    """CloudFormation refuses to withdraw an export while the stack that goes without it still imports it."""

    def exports(found: Mapping[str, Any]) -> set[str]:
        return {
            output["Export"]["Name"]
            for unit in ("Network", "Data")
            for output in found[unit]["Outputs"].values()
            if "Export" in output
        }

    with_groups = templates({"patients": {**PATIENTS, "stream": True, "readers": ["risk"]}})

    assert exports(with_groups) - exports(templates({})) == set()


def test_a_model_that_asks_for_features_gets_a_right_and_an_alarm_and_no_other_does(
    templates: Synthesise,
) -> None:
    asking, other = (
        templates({"patients": PATIENTS}, repositories=["sick"], models={"sick": model})["Gateway"]
        for model in (SICK, {**SICK, "api": {"content_types": ["text/csv"]}})
    )

    new = {name: each for name, each in asking["Resources"].items() if name not in other["Resources"]}
    assert sorted(each["Type"] for each in new.values()) == [
        "AWS::CloudWatch::Alarm",
        "AWS::Logs::MetricFilter",
    ]
    (filtering,) = (each for each in new.values() if each["Type"] == "AWS::Logs::MetricFilter")
    assert filtering["Properties"]["FilterPattern"] == '{ $.problem = "features-unavailable" }'
    assert ":feature-group/research--dev-patients" in json.dumps(asking)
    assert "feature" not in json.dumps(other).lower()


def test_leaves_no_finding_open(tmp_path: Path) -> None:
    app = new_app(ROOT, tmp_path)
    groups = {"patients": {**PATIENTS, "stream": True, "readers": ["risk"]}, "faces": FACES}
    served = {"repositories": ["sick"], "models": {"sick": SICK}}
    add_stacks(app, Environment.model_validate({**SMALLEST, "features": groups, **served}), ROOT)
    packs = (
        cdk_nag.AwsSolutionsChecks,
        cdk_nag.HIPAASecurityChecks,
        cdk_nag.NIST80053R5Checks,
        cdk_nag.PCIDSS321Checks,
    )

    violations = [each for pack in packs for each in pack(app).validate_scope(app).violations]

    assert [each.rule_name for each in violations] == []


def allowed(template: Mapping[str, Any], role: str, action: str) -> str:
    """What a role's policies about features let it do something with, as text."""
    (policy,) = (
        resource["Properties"]
        for name, resource in resources(template, "AWS::IAM::ManagedPolicy").items()
        if name.startswith(f"{role}FeaturesPolicy")
    )
    statements = policy["PolicyDocument"]["Statement"]
    return json.dumps([each["Resource"] for each in statements if action in each["Action"]])


def test_who_shares_reads_and_does_not_write(templates: Synthesise) -> None:
    access = templates({"patients": {**PATIENTS, "readers": ["risk/data-analyst"]}})["Access"]

    assert "feature-group/research--dev-patients" in allowed(access, "RiskDataAnalyst", "sagemaker:GetRecord")
    assert allowed(access, "RiskDataAnalyst", "sagemaker:PutRecord") == "[]"
    assert "table/clary_dev_features/research__patients" in allowed(
        access, "RiskDataAnalyst", "glue:GetTable"
    )
    history = allowed(access, "RiskDataAnalyst", "s3:GetObject")
    assert "/offline-store/research--dev-patients-??????????/*" in history
    assert "research/features/*" not in history


def test_what_one_persona_reads_its_teams_jobs_do_not(templates: Synthesise) -> None:
    access = templates({"patients": {**PATIENTS, "readers": ["risk/data-analyst"]}})["Access"]

    assert allowed(access, "RiskJobs", "sagemaker:GetRecord") == "[]"
    assert "research" not in allowed(access, "RiskJobs", "s3:GetObject")


def test_a_team_that_may_write_does_so_with_its_jobs_and_through_the_queue(templates: Synthesise) -> None:
    access = templates({"patients": {**PATIENTS, "stream": True, "writers": ["risk"]}})["Access"]

    assert "research--dev-patients" in allowed(access, "RiskJobs", "sagemaker:PutRecord")
    assert ":research--dev-patients" in allowed(access, "RiskJobs", "sqs:SendMessage")
    assert allowed(access, "RiskDataAnalyst", "sagemaker:PutRecord") == "[]", "an analyst writes no features"


def test_nobody_is_let_at_histories_where_there_are_none(templates: Synthesise) -> None:
    access = json.dumps(templates({})["Access"])

    assert "athena:" not in access
    assert "glue:" not in access


def test_who_works_in_the_network_reaches_queries_and_queues(templates: Synthesise) -> None:
    def ways(found: Mapping[str, Any]) -> set[str]:
        endpoints = resources(found["Network"], "AWS::EC2::VPCEndpoint").values()
        return {str(each["Properties"]["ServiceName"]).rpartition(".")[2] for each in endpoints}

    more = ways(templates({"patients": {**PATIENTS, "stream": True}})) - ways(templates({"faces": FACES}))

    assert more == {"athena", "glue", "sqs"}
