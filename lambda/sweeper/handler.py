"""Called by the clock: looks at what runs, and does what the settings say of what nobody uses.

A second call for the same hour finds what the first has remembered, warned and stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from compute_common.cluster import Clusters
from compute_common.hosting import Endpoints
from compute_common.instance import NotebookInstances, TrackingServers
from compute_common.studio import Apps
from compute_common.teller import TopicTeller
from compute_common.thing import Kind, Place, Source
from sweeper.adapters import (
    AppUsage,
    BucketMemory,
    ClusterUsage,
    EndpointUsage,
    Measurements,
)
from sweeper.ports import Limit, Settings, Usage
from sweeper.sweep import Outcome, sweep

_SETTINGS = Path(__file__).parent.parent / "sweeper.json"
"""Beside the packages, as it was deployed."""
_SECONDS_TO_ACT = 120


@cache
def _client(service: str) -> Any:
    """One that waits for its turn: SageMaker takes few requests a second."""
    return boto3.client(service, config=Config(retries={"mode": "adaptive", "max_attempts": 10}))


def handler(_event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
    """Raises when what is remembered cannot be read or written, so that an alarm tells of it."""

    def time_is_up() -> bool:
        left: float = context.get_remaining_time_in_millis() / 1000
        return left < _SECONDS_TO_ACT

    said = json.loads(_SETTINGS.read_text(encoding="utf-8"))
    outcome = swept(said, os.environ, _client, datetime.now(UTC), time_is_up)
    print(json.dumps(outcome.counts))
    return outcome.counts


def swept(
    said: Mapping[str, Any],
    variables: Mapping[str, str],
    client: Callable[[str], Any],
    now: datetime,
    time_is_up: Callable[[], bool] = lambda: False,
) -> Outcome:
    """One look, at a time, by these settings, with these clients."""
    place = Place.read(said, variables["DOMAIN_ID"])
    sagemaker = client("sagemaker")
    endpoints, apps = Endpoints(sagemaker, place), Apps(sagemaker, place)
    sources: list[Source] = [
        apps,
        endpoints,
        NotebookInstances(sagemaker, place),
        TrackingServers(sagemaker, place),
        Clusters(client("emr"), place),
    ]
    measurements = Measurements(client("cloudwatch"))
    usage: Mapping[Kind, Usage] = {
        "app": AppUsage(apps),
        "cluster": ClusterUsage(measurements),
        "endpoint": EndpointUsage(endpoints, measurements),
    }
    return sweep(
        sources,
        usage,
        BucketMemory(client("s3"), variables["BUCKET"], variables["PREFIX"]),
        TopicTeller(
            client("sns"),
            client("cloudwatch"),
            topic=variables["TOPIC_ARN"],
            dimensions={"Function": "sweeper", "Environment": place.environment},
        ),
        settings_of(said["sweeper"]),
        now,
        time_is_up,
    )


def settings_of(said: Mapping[str, Any]) -> Settings:
    return Settings(
        acts=said["acts"],
        grace_hours=said["grace_hours"],
        longest_exemption_days=said["longest_exemption_days"],
        sweeps_declared=said["sweeps_declared"],
        limits={kind: Limit(**limit) for kind, limit in said["limits"].items()},
    )
