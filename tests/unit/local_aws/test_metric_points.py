"""What CloudWatch keeps of a metric's values, and for how long."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from local_aws.metric_points import Points, since, thinned

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
NOW = 1_800_000_000.0
"""The beginning of a minute, and of an hour."""


def point(age: float, value: float, **more: Any) -> dict[str, Any]:
    return {"Timestamp": NOW - age, "Unit": "Count", "Dimensions": {"Stage": "v1"}, "Value": value, **more}


def times(points: Points) -> list[float]:
    return [NOW - each["Timestamp"] for each in points]


def appended(*given: dict[str, Any]) -> Points:
    points = Points()
    for each in given:
        points.append(each)
    return points


def test_points_are_by_time_however_late_they_come() -> None:
    assert times(appended(point(30, 1), point(10, 1), point(20, 1))) == [30, 20, 10]


def test_points_of_a_metric_share_its_dimensions() -> None:
    first, second = appended(point(2, 1), point(1, 1))

    assert first["Dimensions"] is second["Dimensions"]


def test_those_since_a_time_are_the_newest() -> None:
    assert times(Points(since(appended(*(point(age, 1) for age in (30, 20, 10))), NOW - 20))) == [20, 10]  # type: ignore[arg-type]  # what comes out went in


@pytest.mark.parametrize(
    ("age", "kept_at"),
    [
        (1, 1),
        (4 * MINUTE + 1, 4 * MINUTE + 1),
        (6 * MINUTE - 1, 6 * MINUTE),
        (2 * DAY - 1, 2 * DAY),
        (15 * DAY + HOUR - 1, 15 * DAY + HOUR),
        (15 * DAY + HOUR + 61, 15 * DAY + HOUR + 5 * MINUTE),
        (63 * DAY + HOUR + 61, 63 * DAY + 2 * HOUR),
        (454 * DAY, 454 * DAY),
    ],
)
def test_a_point_has_the_time_that_its_age_is_kept_by(age: float, kept_at: float) -> None:
    points = appended(point(age, 7.0))

    points.thin(NOW)

    assert (times(points), points[0]["Value"]) == ([kept_at], 7.0)


def test_what_is_older_than_455_days_is_forgotten() -> None:
    points = appended(point(456 * DAY, 1))

    points.thin(NOW)

    assert points == []


def test_thinning_twice_is_thinning_once() -> None:
    points = appended(*(point(age, age % 7) for age in range(1000, 0, -1)))
    points.thin(NOW)
    once = list(points)

    points.thin(NOW)

    assert points == once


def test_a_minute_that_comes_of_age_joins_those_before_it() -> None:
    points = appended(point(9 * MINUTE - 1, 1), point(9 * MINUTE - 2, 1), point(MINUTE, 1))
    points.thin(NOW)

    points.thin(NOW + 5 * MINUTE)

    assert [(age, each["Count"]) for age, each in zip(times(points), points, strict=True)] == [
        (9 * MINUTE, 2.0),
        (MINUTE, 1.0),
    ]


def test_equal_values_of_a_minute_are_counted() -> None:
    found = thinned([point(60, 5, Count=2.0), point(50, 5), point(40, 8)], MINUTE)

    assert [(each["Value"], each["Count"]) for each in found] == [(5, 3.0), (8, 1.0)]


def test_units_are_kept_apart() -> None:
    assert len(thinned([point(60, 5), point(50, 5, Unit="Bytes")], MINUTE)) == 2


def test_many_values_keep_their_number_sum_least_and_most() -> None:
    values = [100 + number / 7 for number in range(5000)]

    found = thinned([point(60, value) for value in values], MINUTE)

    assert len(found) < 100
    assert sum(each["Count"] for each in found) == len(values)
    assert sum(each["Count"] * each["Value"] for each in found) == pytest.approx(sum(values))
    assert min(each["Value"] for each in found) == min(values)
    assert max(each["Value"] for each in found) == max(values)


def test_statistic_sets_are_put_together() -> None:
    one = {"SampleCount": 2.0, "Sum": 6.0, "Minimum": 1.0, "Maximum": 5.0}
    other = {"SampleCount": 4.0, "Sum": 12.0, "Minimum": 2.0, "Maximum": 4.0}

    (found,) = thinned([point(60, 3, _stat=one), point(50, 3, _stat=other)], MINUTE)

    assert found["_stat"] == {"SampleCount": 6.0, "Sum": 18.0, "Minimum": 1.0, "Maximum": 5.0}


def test_a_statistic_set_of_equal_values_counts_as_these() -> None:
    same = {"SampleCount": 3.0, "Sum": 12.0, "Minimum": 4.0, "Maximum": 4.0}

    (found,) = thinned([point(60, 4, _stat=same), point(50, 4)], MINUTE)

    assert (found["Value"], found["Count"]) == (4, 4.0)


def test_no_more_points_are_kept_than_there_is_room_for() -> None:
    points = Points(point(200 * DAY - HOUR * 0.001 * number, 1.0) for number in range(10))
    points.extend(point(0, 1.0) for _ in range(100_000))

    points.thin(NOW)

    assert len(points) == 100_000
    assert points[0]["Timestamp"] == NOW


def test_what_is_kept_beyond_the_servers_life_is_a_plain_list() -> None:
    assert type(pickle.loads(pickle.dumps(appended(point(1, 1))))) is list
