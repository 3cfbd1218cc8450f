"""SQS: names that it refuses, and its schema does not."""

from __future__ import annotations

import re

from local_aws.cloudformation.refusal import refused_by
from local_aws.cloudformation.registry import Properties, checks

_NAME = re.compile(r"[\w-]{1,80}|[\w-]{1,75}\.fifo", re.ASCII)


@checks("AWS::SQS::Queue")
def refuse_name(properties: Properties) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
    name = properties.get("QueueName")
    if name is not None and not _NAME.fullmatch(str(name)):
        raise refused_by(
            "Sqs", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )
