"""The Feature Store runtime, over the store: what a record may be, which one counts, and for how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_aws.errors import ServiceError
from local_aws.sagemaker import control
from local_aws.sagemaker.families import families
from local_aws.sagemaker.feature_store import requests, runtime, values
from support.feature_state import forget
from support.service_model import create_request

FEATURES = [
    {"FeatureName": "id", "FeatureType": "String"},
    {"FeatureName": "time", "FeatureType": "Fractional"},
    {"FeatureName": "rooms", "FeatureType": "Integral"},
    {"FeatureName": "price", "FeatureType": "Fractional"},
    {"FeatureName": "town", "FeatureType": "String"},
]
COLLECTIONS = [
    {"FeatureName": "visits", "FeatureType": "Integral", "CollectionType": "List"},
    {"FeatureName": "tags", "FeatureType": "String", "CollectionType": "Set"},
    {
        "FeatureName": "embedding",
        "FeatureType": "Fractional",
        "CollectionType": "Vector",
        "CollectionConfig": {"VectorConfig": {"Dimension": 3}},
    },
]
NOW = int(time.time())


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    forget()
    yield
    forget()


def create(features: Any = FEATURES, *, name: str = "houses", **online: Any) -> None:
    request = create_request(families()["FeatureGroup"]) | {
        "FeatureGroupName": name,
        "FeatureDefinitions": features,
        "OnlineStoreConfig": {"EnableOnlineStore": True, **online},
    }
    control.call("CreateFeatureGroup", request)


def record(identifier: str = "a", at: float = 100, **given: str | list[str] | None) -> list[dict[str, Any]]:
    return as_features({"id": identifier, "time": repr(at), **given})


def as_features(named: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"FeatureName": name, "ValueAsStringList" if isinstance(one, list) else "ValueAsString": one}
        for name, one in named.items()
    ]


def put(*arguments: Any, ttl: tuple[int, str] | None = None, **given: Any) -> None:
    request: dict[str, Any] = {"FeatureGroupName": "houses", "Record": record(*arguments, **given)}
    if ttl is not None:
        request["TtlDuration"] = {"Value": ttl[0], "Unit": ttl[1]}
    runtime.call("PutRecord", request)


def delete(identifier: str, at: float, mode: str = "SoftDelete") -> None:
    runtime.call(
        "DeleteRecord",
        {
            "FeatureGroupName": "houses",
            "RecordIdentifierValueAsString": identifier,
            "EventTime": repr(at),
            "DeletionMode": mode,
        },
    )


def get(identifier: str = "a", **asked: Any) -> dict[str, Any]:
    request = {"FeatureGroupName": "houses", "RecordIdentifierValueAsString": identifier, **asked}
    return runtime.call("GetRecord", request)


def found(identifier: str = "a", **asked: Any) -> dict[str, Any]:
    shown = get(identifier, **asked).get("Record", [])
    return {one["FeatureName"]: one.get("ValueAsString", one.get("ValueAsStringList")) for one in shown}


def refusal(operation: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as raised:
        runtime.call(operation, {"FeatureGroupName": "houses", **request})
    return raised.value.code, raised.value.message


# --- values ----------------------------------------------------------------------------------------


def test_a_record_is_read_as_it_was_written_in_the_order_of_its_definition() -> None:
    create()

    put(town="Bern", rooms="3")

    assert list(found().items()) == [("id", "a"), ("time", "100"), ("rooms", "3"), ("town", "Bern")]
    assert list(found(FeatureNames=["town", "id"])) == ["town", "id"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rooms": "3.5"}, "The value 3.5 of the feature rooms is not of the type Integral"),
        ({"rooms": str(2**63)}, "not of the type Integral"),
        ({"rooms": "three"}, "not of the type Integral"),
        ({"price": "NaN"}, "not of the type Fractional"),
        ({"price": "1_0"}, "not of the type Fractional"),
        ({"price": "1e999"}, "not of the type Fractional"),
        ({"garden": "1"}, "The feature garden is not defined in the FeatureGroup houses"),
        ({"rooms": ["3"]}, "The feature rooms is no collection"),
        ({"town": "x" * (350 * 1024)}, "The size of a record must not exceed 358400 bytes"),
        ({"id": ""}, "The record identifier feature id must have a value"),
        ({"id": None}, "The record identifier feature id must have a value"),
        ({"id": "x" * 2049}, "The size of a record identifier must not exceed 2048 bytes"),
        ({"time": None}, "The event time feature time must have a value"),
        ({"time": "1e300"}, "must be a Unix timestamp in seconds"),
    ],
)
def test_refuses_what_a_record_may_not_hold(given: dict[str, Any], words: str) -> None:
    create()
    usual = {one["FeatureName"]: one for one in record()}
    wrong = {one["FeatureName"]: one for one in as_features(given)}

    code, message = refusal("PutRecord", Record=list((usual | wrong).values()))

    assert (code, words in message) == ("ValidationError", True), message
    assert get() == {}


def test_refuses_a_feature_that_is_given_twice() -> None:
    create()

    assert "more than once" in refusal("PutRecord", Record=[*record(), *record()])[1]


def test_a_feature_without_a_value_has_none() -> None:
    create()
    put(rooms="3", town=None)

    assert "town" not in found()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2024-02-29T12:00:00Z", 1709208000.0), ("2024-02-29T12:00:00.250Z", 1709208000.25)],
)
def test_an_event_time_in_text_is_iso_8601(text: str, seconds: float) -> None:
    create([FEATURES[0], {"FeatureName": "time", "FeatureType": "String"}])

    made = runtime._group({"FeatureGroupName": "houses"})

    assert values.event_seconds(made, text) == seconds


@pytest.mark.parametrize(
    "text",
    ["2024-02-29", "2024-02-29 12:00:00Z", "2024-02-30T12:00:00Z", "2024-02-29T12:00:00+01:00", "1709208000"],
)
def test_refuses_other_ways_to_write_a_time(text: str) -> None:
    create([FEATURES[0], {"FeatureName": "time", "FeatureType": "String"}])
    made = runtime._group({"FeatureGroupName": "houses"})

    with pytest.raises(ServiceError, match="must be an ISO-8601 string in the format"):
        values.event_seconds(made, text)


# --- collections -----------------------------------------------------------------------------------


def test_collections_keep_their_order_and_sets_their_elements_once() -> None:
    create([*FEATURES, *COLLECTIONS], StorageType="InMemory")

    put(visits=["3", "1", "3"], tags=["b", "a", "b"], embedding=["1", "2.5", "-3"])

    assert found(FeatureNames=["visits", "tags", "embedding"]) == {
        "visits": ["3", "1", "3"],
        "tags": ["b", "a"],
        "embedding": ["1", "2.5", "-3"],
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"visits": ["1", "x"]}, "The value x of the feature visits is not of the type Integral"),
        ({"visits": "1"}, "The feature visits is a collection: give its values as ValueAsStringList"),
        ({"embedding": ["1", "2"]}, "a vector of 3 elements, and 2 are given"),
    ],
)
def test_refuses_what_a_collection_may_not_hold(given: dict[str, Any], words: str) -> None:
    create([*FEATURES, *COLLECTIONS], StorageType="InMemory")

    assert words in refusal("PutRecord", Record=record(**given))[1]


# --- time ------------------------------------------------------------------------------------------


def test_an_older_event_does_not_change_what_is_online() -> None:
    create()
    put(at=100, rooms="3")

    put(at=99, rooms="2")
    put(at=100, rooms="4")

    assert found()["rooms"] == "3"
    put(at=100.5, rooms="5")
    assert found()["rooms"] == "5"


def test_a_record_expires_by_its_event_time_and_the_durations_of_its_own_before_its_groups() -> None:
    create(TtlDuration={"Unit": "Hours", "Value": 1})
    put("old", NOW - 3601)
    put("kept", NOW - 3601, ttl=(2, "Hours"))
    put("short", NOW - 90, ttl=(1, "Minutes"))

    assert [found(name) != {} for name in ("old", "kept", "short")] == [False, True, False]


def test_tells_when_a_record_expires_if_it_is_asked() -> None:
    create()
    put("a", NOW, ttl=(1, "Weeks"))

    assert "ExpiresAt" not in get()
    assert get(ExpirationTimeResponse="Enabled")["ExpiresAt"] == values.iso(NOW + 7 * 86_400)


def test_refuses_to_keep_a_record_for_longer_than_there_are_dates() -> None:
    create()

    ttl = {"Unit": "Weeks", "Value": 2**31 - 1}
    assert "TtlDuration is too long" in refusal("PutRecord", Record=record(), TtlDuration=ttl)[1]


def test_what_has_expired_is_in_nobodys_way() -> None:
    create()
    put("a", NOW - 90, ttl=(1, "Minutes"))

    put("a", NOW - 100, rooms="3")

    assert found()["rooms"] == "3"


def test_a_new_duration_of_the_group_is_for_records_that_come_after_it() -> None:
    create(TtlDuration={"Unit": "Hours", "Value": 1})
    put("before", NOW)

    control.call(
        "UpdateFeatureGroup",
        {"FeatureGroupName": "houses", "OnlineStoreConfig": {"TtlDuration": {"Unit": "Days", "Value": 1}}},
    )
    control.call("DescribeFeatureGroup", {"FeatureGroupName": "houses"})
    put("after", NOW)

    ends = [get(name, ExpirationTimeResponse="Enabled")["ExpiresAt"] for name in ("before", "after")]
    assert ends == [values.iso(NOW + 3600), values.iso(NOW + 86_400)]


# --- deletion --------------------------------------------------------------------------------------


def test_a_record_that_is_deleted_softly_comes_back_with_a_later_event_only() -> None:
    create()
    put(at=100, rooms="3")
    delete("a", 200)

    assert get() == {}
    put(at=150, rooms="4")
    assert get() == {}
    put(at=201, rooms="5")
    assert found()["rooms"] == "5"


def test_a_deletion_that_is_too_early_leaves_the_record() -> None:
    create()
    put(at=100)

    delete("a", 100)
    with pytest.raises(ServiceError, match="EventTime: 99 is not later"):
        delete("a", 99, "HardDelete")

    assert found() != {}


def test_nothing_is_left_of_a_record_that_is_deleted_hard() -> None:
    create()
    put(at=100)
    delete("a", 200, "HardDelete")

    put(at=50, rooms="1")

    assert found()["rooms"] == "1"


def test_a_group_of_the_same_name_begins_without_records() -> None:
    create()
    put()
    control.call("DeleteFeatureGroup", {"FeatureGroupName": "houses"})

    create()

    assert get() == {}


EVENTS = st.lists(
    st.tuples(st.sampled_from(["put", "SoftDelete", "HardDelete"]), st.integers(0, 6)), max_size=12
)


@settings(deadline=None, max_examples=40, derandomize=True, database=None)
@given(EVENTS)
def test_the_latest_event_counts_whatever_order_they_come_in(events: list[tuple[str, int]]) -> None:
    forget()
    create()
    latest: tuple[int, str | None] | None = None
    for number, (deed, at) in enumerate(events):
        newer = latest is None or at > latest[0]
        if deed == "put":
            put("a", at, rooms=str(number))
            latest = (at, str(number)) if newer else latest
        elif newer:
            delete("a", at, deed)
            latest = None if deed == "HardDelete" else (at, None)
        elif deed == "SoftDelete":
            delete("a", at)
        else:
            with pytest.raises(ServiceError, match="is not later"):
                delete("a", at, deed)

    assert found().get("rooms") == (latest[1] if latest else None)


# --- several ---------------------------------------------------------------------------------------


def test_a_batch_has_what_there_is_and_says_what_was_wrong() -> None:
    create()
    put("a", rooms="1")
    put("b", rooms="2")

    answer = runtime.call(
        "BatchGetRecord",
        {
            "Identifiers": [
                {
                    "FeatureGroupName": "houses",
                    "RecordIdentifiersValueAsString": ["b", "none", "a"],
                    "FeatureNames": ["rooms"],
                },
                {"FeatureGroupName": "flats", "RecordIdentifiersValueAsString": ["a"]},
            ]
        },
    )

    assert [
        (one["RecordIdentifierValueAsString"], one["Record"][0]["ValueAsString"]) for one in answer["Records"]
    ] == [("b", "2"), ("a", "1")]
    assert [(one["FeatureGroupName"], one["ErrorCode"]) for one in answer["Errors"]] == [
        ("flats", "ResourceNotFound")
    ]
    assert answer["UnprocessedIdentifiers"] == []


def test_refuses_a_batch_of_more_than_a_hundred_records() -> None:
    create()
    half = {"FeatureGroupName": "houses", "RecordIdentifiersValueAsString": [str(n) for n in range(51)]}

    code, message = refusal("BatchGetRecord", Identifiers=[half, half])

    assert (code, "102 are asked for" in message) == ("ValidationError", True)


def test_entries_of_a_batch_are_written_whatever_becomes_of_the_others() -> None:
    create()

    answer = runtime.call(
        "BatchWriteRecord",
        {
            "TtlDuration": {"Unit": "Hours", "Value": 1},
            "Entries": [
                {"FeatureGroupName": "houses", "Record": record("a", NOW)},
                {"FeatureGroupName": "houses", "Record": record("b", NOW, rooms="many")},
                {
                    "FeatureGroupName": "houses",
                    "Record": record("c", NOW),
                    "TtlDuration": {"Unit": "Days", "Value": 1},
                },
            ],
        },
    )

    assert [one["Entry"]["Record"][0]["ValueAsString"] for one in answer["Errors"]] == ["b"]
    assert [get(name, ExpirationTimeResponse="Enabled").get("ExpiresAt") for name in "abc"] == [
        values.iso(NOW + 3600),
        None,
        values.iso(NOW + 86_400),
    ]


def test_lists_records_page_by_page_and_those_that_are_deleted_if_it_is_asked() -> None:
    create()
    for name in ("c", "a", "b"):
        put(name)
    delete("b", 200)

    def listed(**asked: Any) -> Iterator[str]:
        token: dict[str, Any] = {}
        while token is not None:
            page = runtime.call(
                "ListRecords", {"FeatureGroupName": "houses", "MaxResults": 1, **asked, **token}
            )
            yield from page["RecordIdentifiers"]
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}

    assert list(listed()) == ["a", "c"]
    assert list(listed(IncludeSoftDeletedRecords=True)) == ["a", "b", "c"]
    assert "NextToken is not one" in refusal("ListRecords", NextToken="\u00e9")[1]


# --- updates ---------------------------------------------------------------------------------------


def test_an_update_changes_what_it_names_and_keeps_the_rest() -> None:
    create(StorageType="Standard_V2")
    put(at=100, rooms="3", town="Bern", price="1", ttl=None)

    runtime.call(
        "UpdateRecord",
        {
            "FeatureGroupName": "houses",
            "RecordIdentifierValueAsString": "a",
            "Features": [
                {"FeatureName": "rooms", "ValueAsString": "4"},
                {"FeatureName": "price"},
            ],
        },
    )

    assert found() == {"id": "a", "time": "100", "rooms": "4", "town": "Bern"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"RecordIdentifierValueAsString": "none"}, "ResourceNotFound"),
        ({"Features": [{"FeatureName": "time", "ValueAsString": "99"}]}, "ConflictException"),
        ({"Features": [{"FeatureName": "id", "ValueAsString": "b"}]}, "ValidationError"),
        ({"TtlDuration": {"Unit": "Days", "Value": 1}}, "ValidationError"),
    ],
)
def test_refuses_an_update_of_no_record_or_of_an_older_event(request_: dict[str, Any], code: str) -> None:
    create(StorageType="Standard_V2")
    put(at=100)
    usual = {
        "RecordIdentifierValueAsString": "a",
        "Features": [{"FeatureName": "rooms", "ValueAsString": "4"}],
    }

    assert refusal("UpdateRecord", **usual | request_)[0] == code
    assert "rooms" not in found()


def test_a_standard_store_takes_no_updates() -> None:
    create()
    put()

    asked = {"RecordIdentifierValueAsString": "a", "Features": [{"FeatureName": "rooms"}]}
    assert "Standard_V2 or InMemory" in refusal("UpdateRecord", **asked)[1]


# --- groups ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("PutRecord", {"Record": record()}, "ValidationError"),
        ("GetRecord", {"RecordIdentifierValueAsString": "a"}, "ResourceNotFound"),
    ],
)
def test_says_that_there_is_no_such_group(operation: str, request_: dict[str, Any], code: str) -> None:
    assert refusal(operation, **request_) == (
        code,
        "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name houses",
    )


def test_a_group_is_named_by_its_arn_as_well() -> None:
    create(name="Houses")
    arn = control.call("DescribeFeatureGroup", {"FeatureGroupName": "Houses"})["FeatureGroupArn"]

    runtime.call("PutRecord", {"FeatureGroupName": arn, "Record": record(rooms="3")})

    shown = runtime.call("GetRecord", {"FeatureGroupName": "Houses", "RecordIdentifierValueAsString": "a"})
    assert len(shown["Record"]) == 3


def test_a_store_that_a_group_has_not_is_no_target() -> None:
    create()

    assert refusal("PutRecord", Record=record(), TargetStores=["OfflineStore"]) == (
        "ValidationError",
        "Validation Error: The FeatureGroup houses has no OfflineStore.",
    )


# --- requests --------------------------------------------------------------------------------------

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:feature-group/houses"


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "expected"),
    [
        (
            "GET",
            "/FeatureGroup/houses",
            {"RecordIdentifierValueAsString": ["a"], "FeatureName": ["b", "c"]},
            b"",
            (
                "GetRecord",
                {
                    "FeatureGroupName": "houses",
                    "RecordIdentifierValueAsString": "a",
                    "FeatureNames": ["b", "c"],
                },
            ),
        ),
        (
            "DELETE",
            f"/FeatureGroup/{ARN}",
            {"RecordIdentifierValueAsString": ["a"], "EventTime": ["1"], "TargetStores": ["OnlineStore"]},
            b"",
            (
                "DeleteRecord",
                {
                    "FeatureGroupName": ARN,
                    "RecordIdentifierValueAsString": "a",
                    "EventTime": "1",
                    "TargetStores": ["OnlineStore"],
                },
            ),
        ),
        ("POST", f"/FeatureGroup/{ARN}/ListRecords", {}, b"{}", ("ListRecords", {"FeatureGroupName": ARN})),
    ],
)
def test_requests_are_read_from_the_path_the_query_and_the_body(
    method: str, path: str, query: dict[str, list[str]], body: bytes, expected: Any
) -> None:
    assert requests.parsed(method, path, query, body) == expected


def test_a_request_is_checked_by_the_services_model() -> None:
    with pytest.raises(ServiceError, match="1 validation error detected") as raised:
        requests.parsed("PUT", "/FeatureGroup/houses", {}, b'{"Record": []}')

    assert raised.value.code == "ValidationError"
    assert not requests.concerns("POST", "/endpoints/houses/invocations")
