"""A custom resource that stands for a Studio domain's content: deleting it removes the domain, too.

Nothing happens on create and on update. CloudFormation could not do it: it cannot ask for the home file
system to go along, and does not know of apps and spaces that people have started. Of a domain that stays,
only the apps are stopped. Deleting twice is harmless: what is gone is not looked for.

An app can take longer to stop than a function may run: when its time is up, the function calls itself
with the same event, until CloudFormation waits no longer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from runtime_common.custom_resource import Answer, answering
from runtime_common.pause import growing_pause
from runtime_common.stack_state import is_going
from studio_remover.adapters import Clients, apps_of, layers
from studio_remover.rules import Layer, TimeIsUp, remove, seconds_left

_GIVES_UP_AT = "ClaryGivesUpAt"
"""What the function adds to the event for itself: the time, in seconds since 1970."""
_SECONDS_TO_ANSWER = 30
_LONGEST_SERVICE_TIMEOUT = 3600
_SECONDS_BEFORE_CLOUDFORMATION = 120
_LONGEST_SECONDS_BETWEEN_LOOKS = 5


@cache
def _client(service: str) -> Any:
    """One that waits for its turn: SageMaker takes few deletions a second."""
    return boto3.client(service, config=Config(retries={"mode": "adaptive", "max_attempts": 10}))


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answers CloudFormation, also when it fails: a silent function keeps a stack waiting for an hour."""
    answering(event, lambda: _done(event, context))


def _done(event: Mapping[str, Any], context: Any) -> Answer | None:
    properties = event["ResourceProperties"]
    answer = Answer(physical_id=f"content-of-{properties['DomainId']}")
    going_on = _GIVES_UP_AT in event
    if not going_on and not _is_to_go(event):
        return answer
    waits = float(properties.get("ServiceTimeout", _LONGEST_SERVICE_TIMEOUT)) - _SECONDS_BEFORE_CLOUDFORMATION
    gives_up_at = float(event.get(_GIVES_UP_AT, time.time() + waits))

    def time_is_up() -> bool:
        in_this_call = context.get_remaining_time_in_millis() / 1000 - _SECONDS_TO_ANSWER
        return seconds_left(time.time(), gives_up_at=gives_up_at, in_this_call=in_this_call) <= 0

    try:
        remove(
            _layers(properties),
            time_is_up=time_is_up,
            pause=growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS),
            tell=_log,
        )
    except TimeIsUp:
        if time.time() >= gives_up_at:
            raise
        again = json.dumps({**event, _GIVES_UP_AT: gives_up_at}).encode()
        _client("lambda").invoke(
            FunctionName=context.invoked_function_arn, InvocationType="Event", Payload=again
        )
        return None
    print(json.dumps({"removed": properties["DomainId"]}))
    return answer


def _is_to_go(event: Mapping[str, Any]) -> bool:
    return event["RequestType"] == "Delete" and is_going(_client("cloudformation"), event["StackId"])


def _layers(properties: Mapping[str, Any]) -> Sequence[Layer]:
    if properties["Domain"] == "stays":
        return [apps_of(_client("sagemaker"), properties["DomainId"])]
    return layers(
        Clients(_client("sagemaker"), _client("efs"), _client("ec2")),
        domain_id=properties["DomainId"],
        domain_arn=properties["DomainArn"],
        vpc_id=properties["VpcId"],
    )


def _log(layer: str, left: Sequence[str]) -> None:
    print(json.dumps({"layer": layer, "left": len(left)}))
