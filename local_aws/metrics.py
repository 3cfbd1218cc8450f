"""CloudWatch metrics of what happens often: counted where it happens, and told once a second.

A request leaves a dozen values. CloudWatch's front gets them as AWS's services send them, each value
once with how often it occurred: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_aws import hooks
from local_aws.every import Every
from local_aws.metric_points import Points

logger = logging.getLogger("local_aws.metrics")

Values = Mapping[str, tuple[float, str]]
"""By metric: the value and its unit."""
Dimensions = Mapping[str, str]
Gauge = Callable[[], Iterable[tuple[str, Values, Dimensions]]]
"""Tells what is now: namespaces, values and dimensions."""

_SECONDS = 1.0
_TIDYING = Every(60)
_DATA_AT_ONCE = 1000  # of one PutMetricData
_VALUES_AT_ONCE = 150  # of one datum

_Key = tuple[str, str, str, str, tuple[tuple[str, str], ...], str]
_LOCK = threading.Lock()
_waiting: dict[_Key, Counter[float]] = {}
_gauges: dict[Gauge, tuple[str, str]] = {}
_started = threading.Event()


def install() -> None:
    hooks.metrics.keep_metrics_in(Points, _tidy)
    hooks.metrics.record_metrics_by(record)


def _tidy() -> None:
    now = time.time()
    if _TIDYING.due(now):
        hooks.metrics.tidy_metrics(Points, lambda points: points.thin(now))


def record(namespace: str, values: Values, *dimensions: Dimensions) -> None:
    """Counts values in the request's account and region, once for each set of dimensions. On any thread."""
    account, region = hooks.request.account_id(), hooks.request.region()
    with _LOCK:
        for chosen in dimensions:
            named = tuple(chosen.items())
            for name, (value, unit) in values.items():
                key = (account, region, namespace, name, named, unit)
                counted = _waiting.get(key)
                if counted is None:
                    counted = _waiting[key] = Counter()
                counted[value] += 1
    _start()


def watch(gauge: Gauge) -> None:
    """Asks `gauge` once a second, in the account and region of now, until it is forgotten."""
    with _LOCK:
        _gauges[gauge] = (hooks.request.account_id(), hooks.request.region())
    _start()


def forget(gauge: Gauge) -> None:
    with _LOCK:
        _gauges.pop(gauge, None)


def _start() -> None:
    if not _started.is_set():
        with _LOCK:
            if not _started.is_set():
                _started.set()
                threading.Thread(target=_tell_for_ever, name="metrics", daemon=True).start()


def _tell_for_ever() -> None:
    while True:
        time.sleep(_SECONDS)
        try:
            _ask_gauges()
            _tell()
        except Exception:
            logger.exception("no metrics")


def _ask_gauges() -> None:
    with _LOCK:
        gauges = list(_gauges.items())
    for gauge, (account, region) in gauges:
        with hooks.request.scope(account, region):
            for namespace, values, dimensions in gauge():
                record(namespace, values, dimensions)


def _tell() -> None:
    with _LOCK:
        waiting = dict(_waiting)
        _waiting.clear()
    now = time.time()
    requests: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for (account, region, namespace, name, dimensions, unit), counted in waiting.items():
        data = requests.setdefault((account, region, namespace), [])
        values = list(counted.items())
        for first in range(0, len(values), _VALUES_AT_ONCE):
            part = values[first : first + _VALUES_AT_ONCE]
            data.append(
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                    "Timestamp": now,
                    "Unit": unit,
                    "Values": [value for value, _ in part],
                    "Counts": [count for _, count in part],
                }
            )
    for (account, region, namespace), data in requests.items():
        with hooks.request.scope(account, region):
            for first in range(0, len(data), _DATA_AT_ONCE):
                _put(namespace, data[first : first + _DATA_AT_ONCE])


def _put(namespace: str, data: list[dict[str, Any]]) -> None:
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
    }
    body = json.dumps({"Namespace": namespace, "MetricData": data}).encode()
    status, _, answer = hooks.server.ask_service("monitoring", "POST", "/", headers, body)
    if status != 200:
        logger.warning("no metrics of %s: %s", namespace, answer.decode(errors="replace"))
