"""A custom resource that stands for a tag of a Studio domain.

Creating and updating it tag the domain; CloudFormation rolls back by tagging it as before. Deleting it takes
the tag off. All of it may be done twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3

from domain_tag.adapters import StudioDomain
from domain_tag.rules import Wanted, follow
from runtime_common.custom_resource import Answer, answering


@cache
def _sagemaker() -> Any:
    return boto3.client("sagemaker")


def handler(event: Mapping[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda gives it
    """Answers CloudFormation, also when it fails: a silent function keeps a stack waiting for an hour."""
    answering(event, lambda: _done(event))


def _done(event: Mapping[str, Any]) -> Answer:
    if event["RequestType"] == "Delete" and event["PhysicalResourceId"].startswith("failed-"):
        return Answer(physical_id=event["PhysicalResourceId"])  # it was never there
    properties = event["ResourceProperties"]
    wanted = Wanted(properties["DomainArn"], properties["Key"], properties["Value"])
    follow(event["RequestType"], wanted, StudioDomain(_sagemaker(), wanted.domain))
    print(json.dumps({"tag": wanted.identity, "done": event["RequestType"]}))
    return Answer(physical_id=wanted.identity)
