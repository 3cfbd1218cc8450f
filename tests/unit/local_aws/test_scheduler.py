"""EventBridge Scheduler: what is due when, without a clock, and what cannot be a target."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import hooks
from local_aws.scheduler import keeper, targets

NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC).timestamp()
HOUR = 3600.0


class Keeper:
    """One schedule, and when it has called its target, in hours after noon."""

    def __init__(self, expression: str, **more: Any) -> None:
        self.record: dict[str, Any] = {
            "Name": "s",
            "Arn": "arn",
            "State": "ENABLED",
            "ScheduleExpression": expression,
            "LastModificationDate": NOON,
            **more,
        }
        self.called: list[float] = []
        self.removed = False

    def look(self, *hours: float, started: float = NOON) -> list[float]:
        for hour in hours:
            keeper.keep(NOON + hour * HOUR, started)
        return self.called


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def make(expression: str, **more: Any) -> Keeper:
        made = Keeper(expression, **more)

        class Now:
            name = "now"

        def begin(function: Any, schedule: Any, due: float, *, name: str) -> Any:
            made.called.append((due - NOON) / HOUR)
            return Now

        def remove(*place: str) -> None:
            assert place == ("000000000001", "us-east-1", "default/s")
            made.removed = True

        def schedules() -> list[Any]:
            return [] if made.removed else [("000000000001", "us-east-1", "default/s", made.record)]

        monkeypatch.setattr(hooks.schedules, "schedules", schedules)
        monkeypatch.setattr(hooks.request, "in_background", begin)
        monkeypatch.setattr(hooks.schedules, "remove_schedule", remove)
        return made

    keeper.forget()
    yield make
    keeper.forget()


def test_a_cron_calls_in_its_time_zone(kept: Any) -> None:
    daily = kept("cron(0 18 * * ? *)", ScheduleExpressionTimezone="America/New_York")

    assert daily.look(0, 10.9, 11.1, 12, 34.9, 35.1) == [11, 35]


def test_a_rate_begins_at_once_or_at_its_start_and_ends_at_its_end(kept: Any) -> None:
    assert kept("rate(2 hours)").look(0, 1, 2, 3.5, 4.5) == [0, 2, 4]
    keeper.forget()
    later = kept("rate(1 hour)", StartDate=NOON + 3 * HOUR, EndDate=NOON + 4.5 * HOUR)
    assert later.look(0, 2, 3, 4, 5, 6) == [3, 4]


def test_what_is_for_once_happens_once_and_may_go_then(kept: Any) -> None:
    once = kept("at(2026-03-02T13:00:00)", ActionAfterCompletion="DELETE")

    assert once.look(0.5, 1.5, 2.5) == [1]
    assert once.removed


def test_what_was_missed_while_nothing_ran_is_not_done(kept: Any) -> None:
    """The server has started anew three hours after the schedule was made."""
    started = NOON + 3 * HOUR
    assert kept("at(2026-03-02T13:00:00)").look(3, 4, started=started) == []
    keeper.forget()
    assert kept("rate(1 hour)").look(3, 3.5, 4.1, started=started) == [4]
    keeper.forget()
    assert kept("at(2026-03-02T16:00:00)").look(3, 4.1, started=started) == [4]


def test_a_disabled_one_does_nothing_until_it_is_enabled(kept: Any) -> None:
    schedule = kept("rate(1 hour)", State="DISABLED")
    schedule.look(0, 2)
    schedule.record |= {"State": "ENABLED", "LastModificationDate": NOON + 2 * HOUR}

    assert schedule.look(2) == [2]


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        ("arn:aws:scheduler:::aws-sdk:sagemaker", "is not arn:aws"),
        ("arn:aws:scheduler:::aws-sdk:magic:doIt", "no service magic"),
        ("arn:aws:scheduler:::aws-sdk:sagemaker:createMagic", "no operation createMagic"),
        ("arn:aws:scheduler:::aws-sdk:sagemaker:describeEndpoint", "only reads"),
        ("arn:aws:events:us-east-1:000000000001:event-bus/default", "EventBridgeParameters"),
    ],
)
def test_refuses_what_cannot_be_called(arn: str, why: str) -> None:
    with pytest.raises(targets.InvalidTarget, match=why):
        targets.check(arn, {})


@pytest.mark.parametrize("operation", ["sagemaker:createTransformJob", "sfn:startExecution"])
def test_takes_operations_of_services_as_aws_calls_them(operation: str) -> None:
    targets.check(f"arn:aws:scheduler:::aws-sdk:{operation}", {})
