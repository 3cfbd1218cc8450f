"""Called when a version of the model package group changes, and by CloudFormation, as a custom resource.

Both do the same: what is approved last is brought into service. Deleting the resource deletes the endpoint.
Calling it twice is harmless: the second call finds the endpoint where it should be.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from model_promotion.adapters import EndpointByName, PackageGroup
from model_promotion.rules import Wanted, promote, remove
from runtime_common.custom_resource import Answer, answering
from runtime_common.pause import growing_pause
from runtime_common.time_left import less_than

_SECONDS_TO_ANSWER = 30
_LONGEST_SECONDS_BETWEEN_LOOKS = 10


@cache
def _sagemaker() -> Any:
    return boto3.client("sagemaker", config=Config(retries={"mode": "standard", "max_attempts": 5}))


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answers CloudFormation, also when it fails; an event that fails is delivered again."""
    if "RequestType" in event:
        answering(event, lambda: _asked(event, context))
    else:
        print(json.dumps({"done": _promoted(os.environ["WANTED"], context)}))


def _asked(event: Mapping[str, Any], context: Any) -> Answer:
    properties = event["ResourceProperties"]
    wanted = Wanted.read(properties["Wanted"])
    if event["RequestType"] == "Delete":
        registry = PackageGroup(_sagemaker(), wanted.group) if properties["EmptiesGroup"] == "true" else None
        remove(wanted, registry, EndpointByName(_sagemaker(), wanted.endpoint), **_patience(context))
    else:
        print(json.dumps({"done": _promoted(properties["Wanted"], context)}))
    return Answer(physical_id=event.get("PhysicalResourceId") or wanted.endpoint)


def _promoted(text: str, context: Any) -> str:
    wanted = Wanted.read(text)
    return promote(
        wanted,
        PackageGroup(_sagemaker(), wanted.group),
        EndpointByName(_sagemaker(), wanted.endpoint),
        **_patience(context),
    )


def _patience(context: Any) -> dict[str, Any]:
    return {
        "time_is_up": less_than(_SECONDS_TO_ANSWER, context),
        "pause": growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS),
    }
