"""Quotas by the calendar."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

from local_aws.apigateway import limits


@pytest.fixture(autouse=True)
def _nothing_used() -> Iterator[None]:
    limits.reset()
    yield
    limits.reset()


@pytest.mark.parametrize(
    ("quota", "today", "first"),
    [
        ({"period": "DAY"}, "2026-03-04", "2026-03-04"),
        ({"period": "WEEK"}, "2026-03-04", "2026-03-01"),
        ({"period": "WEEK", "offset": 3}, "2026-03-04", "2026-03-04"),
        ({"period": "WEEK", "offset": 4}, "2026-03-04", "2026-02-26"),
        ({"period": "MONTH"}, "2026-03-04", "2026-03-01"),
        ({"period": "MONTH", "offset": 9}, "2026-03-04", "2026-02-10"),
        ({"period": "MONTH", "offset": 9}, "2026-01-04", "2025-12-10"),
    ],
)
def test_a_period_begins_where_its_offset_says(quota: dict[str, object], today: str, first: str) -> None:
    found = limits._period_start(quota, datetime.date.fromisoformat(today))

    assert found == datetime.date.fromisoformat(first)


def test_usage_says_what_remains_of_the_period() -> None:
    days = [datetime.date(2026, 3, day) for day in (1, 2, 3)]
    for day, count in zip(days, (2, 0, 3), strict=True):
        limits._used["plan", "key", day.isoformat()] = count

    told = limits.usage("plan", {"limit": 10, "period": "WEEK"}, days[0], days[-1], ["key", "other"])

    assert told == {"key": [[2, 8], [0, 8], [3, 5]]}
