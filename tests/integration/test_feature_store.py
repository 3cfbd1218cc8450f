"""Feature groups on a running local AWS: records over HTTP, files in S3, tables in Glue, Athena's answers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.features import DEFINITIONS, FeatureWorld, as_record, once
from support.identity import EnforcingAws, document, statement, trusting
from support.persistent import PersistentAws
from support.settings import Settings

ACCOUNT = "220000000071"
LATER = "2024-05-01T10:00:00Z"


@pytest.fixture(scope="module")
def world(local_aws: LocalAws) -> FeatureWorld:
    made = FeatureWorld(partial(local_aws.client, account=ACCOUNT), "open")
    Settings(local_aws, ACCOUNT).put(offline_store_seconds=0)
    return made


@pytest.fixture(scope="module")
def guarded(enforcing: EnforcingAws) -> FeatureWorld:
    return FeatureWorld(enforcing.client, "guarded")


# --- records ---------------------------------------------------------------------------------------


def test_records_are_put_read_listed_and_deleted_over_http(world: FeatureWorld) -> None:
    runtime = world.client("sagemaker-featurestore-runtime")
    arn = world.create("online")["FeatureGroupArn"]
    named = {"FeatureGroupName": arn}

    runtime.put_record(**named, Record=as_record({"id": "a/b", "at": LATER, "rooms": "3"}))
    runtime.batch_write_record(
        Entries=[{"FeatureGroupName": "online", "Record": as_record({"id": "ü", "at": LATER})}]
    )
    one = {"FeatureGroupName": arn, "RecordIdentifierValueAsString": "a/b"}
    answer = runtime.get_record(**one, FeatureNames=["rooms", "price"])
    assert answer["Record"] == as_record({"rooms": "3"})
    batch = [{"FeatureGroupName": arn, "RecordIdentifiersValueAsString": ["ü", "none"]}]
    found = runtime.batch_get_record(Identifiers=batch)
    assert [one["Record"] for one in found["Records"]] == [as_record({"id": "ü", "at": LATER})]
    assert sorted(runtime.list_records(**named)["RecordIdentifiers"]) == ["a/b", "ü"]

    runtime.delete_record(**one, EventTime="2024-05-02T10:00:00Z", TargetStores=["OnlineStore"])

    assert "Record" not in runtime.get_record(**one)


@pytest.mark.parametrize(
    ("operation", "asked", "code", "status"),
    [
        ("get_record", {"RecordIdentifierValueAsString": "a"}, "ResourceNotFound", 404),
        ("put_record", {"Record": as_record({"id": "a"})}, "ValidationError", 400),
    ],
)
def test_errors_have_the_services_codes(
    world: FeatureWorld, operation: str, asked: dict[str, Any], code: str, status: int
) -> None:
    runtime = world.client("sagemaker-featurestore-runtime")

    with pytest.raises(ClientError) as raised:
        getattr(runtime, operation)(FeatureGroupName="nobodys", **asked)

    answer = raised.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


# --- the offline store -----------------------------------------------------------------------------


def test_files_lie_by_the_hour_of_the_event_and_athena_reads_all_of_history(world: FeatureWorld) -> None:
    group = world.create("history", **world.offline())
    world.put("history", id="a", at="2024-05-01T10:15:00Z", rooms="3", price="1.5")
    world.put("history", id="a", at="2024-04-30T23:59:59.500Z", rooms="2")  # older: online stays as it is
    world.client("sagemaker-featurestore-runtime").delete_record(
        FeatureGroupName="history", RecordIdentifierValueAsString="a", EventTime="2024-05-01T11:00:00Z"
    )

    rows = world.rows(group, '"at", rooms, price, is_deleted, hour', count=3)

    assert rows == [
        ["2024-04-30T23:59:59.500Z", "2", None, "false", "23"],
        ["2024-05-01T10:15:00Z", "3", "1.5", "false", "10"],
        ["2024-05-01T11:00:00Z", None, None, "true", "11"],
    ]
    assert {file.rpartition("/")[0] for file in world.files(group)} == {
        "year=2024/month=04/day=30/hour=23",
        "year=2024/month=05/day=01/hour=10",
        "year=2024/month=05/day=01/hour=11",
    }
    assert group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"].startswith(
        f"s3://{world.bucket}/team/{ACCOUNT}/sagemaker/us-east-1/offline-store/history-"
    )


def test_added_features_are_columns_of_the_table_and_empty_in_what_is_older(world: FeatureWorld) -> None:
    group = world.create("growing", **world.offline())
    world.put("growing", id="a", at=LATER)
    world.rows(group, "id", count=1)

    world.client("sagemaker").update_feature_group(
        FeatureGroupName="growing", FeatureAdditions=[{"FeatureName": "garden", "FeatureType": "String"}]
    )
    assert world.describe("growing")["LastUpdateStatus"] == {"Status": "Successful"}

    assert world.query(group, "id, garden") == [["a", None]]
    world.put("growing", id="b", at=LATER, garden="yes")
    assert world.rows(group, "id, garden", count=2) == [["a", None], ["b", "yes"]]


def test_an_update_fails_that_cannot_give_the_table_its_column(world: FeatureWorld) -> None:
    group = world.create("uncatalogued", **world.offline())
    table = group["OfflineStoreConfig"]["DataCatalogConfig"]
    world.client("glue").delete_table(DatabaseName=table["Database"], Name=table["TableName"])

    world.client("sagemaker").update_feature_group(
        FeatureGroupName="uncatalogued",
        FeatureAdditions=[{"FeatureName": "garden", "FeatureType": "String"}],
    )

    found = world.describe("uncatalogued")
    assert found["LastUpdateStatus"]["Status"] == "Failed"
    assert table["TableName"] in found["LastUpdateStatus"]["FailureReason"]
    assert found["FeatureDefinitions"] == DEFINITIONS


def test_collections_are_arrays_in_files(world: FeatureWorld) -> None:
    group = world.create(
        "collected",
        FeatureDefinitions=[
            *DEFINITIONS,
            {"FeatureName": "visits", "FeatureType": "Integral", "CollectionType": "List"},
        ],
        OnlineStoreConfig={"EnableOnlineStore": True, "StorageType": "InMemory"},
        **world.offline(),
    )
    world.put("collected", id="a", at=LATER, visits=["3", "1"])

    assert world.rows(group, "visits[1] + 1", count=1) == [["4"]]
    assert world.get("collected", "a")["visits"] == ["3", "1"]


def test_an_iceberg_table_has_the_files_of_its_last_snapshot_and_the_columns_of_added_features(
    world: FeatureWorld,
) -> None:
    storage = {"OfflineStoreConfig": {**world.offline()["OfflineStoreConfig"], "TableFormat": "Iceberg"}}
    group = world.create("frozen", **world.offline() | storage)
    assert world.query(group, "id, rooms") == []
    world.put("frozen", id="a", at=LATER, rooms="3")
    world.put("frozen", id="b", at="2024-05-02T00:00:00Z", rooms="4")
    world.rows(group, "id", count=2)

    world.client("sagemaker").update_feature_group(
        FeatureGroupName="frozen", FeatureAdditions=[{"FeatureName": "garden", "FeatureType": "String"}]
    )
    world.put("frozen", id="c", at=LATER, garden="yes")

    assert world.rows(group, "id, rooms, garden", count=3) == [
        ["a", "3", None],
        ["b", "4", None],
        ["c", None, "yes"],
    ]
    days = {file.split("/")[1] for file in world.files(group)}
    assert days == {"at_trunc=2024-05-01", "at_trunc=2024-05-02"}


def test_what_expires_is_told_to_the_offline_store(world: FeatureWorld) -> None:
    ttl = {"Unit": "Hours", "Value": 1}
    online = {"EnableOnlineStore": True, "TtlDuration": ttl}
    group = world.create("fleeting", OnlineStoreConfig=online, **world.offline())

    world.put("fleeting", id="a", at="2024-05-01T10:00:00Z")

    assert world.rows(group, '"at", is_deleted', count=2) == [
        ["2024-05-01T10:00:00Z", "false"],
        ["2024-05-01T11:00:00Z", "true"],
    ]


def test_what_was_accepted_is_written_even_when_its_group_is_deleted(
    local_aws: LocalAws, world: FeatureWorld
) -> None:
    Settings(local_aws, ACCOUNT).put(offline_store_seconds=3600)
    group = world.create("leaving", **world.offline())
    world.put("leaving", id="a", at=LATER)
    Settings(local_aws, ACCOUNT).put(offline_store_seconds=0)
    assert world.files(group) == []

    world.client("sagemaker").delete_feature_group(FeatureGroupName="leaving")

    assert world.rows(group, "id", count=1) == [["a"]]


# --- rights ----------------------------------------------------------------------------------------


def test_records_need_rights_to_their_group_and_to_its_key(
    enforcing: EnforcingAws, guarded: FeatureWorld
) -> None:
    key = enforcing.client("kms").create_key()["KeyMetadata"]["Arn"]
    online = {"EnableOnlineStore": True, "SecurityConfig": {"KmsKeyId": key}}
    arn = guarded.create("keyed", OnlineStoreConfig=online)["FeatureGroupArn"]
    guarded.create("others")
    service = "sagemaker-featurestore-runtime"
    put = {"FeatureGroupName": "keyed", "Record": as_record({"id": "a", "at": LATER})}
    get = {"FeatureGroupName": "keyed", "RecordIdentifierValueAsString": "a"}
    batch = [
        {"FeatureGroupName": name, "RecordIdentifiersValueAsString": ["a"]} for name in ("keyed", "others")
    ]
    writer = enforcing.somebody(statement("sagemaker:PutRecord", arn), statement("kms:Decrypt", key))
    reader = enforcing.somebody(
        statement(["sagemaker:GetRecord", "sagemaker:BatchGetRecord"], arn), statement("kms:Decrypt", key)
    )
    keyless = enforcing.somebody(statement("sagemaker:*"))

    assert writer.may(service, "put_record", **put)
    assert "sagemaker:GetRecord" in str(writer.refusal(service, "get_record", **get))
    assert reader.may(service, "get_record", **get)
    assert reader.may(service, "batch_get_record", Identifiers=batch[:1])
    assert "feature-group/others" in str(reader.refusal(service, "batch_get_record", Identifiers=batch))
    assert "kms:Decrypt" in str(keyless.refusal(service, "get_record", **get))


def test_a_query_reads_what_whoever_asks_may_read(enforcing: EnforcingAws, guarded: FeatureWorld) -> None:
    group = guarded.create("queried", **guarded.offline())
    guarded.put("queried", id="a", at=LATER)
    assert guarded.rows(group, "id", count=1) == [["a"]]
    bucket = f"arn:aws:s3:::{guarded.bucket}"
    athena, glue = statement("athena:*"), statement("glue:GetTable")
    files = statement(["s3:GetObject", "s3:ListBucket"], [bucket, f"{bucket}/team/*"])

    def asked_with(*rights: Any) -> list[list[str | None]]:
        return guarded.query(group, "id", client=enforcing.somebody(athena, *rights).client)

    assert asked_with(glue, files) == [["a"]]
    with pytest.raises(AssertionError, match="Permission denied on S3 path"):
        asked_with(glue)
    with pytest.raises(AssertionError, match="Insufficient permissions to execute the query"):
        asked_with(files)


def test_a_role_that_may_not_write_any_more_blocks_the_offline_store_and_loses_nothing(
    enforcing: EnforcingAws, guarded: FeatureWorld
) -> None:
    key = enforcing.client("kms").create_key()["KeyMetadata"]["Arn"]
    group = guarded.create("blocked", **guarded.offline(KmsKeyId=key))

    guarded.put("blocked", id="a", at=LATER)

    blocked = once(
        lambda: guarded.describe("blocked")["OfflineStoreStatus"], lambda found: found["Status"] == "Blocked"
    )
    assert "kms:GenerateDataKey" in blocked["BlockedReason"]
    enforcing.client("iam").put_role_policy(
        RoleName=guarded.role.rpartition("/")[2],
        PolicyName="key",
        PolicyDocument=document(statement("kms:GenerateDataKey", key)),
    )
    (file,) = once(lambda: guarded.files(group), bool)
    once(
        lambda: guarded.describe("blocked")["OfflineStoreStatus"], lambda found: found == {"Status": "Active"}
    )
    uri = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    place = f"{uri.removeprefix(f's3://{guarded.bucket}/')}/{file}"
    kept = enforcing.client("s3").head_object(Bucket=guarded.bucket, Key=place)
    assert (kept["ServerSideEncryption"], kept["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_group_is_refused_whose_role_cannot_write_where_it_says(
    enforcing: EnforcingAws, guarded: FeatureWorld
) -> None:
    stranger = enforcing.role(trust=trusting({"Service": "lambda.amazonaws.com"}))
    blind = enforcing.role(statement("s3:PutObject"), trust=trusting({"Service": "sagemaker.amazonaws.com"}))

    with pytest.raises(ClientError, match="The execution role ARN is invalid"):
        guarded.create("refused", **guarded.offline() | {"RoleArn": stranger})
    with pytest.raises(ClientError, match="Invalid S3Uri provided"):
        guarded.create("refused", **guarded.offline() | {"RoleArn": blind})


def test_a_table_that_its_maker_may_not_make_fails_the_group(
    enforcing: EnforcingAws, guarded: FeatureWorld
) -> None:
    maker = enforcing.somebody(statement(["sagemaker:*", "iam:PassRole"]))

    maker.client("sagemaker").create_feature_group(
        FeatureGroupName="tableless",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=DEFINITIONS,
        **guarded.offline(),
    )

    found = guarded.describe("tableless")
    assert found["FeatureGroupStatus"] == "CreateFailed"
    assert "glue:CreateTable" in found["FailureReason"]


# --- stacks ----------------------------------------------------------------------------------------


def _stack(world: FeatureWorld, *features: str, **members: Any) -> dict[str, Any]:
    return {
        "Group": {
            "Type": "AWS::SageMaker::FeatureGroup",
            "Properties": {
                "FeatureGroupName": "stacked",
                "RecordIdentifierFeatureName": "id",
                "EventTimeFeatureName": "at",
                "FeatureDefinitions": [
                    {"FeatureName": name, "FeatureType": "String"} for name in ("id", "at", *features)
                ],
                "OnlineStoreConfig": {"EnableOnlineStore": True},
                **members,
            },
        }
    }


def test_a_stack_adds_features_and_changes_what_may_change_without_losing_a_record(
    local_aws: LocalAws, stacks: Stacks
) -> None:
    world = FeatureWorld(local_aws.client, "stacks")
    name = stacks.deploy(_stack(world, "rooms")).name
    made = world.describe("stacked")["CreationTime"]
    world.put("stacked", id="a", at=LATER, rooms="3")

    stacks.deploy(
        _stack(
            world,
            "town",
            "rooms",
            "garden",
            OnlineStoreConfig={"EnableOnlineStore": True, "TtlDuration": {"Unit": "Days", "Value": 1}},
            ThroughputConfig={
                "ThroughputMode": "Provisioned",
                "ProvisionedReadCapacityUnits": 1,
                "ProvisionedWriteCapacityUnits": 1,
            },
        ),
        name=name,
    )

    found = world.describe("stacked")
    assert found["CreationTime"] == made
    assert [one["FeatureName"] for one in found["FeatureDefinitions"]] == [
        "id",
        "at",
        "rooms",
        "town",
        "garden",
    ]
    assert found["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Days", "Value": 1}
    assert found["ThroughputConfig"]["ThroughputMode"] == "Provisioned"
    assert world.get("stacked", "a")["rooms"] == "3"

    with pytest.raises(DeploymentFailed, match="Feature rooms of the feature group cannot be removed"):
        stacks.deploy(_stack(world, "town", "garden"), name=name)


# --- what is kept ----------------------------------------------------------------------------------


def test_a_server_that_is_killed_has_lost_no_record(tmp_path: Path) -> None:
    kept = PersistentAws(tmp_path / "state")
    try:
        running = kept.start()
        Settings(running, running.account).put(offline_store_seconds=3600)
        world = FeatureWorld(running.client, "kept")
        group = world.create("kept", **world.offline())
        world.put("kept", id="a", at=LATER, rooms="3")
        kept.kill()

        world.client = kept.start().client

        assert world.get("kept", "a")["rooms"] == "3"
        assert world.files(group) == []
        world.client("sagemaker").delete_feature_group(FeatureGroupName="kept")
        assert world.rows(group, "id, rooms", count=1) == [["a", "3"]]
    finally:
        kept.stop()
