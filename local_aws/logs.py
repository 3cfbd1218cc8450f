"""Lines that services of AWS write to CloudWatch Logs, through CloudWatch's own API."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from local_aws import hooks

logger = logging.getLogger("local_aws.logs")


def group_of(destination: str) -> str:
    """The log group that an ARN names, with or without the `:*` of its streams."""
    return destination.split(":log-group:")[-1].removesuffix(":*")


async def write(group: str, stream: str, messages: Iterable[str], *, create_group: bool = False) -> None:
    """Writes lines; makes the stream, and the group if that is asked for. What goes wrong is logged: no
    request fails because its log cannot be written."""
    now = round(time.time() * 1000)
    entry = {
        "logGroupName": group,
        "logStreamName": stream,
        "logEvents": [{"timestamp": now, "message": message} for message in messages],
    }
    status, _, problem = await call("PutLogEvents", entry)
    if status != 200:
        if create_group:
            await call("CreateLogGroup", {"logGroupName": group})
        await call("CreateLogStream", {"logGroupName": group, "logStreamName": stream})
        status, _, problem = await call("PutLogEvents", entry)
    if status != 200:
        logger.warning("nothing is logged to '%s': %s", group, problem.decode(errors="replace"))


async def call(operation: str, parameters: Mapping[str, Any]) -> hooks.server.Response:
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"Logs_20140328.{operation}",
    }
    return await hooks.server.service("logs")("POST", "/", headers, json.dumps(parameters).encode(), {})
