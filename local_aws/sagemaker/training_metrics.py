"""Metrics that a training job's program prints: found by expressions, kept as CloudWatch's and the job's.

https://docs.aws.amazon.com/sagemaker/latest/dg/training-metrics.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import regex

from local_aws.errors import invalid
from local_aws.sagemaker import clients

NAMESPACE = "/aws/sagemaker/TrainingJobs"
_SECONDS = 1.0
"""For one expression on one line: some never come to an end."""


def check(definitions: Sequence[Mapping[str, str]]) -> None:
    """Refuses what is not a regular expression. Raises `ServiceError`."""
    for one in definitions:
        try:
            regex.compile(one["Regex"])
        except regex.error as error:
            raise invalid(f"Invalid regular expression for metric {one['Name']}: {error}") from error


class TrainingMetrics:
    """What has been found so far, by one job's definitions."""

    def __init__(self, job: str, definitions: Sequence[Mapping[str, str]]) -> None:
        self._job = job
        self._expressions = [(one["Name"], regex.compile(one["Regex"])) for one in definitions]
        self._last: dict[str, dict[str, Any]] = {}

    def see(self, lines: Sequence[str]) -> None:
        found = [
            {"MetricName": name, "Value": value, "Timestamp": time.time()}
            for line in lines
            for name, expression in self._expressions
            if (value := _value(expression, line)) is not None
        ]
        for one in found:
            self._last[str(one["MetricName"])] = one
        if found:
            dimensions = [{"Name": "TrainingJobName", "Value": self._job}]
            clients.of_account("cloudwatch").put_metric_data(
                Namespace=NAMESPACE, MetricData=[{**one, "Dimensions": dimensions} for one in found]
            )

    @property
    def final(self) -> list[dict[str, Any]]:
        """The last value of each: `FinalMetricDataList`."""
        return list(self._last.values())


def _value(expression: Any, line: str) -> float | None:
    """The number in the expression's first group, or in what it fits as a whole."""
    try:
        found = expression.search(line, timeout=_SECONDS)
        return float(found.group(1 if expression.groups else 0)) if found else None
    except (TimeoutError, TypeError, ValueError):
        return None
