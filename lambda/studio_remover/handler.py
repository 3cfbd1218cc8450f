"""A custom resource that stands for a Studio domain's content: deleting it removes the domain, too.

Nothing happens on create and on update. CloudFormation could not do it: it cannot ask for the home file
system to go along, and does not know of apps and spaces that people have started. Of a domain that stays,
only the apps are stopped. Deleting twice is harmless: what is gone is not looked for.

An app can take longer to stop than a function may run: the function then calls itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from runtime_common.continuation import continuing, going_on
from runtime_common.custom_resource import Answer, answering
from runtime_common.pause import growing_pause
from runtime_common.stack_state import is_going
from studio_remover.adapters import Clients, apps_of, layers
from studio_remover.rules import Layer, remove

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
    if not going_on(event) and not _is_to_go(event):
        return answer
    done = continuing(
        event,
        context,
        lambda time_is_up: remove(
            _layers(properties),
            time_is_up=time_is_up,
            pause=growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS),
            tell=_log,
        ),
        client=_client,
    )
    if not done:
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
