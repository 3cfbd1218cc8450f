"""SageMaker's metrics on their way to CloudWatch: added up, and put once a second by a thread.

An invocation only counts; the alarms that watch the metrics are CloudWatch's own.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_aws import hooks
from local_aws.sagemaker import clients

logger = logging.getLogger("local_aws.sagemaker")

ENDPOINTS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
COUNT, MICROSECONDS = "None", "Microseconds"

Dimensions = tuple[tuple[str, str], ...]
Measurements = Mapping[str, tuple[float, str]]
"""Values and their units, by the metrics' names."""
Gauge = Callable[[], Iterable[tuple[str, Dimensions, Measurements]]]
"""Tells what is, whenever metrics are put: namespace, dimensions and values."""

_SECONDS = 1.0
"""CloudWatch has them once a minute on AWS."""
_DATA_OF_ONE_REQUEST = 1000
_VALUES_OF_ONE_DATUM = 150
"""Both as PutMetricData has them."""


class Metrics:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str, str, Dimensions, str, str], Counter[float]] = {}
        self._gauges: dict[Gauge, tuple[str, str]] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def add(self, namespace: str, dimensions: Dimensions, values: Measurements) -> None:
        account, region = hooks.account_id(), hooks.region()
        with self._lock:
            for name, (value, unit) in values.items():
                key = (account, region, namespace, dimensions, name, unit)
                counter = self._counted.get(key)
                if counter is None:
                    counter = self._counted[key] = Counter()
                counter[_rounded(value)] += 1
            self._run()

    def watch(self, gauge: Gauge) -> None:
        with self._lock:
            self._gauges[gauge] = (hooks.account_id(), hooks.region())
            self._run()

    def forget(self, gauge: Gauge) -> None:
        with self._lock:
            self._gauges.pop(gauge, None)

    def _run(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._put_for_ever, name="metrics", daemon=True)
            self._thread.start()

    def _put_for_ever(self) -> None:
        while True:
            self._wake.wait(_SECONDS)
            try:
                self._put()
            except Exception:
                logger.exception("cannot put the metrics")

    def _put(self) -> None:
        with self._lock:
            gauges = list(self._gauges.items())
        for gauge, (account, region) in gauges:
            with hooks.scope(account, region):
                for found in gauge():
                    self.add(*found)
        with self._lock:
            counted, self._counted = self._counted, {}
        requests: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for (account, region, namespace, dimensions, name, unit), counter in counted.items():
            data = requests.setdefault((account, region, namespace), [])
            values = list(counter.items())
            for start in range(0, len(values), _VALUES_OF_ONE_DATUM):
                part = values[start : start + _VALUES_OF_ONE_DATUM]
                data.append(
                    {
                        "MetricName": name,
                        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                        "Values": [value for value, _ in part],
                        "Counts": [float(count) for _, count in part],
                        "Unit": unit,
                    }
                )
        for (account, region, namespace), data in requests.items():
            with hooks.scope(account, region):
                client = clients.of_account("cloudwatch")
                for start in range(0, len(data), _DATA_OF_ONE_REQUEST):
                    client.put_metric_data(
                        Namespace=namespace, MetricData=data[start : start + _DATA_OF_ONE_REQUEST]
                    )


def _rounded(value: float) -> float:
    """In two significant digits: what a busy endpoint measures in a second is then few values, and
    CloudWatch keeps each of them for two weeks."""
    return float(f"{value:.2g}")


METRICS = Metrics()
