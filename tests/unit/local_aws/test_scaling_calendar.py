"""Scheduled actions: when they are due, and what they make of a target's limits."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import hooks
from local_aws.scaling import calendar, records
from local_aws.store import STORE

PLACE = ("dynamodb", "table/orders", "dynamodb:table:ReadCapacityUnits")
NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC).timestamp()
HOUR = 3600.0


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    STORE.clear()
    with hooks.request.scope("000000000077", "us-east-1"):
        yield
    STORE.clear()


def target(**more: bool) -> dict[str, Any]:
    members = dict(zip(records.PLACE, PLACE, strict=True))
    suspended = {"ScheduledScalingSuspended": False, **more}
    record = {**members, "MinCapacity": 2, "MaxCapacity": 8, "SuspendedState": suspended}
    STORE.add(records.TARGET, PLACE, record)
    return record


def action(schedule: str, limits: dict[str, int], **more: Any) -> dict[str, Any]:
    record = {
        "ScheduledActionName": "daily",
        "Schedule": schedule,
        "ScalableTargetAction": limits,
        **dict(zip(records.PLACE, PLACE, strict=True)),
        **more,
    }
    STORE.add(records.ACTION, (*PLACE, "daily"), record)
    calendar.plan(record, NOON)
    return record


def limits(found: dict[str, Any]) -> tuple[int, int]:
    return found["MinCapacity"], found["MaxCapacity"]


def causes() -> list[str]:
    return [one["Cause"] for _, one in STORE.all(records.ACTIVITY)]


def test_happens_when_its_time_has_come_and_then_waits_for_the_next_one() -> None:
    scaled = target()
    action("cron(0 18 * * ? *)", {"MinCapacity": 5, "MaxCapacity": 6})

    calendar.keep_appointments(NOON + 5.9 * HOUR)
    before = limits(scaled)
    calendar.keep_appointments(NOON + 6 * HOUR)
    calendar.keep_appointments(NOON + 7 * HOUR)
    once = causes()
    calendar.keep_appointments(NOON + 30 * HOUR)

    assert (before, limits(scaled)) == ((2, 8), (5, 6))
    assert once == ["scheduled action name daily was triggered"]
    assert len(causes()) == 2


def test_what_was_missed_is_done_once() -> None:
    target()
    action("rate(1 hour)", {"MinCapacity": 3})

    calendar.keep_appointments(NOON + 10.5 * HOUR)
    calendar.keep_appointments(NOON + 10.6 * HOUR)

    assert len(causes()) == 1


@pytest.mark.parametrize(
    ("given", "then"),
    [({"MinCapacity": 9}, (9, 9)), ({"MaxCapacity": 1}, (1, 1)), ({"MaxCapacity": 5}, (2, 5))],
)
def test_the_other_limit_stays_or_gives_way(given: dict[str, int], then: tuple[int, int]) -> None:
    scaled = target()
    action("at(2026-03-02T13:00:00)", given)

    calendar.keep_appointments(NOON + 2 * HOUR)

    assert limits(scaled) == then


def test_nothing_happens_outside_its_time_or_while_it_is_suspended() -> None:
    scaled = target(ScheduledScalingSuspended=True)
    action("rate(1 hour)", {"MinCapacity": 3})
    calendar.keep_appointments(NOON + 2 * HOUR)
    STORE.remove(records.ACTION, (*PLACE, "daily"))
    late = action("rate(1 hour)", {"MinCapacity": 3}, StartTime=NOON + 5 * HOUR, EndTime=NOON + 5.5 * HOUR)

    calendar.keep_appointments(NOON + 9 * HOUR)

    assert (limits(scaled), late["_next"], causes()) == ((2, 8), None, [])
