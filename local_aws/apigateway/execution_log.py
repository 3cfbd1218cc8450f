"""Access logs, in the words of the stage, and execution logs, in API Gateway's.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from local_aws import logs
from local_aws.apigateway.exchange import Exchange

_NAME = r"context\.([A-Za-z](?:[\w.-]*\w)?)"
_VARIABLE = re.compile(rf"\$(?:\{{{_NAME}\}}|{_NAME})")


def access_line(line: str, context: Mapping[str, Any]) -> str:
    """The line with its variables; what is not known is a dash."""
    return _VARIABLE.sub(lambda found: str(context.get(found[1] or found[2], "-")), line)


def describe_request(exchange: Exchange) -> None:
    if exchange.level == "OFF":
        return
    method = f"{exchange.method} {exchange.resource['path']}"
    exchange.say(f"Extended Request Id: {exchange.extended_id}")
    if not exchange.served.get("apiKeyRequired"):
        exchange.say(
            f"API Key  authorized because method '{method}' does not require API Key. "
            "Request will not contribute to throttle or quota limits"
        )
    exchange.say(f"Starting execution for request: {exchange.request_id}")
    exchange.say(f"HTTP Method: {exchange.method}, Resource Path: {exchange.path}")
    exchange.trace("Method request path", _map(exchange.path_parameters))
    exchange.trace(
        "Method request query string", _map({name: values[-1] for name, values in exchange.query.items()})
    )
    exchange.trace("Method request headers", _map(_masked(exchange.headers)))
    exchange.trace("Method request body before transformations", exchange.body)


def _map(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in values.items()) + "}"


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    """As API Gateway writes them: of secrets, the last characters."""
    secret = ("authorization", "x-api-key", "x-amz-security-token")
    return {
        name: f"{'*' * max(0, len(value) - 6)}{value[-6:]}" if name in secret else value
        for name, value in headers.items()
    }


async def write(exchange: Exchange) -> None:
    group = f"API-Gateway-Execution-Logs_{exchange.api_id}/{exchange.stage_name}"
    # One of the streams that API Gateway spreads its lines over, by the request.
    stream = hashlib.md5(exchange.request_id[:2].encode(), usedforsecurity=False).hexdigest()
    await logs.write(group, stream, exchange.lines, create_group=True)
