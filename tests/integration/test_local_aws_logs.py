"""CloudWatch Logs over boto3: how long what is logged is kept."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from support.deployed import LocalAws
from support.settings import Settings
from support.waiting import eventually

DAY = 24 * 60 * 60 * 1000


@pytest.fixture
def logging(local_aws: LocalAws) -> LocalAws:
    """In an account of its own: what is set here is for nobody else's groups."""
    return replace(local_aws, account="220000000089")


@pytest.fixture
def group(logging: LocalAws) -> Iterator[str]:
    logs, name = logging.client("logs"), f"kept-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="one")
    yield name
    logs.delete_log_group(logGroupName=name)


def put(logging: LocalAws, group: str, *events: tuple[int, str]) -> None:
    told = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    logging.client("logs").put_log_events(logGroupName=group, logStreamName="one", logEvents=told)


def messages(logging: LocalAws, group: str) -> list[str]:
    found = logging.client("logs").filter_log_events(logGroupName=group)
    return [event["message"] for event in found["events"]]


def test_events_go_when_they_are_older_than_their_groups_retention(logging: LocalAws, group: str) -> None:
    now = int(time.time() * 1000)
    put(logging, group, (now - 4 * DAY, "old"), (now - 2 * DAY, "younger"), (now, "new"))
    assert messages(logging, group) == ["old", "younger", "new"]

    logging.client("logs").put_retention_policy(logGroupName=group, retentionInDays=3)

    eventually(lambda: messages(logging, group) == ["younger", "new"])


def test_a_group_keeps_its_newest_events_when_there_are_too_many(logging: LocalAws, group: str) -> None:
    settings = Settings(logging, logging.account)
    now = int(time.time() * 1000)
    settings.put(log_events=10)
    try:
        put(logging, group, *((now + number, str(number)) for number in range(11)))

        eventually(lambda: messages(logging, group) == [str(number) for number in range(2, 11)])
    finally:
        settings.reset()


def test_events_are_found_by_their_pointers(logging: LocalAws, group: str) -> None:
    put(logging, group, (int(time.time() * 1000), "wanted"))
    logs = logging.client("logs")
    (event,) = logs.filter_log_events(logGroupName=group)["events"]

    record: dict[str, Any] = logs.get_log_record(logRecordPointer=event["eventId"])["logRecord"]

    assert (record["@message"], record["@logStream"]) == ("wanted", "one")
