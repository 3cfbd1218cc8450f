"""A custom resource that stands for the people of a nested stack: whoever goes from it is seen off.

CloudFormation updates it before it deletes whoever is not in the template any more, and deletes it before
all of them. Seeing somebody off twice is harmless: what is gone is not looked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from runtime_common.continuation import continuing
from runtime_common.custom_resource import Answer, answering
from runtime_common.pause import growing_pause
from studio_leavers.adapters import SageMakerDomain
from studio_leavers.rules import identity, see_off

_LONGEST_SECONDS_BETWEEN_LOOKS = 5


@cache
def _client(service: str) -> Any:
    """One that waits for its turn: SageMaker takes few requests a second."""
    return boto3.client(service, config=Config(retries={"mode": "adaptive", "max_attempts": 10}))


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answers CloudFormation, also when it fails: a silent function keeps a stack waiting for an hour."""
    answering(event, lambda: _done(event, context))


def _done(event: Mapping[str, Any], context: Any) -> Answer | None:
    properties = event["ResourceProperties"]
    there = set() if event["RequestType"] == "Delete" else _people(properties)
    gone = sorted(_people(event.get("OldResourceProperties", properties)) - there)
    left = properties.get("Left", [])
    domain = SageMakerDomain(_client("sagemaker"), properties["DomainId"], properties["RestRole"])
    physical_id = identity(
        f"leavers-of-{properties['DomainId']}-{event['LogicalResourceId']}",
        only=properties["UserProfileNames"][0] if "OneName" in properties else None,
        known=event.get("PhysicalResourceId") if event["RequestType"] == "Update" else None,
    )
    done = continuing(
        event,
        context,
        lambda time_is_up: see_off(
            domain,
            gone=gone,
            left=left,
            work_stays=properties["Work"] == "stays",
            time_is_up=time_is_up,
            pause=growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS),
        ),
        client=_client,
    )
    if not done:
        return None
    print(json.dumps({"gone": gone, "left": left}))
    return Answer(physical_id=physical_id)


def _people(properties: Mapping[str, Any]) -> set[str]:
    return {*properties.get("UserProfileNames", []), *properties.get("Left", [])}
