"""When an alarm goes off, decided from datapoints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from local_aws import alarms

MINUTE = 60


def alarm(**more: Any) -> dict[str, Any]:
    return {
        "AlarmName": "errors",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0.0,
        "Period": MINUTE,
        "EvaluationPeriods": 3,
        "StateValue": "OK",
        "StateUpdatedTimestamp": 0,
        **more,
    }


def points(*values: float | None) -> list[dict[str, float]]:
    """One for each of the last minutes, the oldest first; None for a minute without data."""
    now = time.time()
    ages = range(len(values) - 1, -1, -1)
    return [
        {"Timestamp": now - age * MINUTE - 30, "Value": value}
        for age, value in zip(ages, values, strict=True)
        if value is not None
    ]


def state(given: dict[str, Any], found: Sequence[dict[str, float]]) -> str | None:
    decided = alarms.decide(given, found, lambda _, some: sum(point["Value"] for point in some))
    return decided and decided[0]


@pytest.mark.parametrize(
    ("missing", "values", "expected"),
    [
        ("missing", (1, 1, 1), "ALARM"),
        ("missing", (0, 1, 1), None),
        ("missing", (1, None, None), "ALARM"),
        ("missing", (None, None, 1), None),
        ("missing", (None, None, None), None),
        ("ignore", (1, 1, 1), "ALARM"),
        ("ignore", (None, None, None), None),
        ("breaching", (None, 1, None), "ALARM"),
        ("breaching", (None, 0, None), None),
        ("notBreaching", (None, 1, None), None),
        ("notBreaching", (1, 1, 1), "ALARM"),
    ],
)
def test_alarms_when_all_of_three_periods_are_breaching(
    missing: str, values: tuple[float | None, ...], expected: str | None
) -> None:
    assert state(alarm(TreatMissingData=missing), points(*values)) == expected


def test_alarms_when_as_many_datapoints_as_are_wanted_are_breaching() -> None:
    assert state(alarm(DatapointsToAlarm=2), points(1, 0, 1)) == "ALARM"
    assert state(alarm(DatapointsToAlarm=2, StateValue="ALARM"), points(0, 0, 1)) == "OK"


def test_forgets_what_is_older_than_its_periods() -> None:
    assert state(alarm(EvaluationPeriods=1, StateValue="ALARM"), points(1, 0)) == "OK"


def test_has_insufficient_data_when_they_stay_away() -> None:
    old = [{"Timestamp": time.time() - 3600, "Value": 1.0}]

    assert state(alarm(StateValue="ALARM"), old) == "INSUFFICIENT_DATA"


def test_leaves_a_state_alone_that_somebody_has_just_set() -> None:
    just = alarm(StateValue="ALARM", StateReason="a drill", StateUpdatedTimestamp=int(time.time()))

    assert state(just, points(0, 0, 0)) is None
    assert state(just | {"StateUpdatedTimestamp": 0}, points(0, 0, 0)) == "OK"


def test_says_why() -> None:
    decided = alarms.decide(alarm(EvaluationPeriods=1), points(2), lambda _, some: some[0]["Value"])

    assert decided == (
        "ALARM",
        "Threshold Crossed: 1 of the last 1 datapoints were breaching, the most recent datapoint 2"
        " (GreaterThanThreshold 0.0, minimum 1 for the state ALARM).",
    )
