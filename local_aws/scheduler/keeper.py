"""What of EventBridge Scheduler's schedules is due. When they are due next is not kept: after a start, it is
reckoned from then on, and what was due meanwhile is not done.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

from local_aws import hooks, settings
from local_aws.scheduler import targets
from local_aws.schedules import At, InvalidSchedule, Rate, parse

logger = logging.getLogger("local_aws.scheduler")

_Place = tuple[str, str, str]
_PLANNED = (
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "EndDate",
    "State",
    "LastModificationDate",
)
_due: dict[_Place, tuple[tuple[Any, ...], float | None]] = {}
"""What each schedule was reckoned by, and when it is due."""


def forget() -> None:
    _due.clear()


def keep(now: float, started: float) -> None:
    """Does what is due: once, however long nobody has looked. `started`: since when there is somebody."""
    for account, region, key, schedule in hooks.schedules.schedules():
        if schedule.get("State") != "ENABLED":
            continue
        with hooks.request.scope(account, region):
            try:
                _attend((account, region, key), schedule, now, started)
            except Exception:
                logger.exception("the schedule %s is not kept", key)


def _attend(place: _Place, schedule: Mapping[str, Any], now: float, started: float) -> None:
    known = tuple(schedule.get(member) for member in _PLANNED)
    before = _due.get(place)
    made = float(schedule.get("LastModificationDate", 0.0))
    if before is not None and before[0] == known:
        due = before[1]
    else:
        due = _next(schedule, now, first=made >= started)
    if due is not None and now >= due:
        begun = hooks.request.in_background(targets.invoke, dict(schedule), due, name=f"schedule-{place[2]}")
        logger.debug("%s: %s", place, begun.name)
        due = _next(schedule, now, first=False)
    _due[place] = known, due
    if due is None and schedule.get("ActionAfterCompletion") == "DELETE":
        hooks.schedules.remove_schedule(*place)
        _due.pop(place, None)


def _next(schedule: Mapping[str, Any], now: float, *, first: bool) -> float | None:
    """When it is due after now, or from when it was made when it is looked at first; None when it is over."""
    try:
        found = parse(schedule["ScheduleExpression"], schedule.get("ScheduleExpressionTimezone"))
    except InvalidSchedule:
        return None  # kept by a version that did not refuse it
    start, end = _moment(schedule.get("StartDate")), _moment(schedule.get("EndDate"))
    if isinstance(found, At):  # "ignores StartDate for one-time schedules", and EndDate
        due = found.moment.timestamp()
        made = float(schedule.get("LastModificationDate", 0.0))
        return due if due > now or (first and due >= made) else None
    due = max(now, start or 0.0)
    if isinstance(found, Rate):
        # "If you do not provide a StartDate for a rate-based schedule, your schedule starts invoking the
        # target immediately."
        if not first:
            due += settings.current().here(found.seconds)
    else:
        after = found.after(datetime.datetime.fromtimestamp(due, datetime.UTC))
        if after is None:
            return None
        due = after.timestamp()
    return None if end is not None and due > end else due


def _moment(value: Any) -> float | None:
    if value is None or isinstance(value, int | float):
        return value
    return datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()
