"""Functions behind an API: the event that they get, whether they may be called, what their answer is."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local_aws import hooks
from local_aws.apigateway.exchange import Exchange

PAYLOAD_BYTES = 6 * 1024 * 1024
"""An event, and an answer: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_FUNCTION = re.compile(r"/functions/(.+?)/invocations")


class NotAllowed(Exception):
    """The function is not there, or its policy does not let API Gateway call it."""


class EventTooLarge(Exception):
    """The request makes a larger event than a function takes."""


@dataclass(frozen=True)
class Result:
    payload: Any = None
    error: Mapping[str, Any] | None = None
    throttled: bool = False


def with_variables(text: str, exchange: Exchange) -> str:
    """Stage variables in an integration's address: `${stageVariables.name}`."""
    return re.sub(r"\$\{stageVariables\.(\w+)\}", lambda found: exchange.variables.get(found[1], ""), text)


async def call(
    exchange: Exchange, uri: str, event: Mapping[str, Any], source_arn: str, *, trusted: bool = False
) -> Result:
    """Calls the function of an integration's URI. `trusted`: by a role of the API's owner, and so without
    asking the function's policy.

    https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions
    """
    found = _FUNCTION.search(uri)
    reference = found[1] if found else uri
    function = hooks.functions.function_of(reference, exchange.account, exchange.region)
    if function is None:
        raise NotAllowed("Invalid permissions on Lambda function")
    if not trusted and not function.allows("apigateway.amazonaws.com", source_arn):
        raise NotAllowed("Invalid permissions on Lambda function")
    exchange.say(f"Sending request to {uri}")
    result = await function.invoke(event)
    body = result.get("body")
    if result.get("throttle"):
        return Result(throttled=True)
    if result.get("error"):
        return Result(error=body if isinstance(body, dict) else {"errorMessage": str(body)})
    if result.get("raw_payload") and isinstance(body, str | bytes):
        with suppress(ValueError):
            body = json.loads(body)
    return Result(payload=body)


def proxy_event(exchange: Exchange) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format"""
    headers, many_headers = exchange.forwarded_headers()
    body, encoded = _body(exchange)
    context: dict[str, Any] = {
        "accountId": exchange.account,
        "apiId": exchange.api_id,
        "deploymentId": exchange.stage.get("deploymentId"),
        "domainName": exchange.domain,
        "domainPrefix": exchange.domain.split(".")[0],
        "extendedRequestId": exchange.extended_id,
        "httpMethod": exchange.method,
        "identity": exchange.identity(),
        "path": f"/{exchange.stage_name}{exchange.path}",
        "protocol": "HTTP/1.1",
        "requestId": exchange.request_id,
        "requestTime": exchange.time,
        "requestTimeEpoch": round(exchange.started * 1000),
        "resourceId": exchange.resource.get("id"),
        "resourcePath": exchange.resource.get("path"),
        "stage": exchange.stage_name,
    }
    if exchange.authorizer is not None:
        latency = exchange.known.get("authorizer.integrationLatency", 0)
        lambda_made = {} if "claims" in exchange.authorizer else {"integrationLatency": latency}
        context["authorizer"] = {**exchange.authorizer, **lambda_made}
    return {
        "resource": exchange.resource.get("path"),
        "path": exchange.path,
        "httpMethod": exchange.method,
        "headers": headers,
        "multiValueHeaders": many_headers,
        "queryStringParameters": {name: values[-1] for name, values in exchange.query.items()} or None,
        "multiValueQueryStringParameters": dict(exchange.query) or None,
        "pathParameters": exchange.path_parameters or None,
        "stageVariables": exchange.variables or None,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": encoded,
    }


def _body(exchange: Exchange) -> tuple[str | None, bool]:
    if not exchange.body:
        return None, False
    if is_binary(exchange, exchange.headers.get("content-type")):
        return base64.b64encode(exchange.body).decode(), True
    return exchange.body.decode("utf-8", "replace"), False


def is_binary(exchange: Exchange, media_type: str | None) -> bool:
    """Whether the API takes the type for binary data; `*/*` stands for no type at all, too.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
    """
    kinds = (exchange.deployment.api.get("binaryMediaTypes") if exchange.deployment else None) or ()
    plain = (media_type or "").split(",")[0].split(";")[0].strip().lower()
    for kind in (str(each).strip().lower() for each in kinds):
        if kind in ("*/*", plain) or (kind.endswith("/*") and plain.split("/")[0] == kind[:-2]):
            return True
    return False


def check_size(event: Mapping[str, Any]) -> None:
    if len((event.get("body") or "").encode()) > PAYLOAD_BYTES:
        raise EventTooLarge
