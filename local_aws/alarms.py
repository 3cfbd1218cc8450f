"""When CloudWatch's metric alarms go off: by their dimensions, periods and missing data, as on AWS.

ministack looks at a metric's name alone, so that one endpoint's errors would set off another one's
alarm. What an alarm does when its state changes is ministack's.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_aws import hooks, metric_points, settings

Alarm = Mapping[str, Any]
Points = Sequence[Mapping[str, Any]]
Statistic = Callable[[Alarm, Points], float | None]

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}

_OWN_REASONS = ("Threshold Crossed:", "Insufficient Data:", "Unchecked:")


_VALUES: dict[str, list[float | None]] = {}


def install() -> None:
    hooks.metrics.evaluate_alarms_by(decide)
    hooks.server.on_reset(_VALUES.clear)


def values_of(alarm_arn: str) -> Sequence[float | None]:
    """What an alarm has last been decided by: its metric's values, the newest one first."""
    return _VALUES.get(alarm_arn, ())


def decide(alarm: Alarm, points: Points, statistic: Statistic) -> tuple[str, str] | None:
    """The state that the alarm is in now, and the reason; None for the one that it is in already.

    `points` are the metric's, of these dimensions, by time.
    """
    compare = _COMPARISONS.get(alarm["ComparisonOperator"])
    if compare is None:
        return None  # anomaly detection: nothing here models a metric
    periods = int(alarm.get("EvaluationPeriods", 1))
    wanted = int(alarm.get("DatapointsToAlarm") or periods)
    seconds = settings.current().here(float(alarm.get("Period", 60)))
    values = _values(alarm, points, statistic, periods, seconds)
    if "AlarmArn" in alarm:
        _VALUES[alarm["AlarmArn"]] = values
    breaches = [None if value is None else compare(value, alarm["Threshold"]) for value in values]
    missing = alarm.get("TreatMissingData") or "missing"
    known = [breach for breach in breaches if breach is not None]
    if _set_by_hand(alarm):
        return None
    if missing in ("breaching", "notBreaching"):
        known = [missing == "breaching" if breach is None else breach for breach in breaches]
    elif not known:
        if missing == "ignore" or not points:
            return None
        reason = f"Insufficient Data: {periods} datapoints were unknown."
        return _changed(alarm, "INSUFFICIENT_DATA", reason)
    if sum(known) >= wanted or _breaching_since(breaches, wanted):
        state = "ALARM"
    elif all(known):
        return None  # too few of them yet
    else:
        state = "OK"
    newest = next((value for value in values if value is not None), None)
    said = "no datapoints" if newest is None else f"the most recent datapoint {newest}"
    reason = (
        f"Threshold Crossed: {sum(known)} of the last {periods} datapoints were breaching, {said}"
        f" ({alarm['ComparisonOperator']} {alarm['Threshold']}, minimum {wanted} for the state ALARM)."
    )
    return _changed(alarm, state, reason)


def _values(
    alarm: Alarm, points: Points, statistic: Statistic, periods: int, seconds: float
) -> list[float | None]:
    """The statistic of each period, the newest one first; None where there is no data."""
    now = time.time()
    windows: list[list[Mapping[str, Any]]] = [[] for _ in range(periods)]
    for point in metric_points.since(points, now - periods * seconds):
        age = int((now - point["Timestamp"]) // seconds)
        if age < periods:
            windows[max(0, age)].append(point)
    return [statistic(alarm, window) if window else None for window in windows]


def _breaching_since(breaches: Sequence[bool | None], wanted: int) -> bool:
    """Whether the oldest breaching datapoint is old enough, and what came after it is breaching or
    missing ("Avoiding premature transitions to alarm state")."""
    oldest = max((age for age, breach in enumerate(breaches) if breach), default=-1)
    return oldest + 1 >= wanted and False not in breaches[: oldest + 1]


def _set_by_hand(alarm: Alarm) -> bool:
    """SetAlarmState holds until the next evaluation, which comes once a minute on AWS."""
    age = time.time() - float(alarm.get("StateUpdatedTimestamp") or 0)
    reason = str(alarm.get("StateReason", ""))
    return age < max(2.0, settings.current().here(60)) and not reason.startswith(_OWN_REASONS)


def _changed(alarm: Alarm, state: str, reason: str) -> tuple[str, str] | None:
    return None if alarm["StateValue"] == state else (state, reason)
