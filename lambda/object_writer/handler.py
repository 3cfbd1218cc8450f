"""A custom resource that stands for an object in a bucket.

Creating and updating it write the object; CloudFormation rolls back by writing the old one. Deleting it
removes the object. All of it may be done twice.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3

from object_writer.adapters import S3Bucket
from object_writer.rules import Wanted, follow
from runtime_common.custom_resource import Answer, answering


@cache
def _s3() -> Any:
    return boto3.client("s3")


def handler(event: Mapping[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda gives it
    """Answers CloudFormation, also when it fails: a silent function keeps a stack waiting for an hour."""
    answering(event, lambda: _done(event))


def _done(event: Mapping[str, Any]) -> Answer:
    if event["RequestType"] == "Delete" and event["PhysicalResourceId"].startswith("failed-"):
        return Answer(physical_id=event["PhysicalResourceId"])  # it was never made
    properties = event["ResourceProperties"]
    wanted = Wanted(
        properties["BucketName"], properties["Key"], _text(properties), properties.get("Tags", {})
    )
    follow(event["RequestType"], wanted, S3Bucket(_s3(), wanted.bucket))
    print(json.dumps({"object": wanted.identity, "done": event["RequestType"]}))
    return Answer(physical_id=wanted.identity)


def _text(properties: Mapping[str, Any]) -> str:
    """As it is, or in base 64: of a text itself, CloudFormation looks up every `{{resolve:`."""
    if "Base64" in properties:
        return base64.b64decode(properties["Base64"]).decode()
    return str(properties["Text"])
