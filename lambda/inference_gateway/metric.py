"""The metrics of a request, in the line of log that tells of it: CloudWatch takes them from there.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from collections.abc import Mapping

NAMESPACE = "Clary/InferenceApi"


def metrics(
    log: Mapping[str, object], status: int, milliseconds: float, *, function: str, now: float
) -> dict[str, object]:
    """By function, and by model: names that clients make up are none of the dimensions."""
    dimensions = [["Function"], ["Function", "Model"]] if "model" in log else [["Function"]]
    return {
        "ms": round(milliseconds, 1),
        "client_faults": int(400 <= status < 500),
        "server_faults": int(status >= 500),
        "Function": function,
        **({"Model": log["model"]} if "model" in log else {}),
        "_aws": {
            "Timestamp": int(now * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": dimensions,
                    "Metrics": [
                        {"Name": "ms", "Unit": "Milliseconds"},
                        {"Name": "client_faults", "Unit": "Count"},
                        {"Name": "server_faults", "Unit": "Count"},
                    ],
                }
            ],
        },
    }
