"""How things are used, as CloudWatch and SageMaker have it; and where what was found goes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from compute_common.calls import seeing
from compute_common.hosting import Endpoints
from compute_common.studio import Apps
from compute_common.thing import CannotSee, Thing

_HOUR = 3600
_MEASURED = 0.9
"""Of how many hours there must be measurements: an instance that is replaced has none for a while."""
_MOST_QUERIES = 500
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""


class Metric(NamedTuple):
    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]


class Measurements:
    """What CloudWatch has, hour by hour."""

    def __init__(self, cloudwatch: Any) -> None:
        self._cloudwatch = cloudwatch

    def of(self, metrics: Sequence[Metric], hours: int, now: datetime) -> list[Mapping[datetime, float]]:
        """The values of each metric in the last hours, by the hour that they are of. Raises CannotSee."""
        start = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
        found: list[dict[datetime, float]] = [{} for _ in metrics]
        for first in range(0, len(metrics), _MOST_QUERIES):
            queries = [
                _query(f"m{index}", metric)
                for index, metric in enumerate(metrics[first : first + _MOST_QUERIES], first)
            ]
            with seeing("get_metric_data"):
                pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
                    MetricDataQueries=queries, StartTime=start, EndTime=now
                )
                for page in pages:
                    for result in page["MetricDataResults"]:
                        if result["StatusCode"] not in ("Complete", "PartialData"):
                            raise CannotSee(f"get_metric_data: {result['StatusCode']}")
                        values = zip(result["Timestamps"], result["Values"], strict=True)
                        found[int(result["Id"][1:])].update(values)
        return list(found)


class EndpointUsage:
    """An endpoint is idle when nobody has asked it, and its instances have told how they are all the while.

    Where nobody asks there are no measurements of requests, and where nobody measures there are none
    either: what tells the two apart are the instances' own.
    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
    """

    def __init__(self, endpoints: Endpoints, measurements: Measurements) -> None:
        self._endpoints = endpoints
        self._measurements = measurements

    def idle_since(self, thing: Thing, hours: int, now: datetime) -> tuple[datetime | None, str]:
        name = {"EndpointName": thing.name}
        places = [{**name, "VariantName": each} for each in self._endpoints.variants(thing)]
        components = [{"InferenceComponentName": each} for each in self._endpoints.components(thing.name)]
        alive = [Metric("/aws/sagemaker/Endpoints", "CPUUtilization", "SampleCount", each) for each in places]
        asked = [
            *(Metric("AWS/SageMaker", "Invocations", "Sum", each) for each in (*places, *components)),
            Metric("AWS/SageMaker", "InvocationsProcessed", "Sum", name),
            Metric("AWS/SageMaker", "ApproximateBacklogSize", "Maximum", name),
        ]
        found = self._measurements.of([*alive, *asked], hours, now)
        used = [hour for values in found[len(alive) :] for hour, value in values.items() if value > 0]
        if used:
            return None, f"last asked at {max(used):%Y-%m-%d %H:00} UTC"
        for metric, values in zip(alive, found, strict=False):
            _complete(values, hours, f"{metric.name} of {metric.dimensions['VariantName']}")
        return max(thing.since, now - timedelta(hours=hours)), ""


class ClusterUsage:
    """A cluster is idle when it was each time that EMR looked, which is every five minutes.

    https://docs.aws.amazon.com/emr/latest/ManagementGuide/UsingEMR_ViewingMetrics.html
    """

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements

    def idle_since(self, thing: Thing, hours: int, now: datetime) -> tuple[datetime | None, str]:
        cluster = {"JobFlowId": thing.handle["ClusterId"]}
        metric = Metric("AWS/ElasticMapReduce", "IsIdle", "Minimum", cluster)
        (values,) = self._measurements.of([metric], hours, now)
        busy = [hour for hour, least in values.items() if least < 1]
        if busy:
            return None, f"last at work at {max(busy):%Y-%m-%d %H:00} UTC"
        _complete(values, hours, metric.name)
        return max(thing.since, now - timedelta(hours=hours)), ""


class AppUsage:
    """What SageMaker says of whoever works in an app, which is not always anything."""

    def __init__(self, apps: Apps) -> None:
        self._apps = apps

    def idle_since(self, thing: Thing, hours: int, now: datetime) -> tuple[datetime | None, str]:  # noqa: ARG002 - the rules know how long is too long
        active = self._apps.active_at(thing)
        if active is None:
            return None, "SageMaker does not say when somebody was last at work in it"
        return active, ""


class BucketMemory:
    """Objects below a prefix of a bucket."""

    _STATE = "state.json"

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def warned(self) -> Mapping[str, datetime]:
        """Raises when it cannot be read: who does not know whom they have warned must not stop anything."""
        key = f"{self._prefix}{self._STATE}"
        # listed first: without a right to list all of a bucket, what is not there is forbidden
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        if not self._s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1).get("Contents"):
            return {}
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        found: dict[str, str] = json.loads(body)["warned"]
        return {key: datetime.fromisoformat(at).astimezone(UTC) for key, at in found.items()}

    def remember(self, warned: Mapping[str, datetime]) -> None:
        state = {"warned": {key: at.isoformat() for key, at in sorted(warned.items())}}
        self._put(self._STATE, json.dumps(state, indent=2) + "\n", "application/json")

    def report(self, name: str, text: str, content_type: str) -> None:
        self._put(f"reports/{name}", text, content_type)

    def _put(self, name: str, text: str, content_type: str) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"{self._prefix}{name}",
            Body=text.encode(),
            ContentType=content_type,
        )


def _query(query_id: str, metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    named = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    return {"Id": query_id, "MetricStat": {"Metric": named, "Period": _HOUR, "Stat": metric.statistic}}


def _complete(values: Mapping[datetime, float], hours: int, what: str) -> None:
    """Raises CannotSee where measurements are missing."""
    measured = sum(value is not None for value in values.values())
    if measured < hours * _MEASURED:
        raise CannotSee(f"there are measurements for {measured} of {hours} hours: {what}")
