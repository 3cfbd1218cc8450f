"""Feature groups: which are refused, how they change, and that their files have every record once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError

from local_aws import iceberg, sagemaker
from local_aws.errors import ServiceError
from local_aws.iceberg import DataFile
from local_aws.sagemaker import clients, control
from local_aws.sagemaker.families import families
from local_aws.sagemaker.feature_store import database as databases
from local_aws.sagemaker.feature_store import group, iceberg_table, offline, runtime
from local_aws.sagemaker.feature_store.database import Database, Row, database
from local_aws.sagemaker.feature_store.destination import Destination
from local_aws.sagemaker.feature_store.group import Feature
from local_aws.store import STORE
from support.feature_state import forget
from support.service_model import create_request

ID, TIME = create_request(families()["FeatureGroup"])["FeatureDefinitions"]
ONLINE = {"EnableOnlineStore": True}
IN_MEMORY = {**ONLINE, "StorageType": "InMemory"}
OFFLINE = {"S3StorageConfig": {"S3Uri": "s3://bucket/features"}}
PROVISIONED = {
    "ThroughputMode": "Provisioned",
    "ProvisionedReadCapacityUnits": 10,
    "ProvisionedWriteCapacityUnits": 10,
}


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    forget()
    yield
    forget()


def create(**members: Any) -> None:
    usual = create_request(families()["FeatureGroup"]) | {"FeatureGroupName": "houses"}
    control.call("CreateFeatureGroup", usual | members)


def describe() -> dict[str, Any]:
    return control.call("DescribeFeatureGroup", {"FeatureGroupName": "houses"})


def update(**members: Any) -> None:
    control.call("UpdateFeatureGroup", {"FeatureGroupName": "houses", **members})


def feature(name: str, type_: str = "String", collection: str | None = None, **more: Any) -> dict[str, Any]:
    found = {"FeatureName": name, "FeatureType": type_, **more}
    return found if collection is None else found | {"CollectionType": collection}


def vector(name: str, type_: str = "Fractional") -> dict[str, Any]:
    return feature(name, type_, "Vector", CollectionConfig={"VectorConfig": {"Dimension": 2}})


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"FeatureDefinitions": [ID, TIME, feature("write_time")]}, "write_time is reserved"),
        ({"FeatureDefinitions": [ID, TIME, feature("Id")]}, "Duplicate feature names are not allowed: Id"),
        ({"FeatureDefinitions": [feature("id", "Fractional"), TIME]}, "id must be one of: Integral, String"),
        (
            {"FeatureDefinitions": [ID, feature("time", "Integral")]},
            "time must be one of: Fractional, String",
        ),
        (
            {"FeatureDefinitions": [ID, TIME, feature("a", collection="List")]},
            "needs an InMemory OnlineStore",
        ),
        (
            {"FeatureDefinitions": [ID, TIME, vector("a"), vector("b")], "OnlineStoreConfig": IN_MEMORY},
            "can have one feature of the CollectionType Vector",
        ),
        (
            {"FeatureDefinitions": [ID, TIME, vector("a", "Integral")], "OnlineStoreConfig": IN_MEMORY},
            "The elements of the vector a must be Fractional",
        ),
        (
            {
                "FeatureDefinitions": [ID, TIME, feature("a", "Fractional", "Vector")],
                "OnlineStoreConfig": IN_MEMORY,
            },
            "must have a VectorConfig exactly if it is a Vector",
        ),
        ({"OnlineStoreConfig": {"EnableOnlineStore": False}}, "cannot be both disabled"),
        (
            {"OnlineStoreConfig": {**ONLINE, "TtlDuration": {"Unit": "Days"}}},
            "TtlDuration must have a Unit and a Value",
        ),
        (
            {"ThroughputConfig": {"ThroughputMode": "OnDemand", "ProvisionedReadCapacityUnits": 1}},
            "ProvisionedReadCapacityUnits is for the ThroughputMode Provisioned only",
        ),
        (
            {"ThroughputConfig": {"ThroughputMode": "Provisioned", "ProvisionedWriteCapacityUnits": 1}},
            "ProvisionedReadCapacityUnits must be given",
        ),
        (
            {"ThroughputConfig": PROVISIONED | {"ProvisionedReadCapacityUnits": 40_001}},
            "ProvisionedReadCapacityUnits must not exceed 40000",
        ),
        (
            {"ThroughputConfig": PROVISIONED, "OnlineStoreConfig": IN_MEMORY},
            "Provisioned needs the StorageType Standard",
        ),
        ({"OfflineStoreConfig": OFFLINE}, "RoleArn must be given"),
    ],
)
def test_refuses_a_group_that_cannot_be(members: dict[str, Any], words: str) -> None:
    with pytest.raises(ServiceError, match=words) as raised:
        create(**members)

    assert raised.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"FeatureAdditions": [feature("a")], "ThroughputConfig": {"ThroughputMode": "OnDemand"}},
            "Only one of FeatureAdditions",
        ),
        ({"FeatureAdditions": [feature("ID")]}, "Feature ID already exists"),
        ({"FeatureAdditions": [feature("a"), feature("a")]}, "Duplicate feature names"),
        ({"FeatureAdditions": [feature("is_deleted")]}, "is_deleted is reserved"),
        ({"FeatureAdditions": [feature("a", collection="Set")]}, "needs an InMemory OnlineStore"),
        ({"OnlineStoreConfig": {"StorageType": "InMemory"}}, "cannot change from Standard to InMemory"),
        ({"OnlineStoreConfig": {"TtlDuration": {"Value": 1}}}, "a Unit and a Value, or neither"),
    ],
)
def test_refuses_a_change_that_cannot_be(change: dict[str, Any], words: str) -> None:
    create()

    with pytest.raises(ServiceError, match=words):
        update(**change)

    assert describe()["FeatureDefinitions"] == [ID, TIME]


# --- how it changes --------------------------------------------------------------------------------


def test_its_default_duration_can_be_taken_away() -> None:
    create(OnlineStoreConfig={**ONLINE, "TtlDuration": {"Unit": "Days", "Value": 1}})

    update(OnlineStoreConfig={"TtlDuration": {"Unit": None, "Value": None}})

    assert describe()["OnlineStoreConfig"] == {**ONLINE, "StorageType": "Standard"}


def test_a_standard_store_becomes_one_that_takes_updates() -> None:
    create()

    update(OnlineStoreConfig={"StorageType": "Standard_V2"})

    assert describe()["OnlineStoreConfig"]["StorageType"] == "Standard_V2"


def test_a_group_is_on_demand_unless_it_says_otherwise() -> None:
    create()
    assert describe()["ThroughputConfig"] == {"ThroughputMode": "OnDemand"}

    update(ThroughputConfig=PROVISIONED)

    assert describe()["ThroughputConfig"] == PROVISIONED


def test_an_update_takes_its_time_and_nobody_can_begin_another_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create()
    describe()  # it is there
    clock = time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    monkeypatch.setattr("local_aws.settings.Settings.seconds", lambda *_: 60.0)

    update(FeatureAdditions=[feature("rooms")])

    assert describe()["LastUpdateStatus"] == {"Status": "InProgress"}
    with pytest.raises(ServiceError, match="because another update is in progress"):
        update(FeatureAdditions=[feature("garden")])
    monkeypatch.setattr(time, "time", lambda: clock + 61)
    assert describe()["LastUpdateStatus"] == {"Status": "Successful"}
    assert describe()["FeatureGroupStatus"] == "Created"


def test_records_are_forgotten_with_everything_else() -> None:
    create()
    record = [
        {"FeatureName": "id", "ValueAsString": "a"},
        {"FeatureName": "time", "ValueAsString": "1"},
    ]
    runtime.call("PutRecord", {"FeatureGroupName": "houses", "Record": record})
    store = STORE.get("FeatureGroup", ("houses",))
    assert store is not None

    sagemaker._forget()

    assert database().get(store[group.STORE_ID], "a", 0) is None


# --- files -----------------------------------------------------------------------------------------


@dataclass
class Bucket:
    """Keeps objects, and fails as it is told: before or after it has kept one."""

    failures: list[str]
    objects: dict[str, bytes] = field(default_factory=dict)

    @property
    def s3(self) -> Bucket:
        return self

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803 - boto3's
        failure = self.failures.pop(0) if self.failures else ""
        if failure != "before":
            self.objects[Key] = Body
        if failure:
            raise ClientError({"Error": {"Code": "500", "Message": failure}}, "PutObject")

    def rows(self, folder: Path) -> list[Any]:
        found = []
        for number, content in enumerate(self.objects.values()):
            file = folder / f"{number}.parquet"
            file.write_bytes(content)
            found += duckdb.sql(f"SELECT id, rooms FROM '{file}'").fetchall()
        return sorted(found)


DESTINATION = Destination(
    account="000000000000",
    region="us-east-1",
    group="houses",
    store="store",
    identifier="id",
    event_time="time",
    features={
        name: Feature(name, type_, None, None)
        for name, type_ in (("id", "String"), ("time", "Fractional"), ("rooms", "Integral"))
    },
    offline=True,
    role="arn:aws:iam::000000000000:role/store",
    uri="s3://bucket/data",
)


@pytest.mark.parametrize("failures", [[], ["before"], ["after"], ["", "after", "", "before"]])
def test_every_record_is_in_one_file_whatever_fails(
    failures: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket = Bucket(list(failures))
    monkeypatch.setattr(clients, "as_role", lambda _: bucket)
    for number in range(30):
        hour = number % 3 * 3600.0
        row = Row(hour, {"id": f"{number:02}", "time": repr(hour), "rooms": str(number)}, 0.0, False)
        database().enqueue("store", row, 0.0)

    tries = [offline.write(DESTINATION) for _ in range(len(failures) + 1)]

    assert tries[-1]
    assert bucket.rows(tmp_path) == [(f"{number:02}", number) for number in range(30)]
    assert len(bucket.objects) == 3
    assert database().due() == []


@dataclass
class Catalog:
    """Glue with one table."""

    table: dict[str, Any]

    def get_table(self, **_: Any) -> dict[str, Any]:
        return {"Table": self.table}

    def update_table(self, *, TableInput: dict[str, Any], **_: Any) -> None:  # noqa: N803 - boto3's
        self.table = TableInput


@pytest.mark.parametrize(
    "failures", [[], ["before"], ["after"], ["", "", "", "after"], ["", "", "", "", "before"]]
)
def test_every_file_is_in_an_iceberg_table_once_whatever_fails(
    failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = Bucket([])
    named = {"Catalog": "AwsDataCatalog", "Database": "features", "TableName": "houses"}
    destination = replace(DESTINATION, iceberg=True, catalog=named)
    monkeypatch.setattr(Bucket, "client", lambda *_: catalog, raising=False)
    monkeypatch.setattr(clients, "as_role", lambda _: bucket)
    monkeypatch.setattr(iceberg_table, "_fetch", lambda uri: bucket.objects[uri.removeprefix("s3://bucket/")])
    catalog = Catalog({"Parameters": {"metadata_location": iceberg_table.begin(destination)}})
    bucket.failures = list(failures)
    for number in range(6):
        row = Row(float(number), {"id": str(number), "time": repr(float(number))}, 0.0, False)
        database().enqueue("store", row, 0.0)

    for _ in range(len(failures) + 1):
        offline.write(destination)
    again = offline.write(destination)

    location = catalog.table["Parameters"]["metadata_location"]
    table = iceberg_table.opened(destination, location).metadata
    files = iceberg.files_of(table, iceberg_table._fetch)
    data = {f"s3://bucket/{key}" for key in bucket.objects if key.endswith(".parquet")}
    assert again
    assert len(files) == 1
    assert set(files) == data
    assert iceberg_table.opened(destination, location).append([DataFile(files[0], 6, 1, None)]) is None


def test_a_record_that_is_due_later_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    thread = offline._Thread(running=True, looks_at=10.0)
    monkeypatch.setattr(offline, "_THREAD", thread)

    offline.wake(11.0)
    assert not thread.woken
    offline.wake(9.0)

    assert thread.woken


def test_a_server_that_begins_anew_writes_to_the_file_that_was_begun(tmp_path: Path) -> None:
    path = tmp_path / databases.FILE
    before = Database(path)
    before.enqueue("store", Row(0.0, {"id": "a"}, 0.0, False), 0.0)
    before.assign([one for one, _ in before.unassigned("store", 10)], "the-file")
    before.enqueue("store", Row(0.0, {"id": "b"}, 0.0, False), 0.0)

    after = Database(path)

    assert after.files("store") == ["the-file"]
    assert [row.values for row in after.rows("store", "the-file")] == [{"id": "a"}]
    assert len(after.unassigned("store", 10)) == 1
    for one in (before, after):
        one.close()
