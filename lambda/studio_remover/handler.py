"""A custom resource that stands for a Studio domain's content: deleting it removes the domain, too.

Nothing happens on create and on update. CloudFormation could not do it: it cannot ask for the home file
system to go along, and does not know of apps and spaces that people have started. Deleting twice is
harmless: what is gone is not looked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3

from runtime_common.custom_resource import Answer, answering
from runtime_common.pause import growing_pause
from studio_remover.adapters import Clients, layers
from studio_remover.rules import remove

_SECONDS_TO_ANSWER = 30
_LONGEST_SECONDS_BETWEEN_LOOKS = 5


@cache
def _clients() -> Clients:
    return Clients(boto3.client("sagemaker"), boto3.client("efs"), boto3.client("ec2"))


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answers CloudFormation, also when it fails: a silent function keeps a stack waiting for an hour."""
    answering(event, lambda: _done(event, context))


def _done(event: Mapping[str, Any], context: Any) -> Answer:
    properties = event["ResourceProperties"]

    def time_is_up() -> bool:
        remaining_ms: int = context.get_remaining_time_in_millis()
        return remaining_ms < _SECONDS_TO_ANSWER * 1000

    if event["RequestType"] == "Delete":
        found = layers(
            _clients(),
            domain_id=properties["DomainId"],
            domain_arn=properties["DomainArn"],
            vpc_id=properties["VpcId"],
        )
        remove(found, time_is_up=time_is_up, pause=growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS))
        print(f'{{"removed": "{properties["DomainId"]}"}}')
    return Answer(physical_id=f"content-of-{properties['DomainId']}")
