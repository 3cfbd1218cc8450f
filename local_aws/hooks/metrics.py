"""CloudWatch's metrics and alarms."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack.services import cloudwatch as _cloudwatch

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.cloudwatch": (
        "_calc_stats",
        "_describe_alarms",
        "_dims_from_list",
        "_dims_key",
        "_dispatch_alarm_actions",
        "_evaluate_alarm",
        "_evaluate_all_alarms",
        "_evaluate_parent_alarms",
        "_evict_old_metrics",
        "_metric_bucket",
        "_metrics",
        "_record_history",
        "_stat_value",
        "record_metric",
    ),
}


AlarmDecision = Callable[
    [dict[str, Any], Sequence[Mapping[str, Any]], Callable[..., Any]], tuple[str, str] | None
]
RecordMetric = Callable[[str, Mapping[str, tuple[float, str]], Mapping[str, str]], None]


def keep_metrics_in(kind: type[list[Any]], tidy: Callable[[], None]) -> None:
    """Has each metric's points in a list of that kind, and calls `tidy` at each request to CloudWatch, where
    ministack would copy every point of the account and region to see which are two weeks old."""
    usual = _cloudwatch._metric_bucket

    def bucket(key: Any) -> Any:
        points = usual(key)
        if type(points) is list:  # a new one, or what an earlier server has kept
            points = _cloudwatch._metrics[key] = kind(points)
        return points

    _cloudwatch._metric_bucket = bucket
    _cloudwatch._evict_old_metrics = tidy


def tidy_metrics(kind: type[list[Any]], tidy: Callable[[Any], None]) -> None:
    """Calls `tidy` for each metric's points, in every account and region; a metric without points goes."""
    for key, points in _cloudwatch._metrics.all_items():
        kept = kind(points) if type(points) is list else points
        tidy(kept)
        if kept:
            _cloudwatch._metrics.set_scoped(*key, kept)
        else:
            _cloudwatch._metrics.pop_scoped(*key)


def record_metrics_by(record: RecordMetric) -> None:
    """Has what ministack's own services measure recorded as all else is: `record(namespace, values,
    dimensions)`."""

    def recorded(
        namespace: str,
        name: str,
        value: float,
        unit: str = "None",
        dimensions: Mapping[str, str] | None = None,
    ) -> None:
        record(namespace, {name: (float(value), unit)}, dimensions or {})

    _cloudwatch.record_metric = recorded


def evaluate_alarms_by(decide: AlarmDecision) -> None:
    """Asks `decide(alarm, points, statistic)` for a metric alarm's new state and its reason, or None.

    `points` are of the alarm's metric and dimensions, by time; `statistic(alarm, points)` is the value of
    some of them. Asked when metrics are put, and when somebody looks at alarms.
    """
    usually_described = _cloudwatch._describe_alarms

    def statistic(alarm: dict[str, Any], points: Sequence[Mapping[str, Any]]) -> float | None:
        name = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
        value = _cloudwatch._stat_value(_cloudwatch._calc_stats(points), name, points)
        return None if value is None else float(value)

    def evaluate(alarm: dict[str, Any]) -> None:
        if not alarm.get("MetricName"):
            return
        dimensions = _cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
        key = (alarm.get("Namespace"), alarm["MetricName"], _cloudwatch._dims_key(dimensions))
        decided = decide(alarm, _cloudwatch._metrics.get(key) or (), statistic)
        if decided is None:
            return
        before, (after, reason) = alarm["StateValue"], decided
        alarm.update(StateValue=after, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        _cloudwatch._record_history(alarm["AlarmName"], before, after, reason)
        _cloudwatch._dispatch_alarm_actions(alarm, before, after, reason)
        _cloudwatch._evaluate_parent_alarms(alarm)

    def describe(*arguments: Any, **options: Any) -> Any:
        _cloudwatch._evaluate_all_alarms()
        return usually_described(*arguments, **options)

    _cloudwatch._evaluate_alarm = evaluate
    _cloudwatch._describe_alarms = describe
