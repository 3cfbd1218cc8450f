"""Called by the clock, by an administrator who has lifted a cap, and by CloudFormation as a custom resource.

All three look anew. Deleting the resource does nothing: the gates are somebody else's.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from compute_common.hosting import Endpoints
from compute_common.instance import NotebookInstances
from compute_common.job import JOB_TYPES, Jobs
from compute_common.studio import Apps
from compute_common.teller import TopicTeller
from compute_common.thing import Place
from runtime_common.custom_resource import Answer, answering
from spending_cap.adapters import BucketBook, PolicyGates, Running, RunningJobs
from spending_cap.look import Circle, Eye, Outcome, look
from spending_cap.ports import Settings

_SETTINGS = Path(__file__).parent.parent / "spending_cap.json"
"""Beside the packages, as it was deployed."""


@cache
def _client(service: str) -> Any:
    """One that waits for its turn: SageMaker takes few requests a second."""
    return boto3.client(service, config=Config(retries={"mode": "adaptive", "max_attempts": 10}))


def handler(event: Mapping[str, Any], _context: Any) -> Mapping[str, Any]:
    """Raises when charges cannot be read or kept, so that an alarm tells of it."""
    if "RequestType" not in event:
        return _looked_now().counts
    answering(event, lambda: _asked(event))
    return {}


def _asked(event: Mapping[str, Any]) -> Answer:
    if event["RequestType"] != "Delete":
        try:
            _looked_now()
        except Exception:  # noqa: BLE001 - the gates stay closed and the clock looks again: nothing to roll back
            traceback.print_exc()
    return Answer(physical_id="first-look")


def _looked_now() -> Outcome:
    said = json.loads(_SETTINGS.read_text(encoding="utf-8"))
    outcome = looked(said, os.environ, _client, datetime.now(UTC))
    print(json.dumps(outcome.counts))
    return outcome


def looked(
    said: Mapping[str, Any], variables: Mapping[str, str], client: Callable[[str], Any], now: datetime
) -> Outcome:
    """One look, at a time, by these settings, with these clients."""
    place = Place.read(said, variables["DOMAIN_ID"])
    cap, prices = said["cap"], said["prices"]
    sagemaker = client("sagemaker")
    eyes: list[Eye] = [
        Running(Apps(sagemaker, place), "studio", prices, now),
        Running(Endpoints(sagemaker, place), "hosting", prices, now),
        Running(NotebookInstances(sagemaker, place), "notebook", prices, now),
        *(RunningJobs(Jobs(sagemaker, place), each, prices) for each in JOB_TYPES),
    ]
    return look(
        eyes,
        BucketBook(client("s3"), variables["BUCKET"], variables["PREFIX"]),
        PolicyGates(client("iam"), variables["GATE_ARN_PREFIX"]),
        TopicTeller(
            client("sns"),
            client("cloudwatch"),
            topic=variables["TOPIC_ARN"],
            dimensions={"Function": "spending cap", "Environment": place.environment},
        ),
        settings_of(cap),
        prices,
        Circle(cap["gates"], place.people),
        now,
        last_month,
    )


def last_month(now: datetime) -> str:
    return (now.astimezone(UTC).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")


def settings_of(said: Mapping[str, Any]) -> Settings:
    return Settings(
        acts=said["acts"],
        teams=said["teams"],
        people=said["people"],
        each_person=said["each_person"],
        warn_percent=said["warn_percent"],
        blind_minutes=said["blind_minutes"],
        new_compute=said["new_compute"],
    )
