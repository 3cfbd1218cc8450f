"""What Lambda logs of a call: an execution environment has one stream for its life, and the function knows
its name. (ministack begins a stream for each call.)

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any


def group_of(configuration: Mapping[str, Any]) -> str:
    """The function's own, or the one that its logging configuration names."""
    chosen = (configuration.get("LoggingConfig") or {}).get("LogGroup")
    return str(chosen or f"/aws/lambda/{configuration.get('FunctionName')}")


def new_stream(configuration: Mapping[str, Any]) -> str:
    day = time.strftime("%Y/%m/%d", time.gmtime())
    return f"{day}/[{configuration.get('Version', '$LATEST')}]{uuid.uuid4().hex}"


def lines(
    configuration: Mapping[str, Any], request_id: str, printed: str, milliseconds: int, megabytes: int
) -> list[str]:
    report = (
        f"REPORT RequestId: {request_id}",
        f"Duration: {milliseconds} ms",
        f"Billed Duration: {milliseconds} ms",
        f"Memory Size: {configuration.get('MemorySize', 128)} MB",
        f"Max Memory Used: {megabytes} MB",
    )
    return [
        f"START RequestId: {request_id} Version: {configuration.get('Version', '$LATEST')}",
        *printed.splitlines(),
        f"END RequestId: {request_id}",
        "\t".join(report),
    ]
