"""Feature groups of two teams, deployed with IAM enforced: records in, training sets out, who may what."""

from __future__ import annotations

import csv
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.checkout import ACCOUNT, REGION, Checkout, enforcing
from support.identity import EnforcingAws, Somebody, document, statement
from support.waiting import eventually

_FILE = """\
name: local
account: "000000000000"
region: us-east-1
data: {on_destroy: delete, delete_confirmed_for: local}
tags: {stage: one}
repositories: [features]
teams:
  research: {members: {ada: data-scientist}}
  risk: {members: {bob: data-analyst}}
  sales: {members: {eve: data-scientist}}
features:
  patients:
    team: research
    identifier: patient
    event_time: measured_at
    features:
      patient: string
      measured_at: string
      bmi: fractional
    online: {}
    readers: [risk/data-analyst]
    stream: true
    job: {repository: features}
  faces:
    team: research
    identifier: patient
    event_time: seen_at
    features:
      patient: string
      seen_at: fractional
      words: {type: string, collection: list}
    online: {storage: in-memory}
    offline: null
  scores:
    team: research
    identifier: patient
    event_time: at_second
    features: {patient: integral, at_second: fractional, score: fractional}
    offline: {table: iceberg}
"""
GROUP, FACES = "research--local-patients", "research--local-faces"
BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@dataclass
class World:
    checkout: Checkout
    aws: EnforcingAws
    people: dict[str, Somebody] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def somebody(self, team: str, persona: str) -> Somebody:
        """A session of a role that only SageMaker assumes: here the trust is the account's."""
        role = f"clary-local-{team}-{persona}"
        if role not in self.people:
            trust = statement(["sts:AssumeRole", "sts:SetSourceIdentity"], Principal={"AWS": ACCOUNT})
            trust.pop("Resource")
            self.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=document(trust))
            service = self.aws.user(statement(["sts:AssumeRole", "sts:SetSourceIdentity"]))
            arn = f"arn:aws:iam::{ACCOUNT}:role/clary/local/{role}"
            self.people[role] = self.aws.session(
                arn, by=service, RoleSessionName="SageMaker", SourceIdentity=f"{team}-somebody"
            )
        return self.people[role]

    def ingest(self, who: Somebody, file: Path) -> subprocess.Popen[str]:
        """What a processing job runs, too, with somebody's rights."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        credentials = {
            "AWS_ACCESS_KEY_ID": who.access_key,
            "AWS_SECRET_ACCESS_KEY": who.secret,
            "AWS_SESSION_TOKEN": str(who.token),
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_CA_BUNDLE": str(self.aws.ca),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        program = self.checkout.root / "workloads" / "features" / "container" / "ingest"
        return subprocess.Popen(
            [sys.executable, str(program), GROUP, str(file)],
            env={**inherited, **credentials},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def asked(self, who: Somebody, team: str, query: str) -> list[list[str | None]]:
        """What Athena answers, or why it does not."""
        athena = who.client("athena")
        started = athena.start_query_execution(
            QueryString=query,
            QueryExecutionContext={"Database": "clary_local_features"},
            WorkGroup=f"clary-local-{team}",
        )["QueryExecutionId"]

        def status() -> Mapping[str, Any]:
            return dict(athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"])

        eventually(lambda: status()["State"] not in ("QUEUED", "RUNNING"), seconds=300)
        assert status()["State"] == "SUCCEEDED", status()
        rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
        return [[value.get("VarCharValue") for value in row["Data"]] for row in rows[1:]]

    def files(self) -> set[str]:
        s3 = self.client("s3")
        (bucket,) = (each["Name"] for each in s3.list_buckets()["Buckets"] if "databucket" in each["Name"])
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="research/features/")
        keys = {each["Key"] for page in pages for each in page.get("Contents", ())}
        return {key for key in keys if f"/{GROUP}-" in key}

    def latest(self, patient: str) -> dict[str, str]:
        runtime = self.client("sagemaker-featurestore-runtime")
        found = runtime.get_record(FeatureGroupName=GROUP, RecordIdentifierValueAsString=patient)
        return {each["FeatureName"]: each["ValueAsString"] for each in found.get("Record", ())}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with enforcing(tmp_path_factory.mktemp("features"), _FILE) as (checkout, aws):
        done = checkout("deploy", "local", timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        yield World(checkout, aws)


def written(file: Path, rows: Sequence[Sequence[object]], header: Sequence[str]) -> Path:
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([header, *rows])
    return file


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, float]]:
    """Ten patients, measured every half hour."""
    return [
        (
            f"p{number % 10}",
            f"{BEGIN + datetime.timedelta(minutes=30 * number):%Y-%m-%dT%H:%M:%SZ}",
            20 + number / 8,
        )
        for number in range(300)
    ]


@pytest.fixture(scope="module")
def ingested(
    world: World, records: list[tuple[str, str, float]], tmp_path_factory: pytest.TempPathFactory
) -> World:
    """Brought in by a data scientist of the team whose process was killed on the way."""
    ada = world.somebody("research", "data-scientist")
    file = written(tmp_path_factory.mktemp("in") / "r.csv", records, ["patient", "measured_at", "bmi"])
    first = world.ingest(ada, file)
    eventually(lambda: world.files() or first.poll() is not None, seconds=300)
    first.kill()
    first.communicate()

    again = world.ingest(ada, file)
    said, complaint = again.communicate(timeout=300)

    assert again.returncode == 0, said + complaint
    return world


def test_a_killed_ingestion_goes_on_without_loss_or_duplicates(
    ingested: World, records: list[tuple[str, str, float]]
) -> None:
    ada = ingested.somebody("research", "data-scientist")

    found = ingested.asked(
        ada,
        "research",
        "SELECT count(*), count(DISTINCT patient || measured_at), sum(bmi) FROM research__patients"
        " WHERE measured_at < '2026-02-01'",
    )

    assert len(ingested.files()) >= 150
    assert [[int(str(found[0][0])), int(str(found[0][1]))], float(str(found[0][2]))] == [
        [300, 300],
        pytest.approx(sum(bmi for _, _, bmi in records)),
    ]
    assert ingested.latest("p9")["measured_at"] >= records[-1][1]


def test_a_training_set_knows_nothing_of_what_came_later(
    ingested: World, records: list[tuple[str, str, float]], tmp_path: Path
) -> None:
    moments = [BEGIN + datetime.timedelta(hours=5 * number, minutes=7) for number in range(30)]
    lines = [(f"p{number % 11}", f"{at:%Y-%m-%dT%H:%M:%SZ}", "007") for number, at in enumerate(moments)]
    labels = written(tmp_path / "labels.csv", lines, ["id", "time", "label"])

    done = ingested.checkout(
        *("features", "training-set", "local", str(labels), str(tmp_path / "out.csv")),
        *("--features", "patients:bmi", "--key", "patients=id"),
    )

    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "out.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["id", "time", "label", "patients_bmi"]
    for (patient, at, label), row in zip(lines, found[1:], strict=True):
        known = [bmi for key, when, bmi in records if key == patient and when <= at]
        assert row == [patient, at, label, str(known[-1]) if known else ""]
    glue = ingested.client("glue")
    tables = glue.get_tables(DatabaseName="clary_local_features")["TableList"]
    names = {each["Name"] for each in tables}
    tables_of_groups = {"research__patients", "research__scores"}
    views = {f"{table}__once" for table in tables_of_groups}
    assert names == tables_of_groups | views, "what was asked for is gone"


def test_messages_become_records_and_what_cannot_is_kept(ingested: World) -> None:
    sqs = ingested.somebody("research", "data-scientist").client("sqs")
    queue = sqs.get_queue_url(QueueName=GROUP)["QueueUrl"]
    good = json.dumps({"patient": "streamed", "measured_at": "2026-03-01T00:00:00Z", "bmi": 21.5})

    for body in (good, good, json.dumps({"patient": "streamed", "measured_at": "then"})):
        sqs.send_message(QueueUrl=queue, MessageBody=body)

    ada, where = ingested.somebody("research", "data-scientist"), "WHERE patient = 'streamed'"

    def rows(table: str) -> int:
        return int(str(ingested.asked(ada, "research", f"SELECT count(*) FROM {table} {where}")[0][0]))

    eventually(lambda: rows("research__patients") >= 2, seconds=300)
    assert rows("research__patients__once") == 1, "whatever came twice is asked for once"
    assert ingested.latest("streamed")["bmi"] == "21.5"
    attributes = ingested.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
    redrive = json.loads(attributes["Attributes"]["RedrivePolicy"])
    assert redrive["maxReceiveCount"] == 5
    assert "DeadLetters" in redrive["deadLetterTargetArn"]


def test_a_job_of_the_teams_brings_files_in(world: World, tmp_path: Path) -> None:
    header = ["patient", "measured_at", "bmi"]
    good = written(tmp_path / "good.csv", [("jobbed", "2026-04-01T00:00:00Z", 22.5)], header)
    bad = written(tmp_path / "bad.csv", [("jobbed", "2026-04-02T00:00:00Z", "much")], header)

    first = world.checkout("features", "ingest", "local", "patients", str(good), "--job", timeout=600)
    again = world.checkout("features", "ingest", "local", "patients", str(good), "--job", timeout=600)
    refused = world.checkout("features", "ingest", "local", "patients", str(bad), "--job", timeout=600)

    assert first.returncode == 0, first.stdout + first.stderr
    assert "1 records: 1 files written, 0 there already; 1 keys put" in first.stdout
    assert world.latest("jobbed")["bmi"] == "22.5"
    assert "0 files written, 1 there already; 0 keys put, 1 up to date already" in again.stdout
    assert refused.returncode == 1
    assert "'bmi' is 'much', give a number" in refused.stderr
    jobs = world.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]
    statuses = {each["ProcessingJobName"]: each["ProcessingJobStatus"] for each in jobs}
    assert sorted(statuses.values()) == ["Completed", "Completed", "Failed"]
    assert {name.rpartition("-")[2] for name in statuses} == {"1", "2"}
    assert all(name.startswith("research--ingest-") for name in statuses)


def test_a_history_of_icebergs_takes_records_one_by_one(world: World) -> None:
    ada = world.somebody("research", "data-scientist")
    record = {"patient": "7", "at_second": "1767225600.5", "score": "0.25"}

    ada.client("sagemaker-featurestore-runtime").put_record(
        FeatureGroupName="research--local-scores",
        Record=[{"FeatureName": name, "ValueAsString": value} for name, value in record.items()],
    )

    query = "SELECT patient, score FROM research__scores__once WHERE NOT is_deleted AND patient = 7"
    eventually(lambda: world.asked(ada, "research", query) == [["7", "0.25"]], seconds=300)


def test_files_for_a_history_of_icebergs_are_put_record_by_record(world: World, tmp_path: Path) -> None:
    ada = world.somebody("research", "data-scientist")
    rows = [(8, 1767225600.5, 0.5), (8, 1767225601, 0.75), (9, 1767225600, 1)]
    file = written(tmp_path / "scores.csv", rows, ["patient", "at_second", "score"])

    for _ in range(2):
        done = world.checkout("features", "ingest", "local", "scores", str(file))
        assert "3 records: 3 put one by one" in done.stdout, done.stdout + done.stderr

    which = "WHERE patient > 7"
    query = f"SELECT count(*) FROM research__scores {which}"
    eventually(lambda: world.asked(ada, "research", query) == [["6"]], seconds=300)
    query = f"SELECT patient, score FROM research__scores__once {which} ORDER BY patient, score"
    assert world.asked(ada, "research", query) == [["8", "0.5"], ["8", "0.75"], ["9", "1.0"]]


def test_files_have_collections(world: World, tmp_path: Path) -> None:
    file = written(
        tmp_path / "faces.csv", [("f1", 1767225600, '["a", "b c"]')], ["patient", "seen_at", "words"]
    )

    done = world.checkout("features", "ingest", "local", "faces", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    found = world.client("sagemaker-featurestore-runtime").get_record(
        FeatureGroupName=FACES, RecordIdentifierValueAsString="f1", FeatureNames=["words"]
    )
    assert found["Record"] == [{"FeatureName": "words", "ValueAsStringList": ["a", "b c"]}]


def test_who_it_is_shared_with_reads_and_nobody_else(ingested: World) -> None:
    bob = ingested.somebody("risk", "data-analyst")
    eve = ingested.somebody("sales", "data-scientist")
    one = {"FeatureGroupName": GROUP, "RecordIdentifierValueAsString": "p1"}
    runtime = "sagemaker-featurestore-runtime"
    record = [
        {"FeatureName": "patient", "ValueAsString": "p1"},
        {"FeatureName": "measured_at", "ValueAsString": "2026-09-01T00:00:00Z"},
    ]

    assert bob.may(runtime, "get_record", **one)
    assert not bob.may(runtime, "put_record", FeatureGroupName=GROUP, Record=record)
    assert not eve.may(runtime, "get_record", **one)
    for table in ("research__patients", "research__patients__once"):
        query = f"SELECT count(*) FROM {table} WHERE patient = 'p1'"
        assert ingested.asked(bob, "risk", query) == [["30"]]
    assert not bob.may("sqs", "get_queue_url", QueueName=GROUP)
    assert not bob.may("glue", "delete_table", DatabaseName="clary_local_features", Name="research__patients")


def test_collections_and_tags_are_there_although_cloudformation_knows_neither(world: World) -> None:
    found = world.client("sagemaker").describe_feature_group(FeatureGroupName=FACES)

    assert {each["FeatureName"]: each.get("CollectionType") for each in found["FeatureDefinitions"]} == {
        "patient": None,
        "seen_at": None,
        "words": "List",
    }
    tags = world.client("sagemaker").list_tags(ResourceArn=found["FeatureGroupArn"])["Tags"]
    assert {"Key": "stage", "Value": "one"} in tags


def test_a_group_grows_in_place_and_does_not_shrink(ingested: World) -> None:
    sagemaker = ingested.client("sagemaker")
    before = sagemaker.describe_feature_group(FeatureGroupName=GROUP)

    with ingested.checkout.edited(lambda text: text.replace("      bmi: fractional\n", "")):
        refused = ingested.checkout("deploy", "local", timeout=900)
    grown = ingested.checkout.file.read_text().replace("      bmi:", "      age: integral\n      bmi:")
    ingested.checkout.file.write_text(grown.replace("stage: one", "stage: two"))
    done = ingested.checkout("deploy", "local", timeout=900)

    assert refused.returncode == 1
    assert (
        "the feature 'bmi' of the feature group 'research--local-patients' would be removed" in refused.stderr
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = sagemaker.describe_feature_group(FeatureGroupName=GROUP)
    assert after["CreationTime"] == before["CreationTime"]
    assert {each["FeatureName"] for each in after["FeatureDefinitions"]} == {
        "age",
        "bmi",
        "measured_at",
        "patient",
    }
    assert {"Key": "stage", "Value": "two"} in sagemaker.list_tags(ResourceArn=after["FeatureGroupArn"])[
        "Tags"
    ]
    assert ingested.latest("p1")["bmi"], "what it knew it still knows"
    ada = ingested.somebody("research", "data-scientist")
    for table in ("research__patients", "research__patients__once"):
        query = f"SELECT count(age), count(bmi) > 299 FROM {table}"
        assert ingested.asked(ada, "research", query) == [["0", "true"]]
