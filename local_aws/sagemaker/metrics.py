"""SageMaker's metrics: their namespaces and units.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

ENDPOINTS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"


def count(value: float) -> tuple[float, str]:
    return float(value), "None"


def duration(seconds: float) -> tuple[float, str]:
    """In microseconds, of which the first two digits: what a busy endpoint measures in a second is then few
    values, and CloudWatch keeps each of them for two weeks."""
    return float(f"{max(0.0, seconds) * 1e6:.2g}"), "Microseconds"
