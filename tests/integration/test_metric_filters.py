"""Metric filters over boto3: what is logged becomes a metric."""

from __future__ import annotations

import datetime
import json
import time

from support.deployed import LocalAws
from support.waiting import eventually


def test_counts_what_is_logged(local_aws: LocalAws) -> None:
    logs, cloudwatch = local_aws.client("logs"), local_aws.client("cloudwatch")
    logs.create_log_group(logGroupName="filtered")
    logs.create_log_stream(logGroupName="filtered", logStreamName="one")
    logs.put_metric_filter(
        logGroupName="filtered",
        filterName="slow",
        filterPattern="{ $.latency > 5 }",
        metricTransformations=[
            {
                "metricNamespace": "Tests",
                "metricName": "Slow",
                "metricValue": "$.latency",
                "dimensions": {"path": "$.path"},
            }
        ],
    )
    now = round(time.time() * 1000)
    lines = [{"latency": latency, "path": "/a"} for latency in (1, 7, 9)]
    logs.put_log_events(
        logGroupName="filtered",
        logStreamName="one",
        logEvents=[{"timestamp": now, "message": json.dumps(line)} for line in lines],
    )

    def told() -> bool:
        today = datetime.datetime.now(datetime.UTC)
        answer = cloudwatch.get_metric_statistics(
            Namespace="Tests",
            MetricName="Slow",
            Dimensions=[{"Name": "path", "Value": "/a"}],
            StartTime=today - datetime.timedelta(hours=1),
            EndTime=today + datetime.timedelta(hours=1),
            Period=3600,
            Statistics=["Sum", "SampleCount"],
        )
        points = answer["Datapoints"]
        return sum(point["Sum"] for point in points) == 16 and sum(p["SampleCount"] for p in points) == 2

    eventually(told)
