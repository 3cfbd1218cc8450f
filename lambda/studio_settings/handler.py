"""A custom resource that stands for the Studio settings of some people.

Creating and updating it send the settings; CloudFormation rolls back by sending the old ones. Deleting it
does nothing: who is left keeps what they have. Sending twice is harmless, who has the settings is not told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from runtime_common.custom_resource import Answer, answering
from runtime_common.pause import growing_pause
from studio_settings.adapters import DomainProfiles
from studio_settings.rules import send

_SECONDS_TO_ANSWER = 30
_LONGEST_SECONDS_BETWEEN_LOOKS = 2


@cache
def _sagemaker() -> Any:
    """A client that waits for its turn: many of these resources may be updated at once."""
    return boto3.client("sagemaker", config=Config(retries={"mode": "adaptive", "max_attempts": 10}))


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answers CloudFormation, also when it fails: a silent function keeps a stack waiting for an hour."""
    answering(event, lambda: _done(event, context))


def _done(event: Mapping[str, Any], context: Any) -> Answer:
    properties = event["ResourceProperties"]

    def time_is_up() -> bool:
        remaining_ms: int = context.get_remaining_time_in_millis()
        return remaining_ms < _SECONDS_TO_ANSWER * 1000

    if event["RequestType"] != "Delete":
        told = send(
            DomainProfiles(_sagemaker(), properties["DomainId"]),
            properties["UserProfileNames"],
            json.loads(properties["UserSettings"]),
            # somebody whose profile was deleted by hand must not keep a stack from rolling back
            may_be_gone=event["RequestType"] == "Update",
            time_is_up=time_is_up,
            pause=growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS),
        )
        print(json.dumps({"told": told}))
    return Answer(physical_id=event.get("PhysicalResourceId") or f"settings-{event['LogicalResourceId']}")
