"""A custom resource that stands for a bucket's content: deleting it empties the bucket.

Nothing happens on create and on update, nor when an edit takes the custom resource out of a stack that
stays: data that is to be kept from now on loses it then. Deleting twice is harmless, an empty or missing
bucket is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3

from bucket_emptier.adapters import S3Bucket
from bucket_emptier.rules import empty
from runtime_common.custom_resource import Answer, answering
from runtime_common.stack_state import is_going
from runtime_common.time_left import less_than

_SECONDS_TO_ANSWER = 20


@cache
def _s3() -> Any:
    return boto3.client("s3")


@cache
def _cloudformation() -> Any:
    return boto3.client("cloudformation")


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answers CloudFormation, also when it fails: a silent function keeps a stack waiting for an hour."""
    answering(event, lambda: _done(event, less_than(_SECONDS_TO_ANSWER, context)))


def _done(event: Mapping[str, Any], time_is_up: Callable[[], bool]) -> Answer:
    name = event["ResourceProperties"]["BucketName"]
    if event["RequestType"] == "Delete" and is_going(_cloudformation(), event["StackId"]):
        deleted = empty(S3Bucket(_s3(), name), time_is_up=time_is_up)
        print(f'{{"bucket": "{name}", "deleted": {deleted}}}')
    return Answer(physical_id=f"content-of-{name}")
