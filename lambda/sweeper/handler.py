"""Called by the clock: looks at what runs, and does what the settings say of what nobody uses.

A second call for the same hour finds what the first has remembered, warned and stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
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
from sweeper.sweep import sweep

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
    place = Place.read(said, os.environ["DOMAIN_ID"])
    endpoints, apps = Endpoints(_client("sagemaker"), place), Apps(_client("sagemaker"), place)
    sources: list[Source] = [
        apps,
        endpoints,
        NotebookInstances(_client("sagemaker"), place),
        TrackingServers(_client("sagemaker"), place),
        Clusters(_client("emr"), place),
    ]
    measurements = Measurements(_client("cloudwatch"))
    usage: Mapping[Kind, Usage] = {
        "app": AppUsage(apps),
        "cluster": ClusterUsage(measurements),
        "endpoint": EndpointUsage(endpoints, measurements),
    }
    outcome = sweep(
        sources,
        usage,
        BucketMemory(_client("s3"), os.environ["BUCKET"], os.environ["PREFIX"]),
        TopicTeller(
            _client("sns"),
            _client("cloudwatch"),
            topic=os.environ["TOPIC_ARN"],
            dimensions={"Function": "sweeper", "Environment": place.environment},
        ),
        settings_of(said["sweeper"]),
        datetime.now(UTC),
        time_is_up,
    )
    print(json.dumps(outcome.counts))
    return outcome.counts


def settings_of(said: Mapping[str, Any]) -> Settings:
    return Settings(
        acts=said["acts"],
        grace_hours=said["grace_hours"],
        longest_exemption_days=said["longest_exemption_days"],
        sweeps_declared=said["sweeps_declared"],
        limits={kind: Limit(**limit) for kind, limit in said["limits"].items()},
    )
