"""Messages of queues, each a record of the queue's feature group.

What was written is taken off its queue, what was not is told to Lambda, and comes again
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html). A message that comes a second
time is harmless: the online store has one record of a key, the latest, and the view of a history that people
ask has each record once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from feature_ingestion.adapters import FeatureStore
from feature_ingestion.rules import Message, ingest

_MILLISECONDS_TO_ANSWER = 5000


@cache
def _store() -> FeatureStore:
    """It does not try for longer than the function may take: what fails comes again."""
    config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "max_attempts": 2})
    return FeatureStore(boto3.client("sagemaker-featurestore-runtime", config=config))


@cache
def _groups() -> Mapping[str, str]:
    """The feature group of each queue."""
    groups: Mapping[str, str] = json.loads(os.environ["GROUPS"])
    return groups


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    def time_is_up() -> bool:
        remaining_ms: int = context.get_remaining_time_in_millis()
        return remaining_ms < _MILLISECONDS_TO_ANSWER

    messages = [
        Message(each["messageId"], _groups()[each["eventSourceARN"]], each["body"])
        for each in event["Records"]
    ]
    failed = ingest(messages, _store(), time_is_up=time_is_up)
    for message_id, reason in failed:
        print(json.dumps({"message": message_id, "not_written": reason}))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id, _ in failed]}
