"""How long what is logged is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from ministack.services import cloudwatch_logs

from local_aws import function_logs, hooks, log_events, logs

DAY = 24 * 60 * 60 * 1000
NOW = 1_800_000_000_000


def stream(times: Iterable[int]) -> list[dict[str, Any]]:
    return [{"timestamp": each, "message": "said"} for each in times]


def test_everything_stays_where_there_is_room_and_no_retention() -> None:
    old = stream([NOW - 4000 * DAY, NOW])

    assert log_events.forgotten_before([old, []], None, 2, NOW) is None


def test_what_is_older_than_its_groups_retention_goes() -> None:
    assert log_events.forgotten_before([stream([NOW - 8 * DAY, NOW])], 7, 10, NOW) == NOW - 7 * DAY


def test_what_is_younger_than_its_groups_retention_stays() -> None:
    assert log_events.forgotten_before([stream([NOW - 6 * DAY, NOW])], 7, 10, NOW) is None


def test_the_oldest_events_of_all_streams_go_when_there_is_no_room() -> None:
    streams = [stream(range(0, 100, 2)), stream(range(1, 100, 2)), []]

    assert log_events.forgotten_before(streams, None, 100, NOW) is None
    assert log_events.forgotten_before(streams, None, 50, NOW) == 100 - 45


def test_a_group_is_not_emptied_by_events_of_one_time() -> None:
    assert log_events.forgotten_before([stream([5] * 100)], None, 10, NOW) is None
    assert log_events.forgotten_before([stream([4] + [5] * 100)], None, 10, NOW) == 5


def test_events_that_have_gone_are_not_in_their_stream() -> None:
    group = {"streams": {"one": {"events": stream([1, 2, 3])}, "other": {"events": stream([3, 4])}}}
    read = group["streams"]["one"]["events"]

    hooks.logs.drop_log_events(group, 3)

    assert [each["timestamp"] for each in group["streams"]["one"]["events"]] == [3]
    assert [each["timestamp"] for each in group["streams"]["other"]["events"]] == [3, 4]
    assert len(read) == 3, "whoever reads it meanwhile has all of it"


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Iterable[str]:
    """A log group of this process."""
    monkeypatch.setattr(cloudwatch_logs, "_log_records", cloudwatch_logs._log_records)
    monkeypatch.setattr(cloudwatch_logs, "_get_log_record", cloudwatch_logs._get_log_record)
    hooks.logs.find_log_records_in_streams()
    with hooks.request.scope("220000000088", "us-east-1"):
        hooks.logs.append_log_lines("kept", "one", ["first", "second"])
        yield "kept"
        asyncio.run(logs.call("DeleteLogGroup", {"logGroupName": "kept"}))


def asked(operation: str, **parameters: Any) -> tuple[int, Any]:
    status, _, body = asyncio.run(logs.call(operation, parameters))
    return status, json.loads(body)


def test_lines_make_their_group_and_their_stream(group: str) -> None:
    hooks.logs.append_log_lines(group, "one", ["third"])
    hooks.logs.append_log_lines(group, "another", ["fourth"])

    _, found = asked("GetLogEvents", logGroupName=group, logStreamName="one", startFromHead=True)
    assert [each["message"] for each in found["events"]] == ["first", "second", "third"]


def test_an_event_is_found_by_its_pointer_without_a_second_copy(group: str) -> None:
    asyncio.run(logs.write(group, "one", ["wanted"]))
    _, found = asked("FilterLogEvents", logGroupName=group, filterPattern="wanted")
    (event,) = found["events"]

    status, record = asked("GetLogRecord", logRecordPointer=event["eventId"])

    assert (status, record["logRecord"]["@message"], record["logRecord"]["@logStream"]) == (
        200,
        "wanted",
        "one",
    )
    assert not cloudwatch_logs._log_records


@pytest.mark.parametrize("pointer", [None, "nobody's"])
def test_what_points_to_no_event_is_refused(group: str, pointer: str | None) -> None:
    status, refused = asked("GetLogRecord", logRecordPointer=pointer)

    assert (status, refused["__type"]) == (400, "InvalidParameterException")


def test_a_call_is_logged_between_its_start_and_its_report() -> None:
    configuration = {"FunctionName": "one", "Version": "7", "MemorySize": 512}

    assert function_logs.lines(configuration, "an-id", "said\nthis", 12, 34) == [
        "START RequestId: an-id Version: 7",
        "said",
        "this",
        "END RequestId: an-id",
        "REPORT RequestId: an-id\tDuration: 12 ms\tBilled Duration: 12 ms\tMemory Size: 512 MB"
        "\tMax Memory Used: 34 MB",
    ]


def test_a_function_is_logged_in_its_own_group_or_in_the_one_that_it_names() -> None:
    assert function_logs.group_of({"FunctionName": "one"}) == "/aws/lambda/one"
    assert function_logs.group_of({"FunctionName": "one", "LoggingConfig": {"LogGroup": "all"}}) == "all"
