"""Custom resources that stand for the Studio settings of some people, and for their startup scripts.

Creating and updating settings send them; CloudFormation rolls back by sending the old ones. Deleting them
does nothing: who is left keeps what they have. Sending twice is harmless, who has the settings is not told.

A startup script is a lifecycle configuration whose name comes from its content: made twice it is the same
one, and deleted it stays as long as somebody has it.
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
from runtime_common.time_left import less_than
from studio_settings.adapters import DomainProfiles, LifecycleConfigs
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
    if event["ResourceType"] == "Custom::StudioStartup":
        return _startup(event["RequestType"], properties)

    if event["RequestType"] != "Delete":
        told = send(
            DomainProfiles(_sagemaker(), properties["DomainId"]),
            properties["UserProfileNames"],
            {key: value for part in properties["UserSettings"] for key, value in json.loads(part).items()},
            # somebody whose profile was deleted by hand must not keep a stack from rolling back
            may_be_gone=event["RequestType"] == "Update",
            time_is_up=less_than(_SECONDS_TO_ANSWER, context),
            pause=growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS),
        )
        print(json.dumps({"told": told}))
    return Answer(physical_id=event.get("PhysicalResourceId") or f"settings-{event['LogicalResourceId']}")


def _startup(request_type: str, properties: Mapping[str, Any]) -> Answer:
    configs, name = LifecycleConfigs(_sagemaker()), properties["Name"]
    if request_type == "Delete":
        print(json.dumps({"deleted" if configs.delete(name) else "in use": name}))
        return Answer(physical_id=name)
    arn = configs.make(name, properties["Application"], properties["Content"])
    return Answer(physical_id=name, data={"Arn": arn})
