"""When `at`, `rate` and `cron` say that something happens next."""

from __future__ import annotations

import datetime

import pytest

from local_aws.schedules import InvalidSchedule, parse

MONDAY = datetime.datetime(2026, 3, 2, 10, 30, tzinfo=datetime.UTC)


def after(expression: str, zone: str | None = None, moment: datetime.datetime = MONDAY) -> str | None:
    found = parse(expression, zone).after(moment)
    return found and f"{found:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("expression", "then"),
    [
        ("at(2026-03-02T10:31:05)", "2026-03-02 10:31:05"),
        ("at(2026-03-02T10:30:00)", None),
        ("rate(1 minute)", "2026-03-02 10:31:00"),
        ("rate(5 hours)", "2026-03-02 15:30:00"),
        ("rate(2 days)", "2026-03-04 10:30:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-03-02 18:00:00"),
        ("cron(30 10 ? * MON *)", "2026-03-09 10:30:00"),
        ("cron(0/20 * * * ? *)", "2026-03-02 10:40:00"),
        ("cron(15 12 1 * ? *)", "2026-04-01 12:15:00"),
        ("cron(0 0 L * ? *)", "2026-03-31 00:00:00"),
        ("cron(0 0 1W 8 ? *)", "2026-08-03 00:00:00"),
        ("cron(0 0 ? * 6L *)", "2026-03-27 00:00:00"),
        ("cron(0 0 ? * THU#2 *)", "2026-03-12 00:00:00"),
        ("cron(0 8 ? * SAT-SUN *)", "2026-03-07 08:00:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00:00"),
        ("cron(0 0 1 1 ? 2024-2025)", None),
    ],
)
def test_says_what_comes_next(expression: str, then: str | None) -> None:
    assert after(expression) == then


@pytest.mark.parametrize(
    ("expression", "zone", "then"),
    [
        ("cron(0 9 ? * * *)", "Europe/Berlin", "2026-03-03 08:00:00"),
        ("cron(0 9 ? * * *)", "America/New_York", "2026-03-02 14:00:00"),
        ("cron(0 9 ? * * *)", "UTC-5", "2026-03-02 14:00:00"),
        ("at(2026-03-02T20:00:00)", "Asia/Tokyo", "2026-03-02 11:00:00"),
    ],
)
def test_says_it_by_the_clock_of_a_zone(expression: str, zone: str, then: str) -> None:
    assert after(expression, zone) == then


def test_a_time_that_clocks_skip_is_no_time() -> None:
    before = datetime.datetime(2026, 3, 28, 12, tzinfo=datetime.UTC)

    assert after("cron(30 2 ? * * *)", "Europe/Berlin", before) == "2026-03-30 00:30:00"


def test_a_time_that_clocks_repeat_comes_once() -> None:
    before = datetime.datetime(2026, 10, 24, 12, tzinfo=datetime.UTC)
    first = parse("cron(30 2 ? * * *)", "Europe/Berlin").after(before)
    assert first is not None

    assert f"{first:%d %H:%M}" == "25 00:30"
    assert after("cron(30 2 ? * * *)", "Europe/Berlin", first) == "2026-10-26 01:30:00"


@pytest.mark.parametrize(
    ("expression", "zone", "why"),
    [
        ("every day", None, "is not at"),
        ("rate(0 minutes)", None, "is not a rate"),
        ("at(tomorrow)", None, "is not a time"),
        ("cron(0 9 * * *)", None, "has 5 fields"),
        ("cron(0 9 * * * *)", None, "must have ?"),
        ("cron(61 9 ? * * *)", None, "between 0 and 59"),
        ("cron(x 9 ? * * *)", None, "not a part"),
        ("cron(0 9 ? * MON#6 *)", None, "not a part"),
        ("rate(1 day)", "Europe/Atlantis", "no time zone"),
    ],
)
def test_refuses_what_says_no_time(expression: str, zone: str | None, why: str) -> None:
    with pytest.raises(InvalidSchedule, match=why.replace("?", r"\?")):
        parse(expression, zone)
