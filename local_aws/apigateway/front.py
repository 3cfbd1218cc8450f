"""What ministack's front of REST APIs lacks: limits, time-outs, errors that tell nothing, access logs."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
import re
import time
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from local_aws import hooks

logger = logging.getLogger("local_aws.apigateway")

PAYLOAD_BYTES = 10 * 1024 * 1024
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""

FUNCTION_PAYLOAD_BYTES = 6 * 1024 * 1024
"""A function's event and its answer: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_INTEGRATION_SECONDS = 29.0
_VARIABLE = re.compile(r"\$\{?context\.([A-Za-z][\w.]*\w|[A-Za-z])\}?")


class _TooLargeForFunction(Exception):
    """The event that a request makes is larger than a function takes."""


@dataclass
class Exchange:
    """One request to a REST API, for whatever has to be told of it afterwards."""

    request_id: str
    started: float = field(default_factory=time.time)
    key: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    integration_seconds: float | None = None
    integration_status: int | None = None
    fault: tuple[int, str] | None = None
    """The status of an answer that the function is to blame for, and why: for the log, not the client."""
    error: Any = None


_exchange: ContextVar[Exchange] = ContextVar("rest_api_exchange")
_headers: ContextVar[tuple[tuple[bytes, bytes], ...]] = ContextVar("request_headers", default=())


def install() -> None:
    hooks.replace_rest_api_front(_front)
    hooks.wrap_proxy_invocation(_with_time_limit)
    hooks.wrap_proxy_event(_as_sent)
    hooks.read_proxy_results(_read_result)
    hooks.watch_api_keys(lambda key: setattr(_exchange.get(), "key", key))
    hooks.mend_binary_media_types()


def remember_headers(application: Any) -> Any:
    """The application, where each request's headers are kept as they were sent, repetitions and all."""

    async def remembering(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            _headers.set(tuple(scope["headers"]))
        await application(scope, receive, send)

    return remembering


async def _front(
    api_id: str,
    stage_name: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
    account: str,
    region: str,
) -> hooks.Response:
    exchange = Exchange(request_id=str(uuid.uuid4()))
    _exchange.set(exchange)
    stage = hooks.stage_of(api_id, stage_name)
    request: dict[str, Any] = {
        "api_id": api_id,
        "stage_name": stage_name,
        "stage": stage or {},
        "headers": headers,
        "query_params": query,
        "path_params": {},
        "resource_path": "",
        "request_id": exchange.request_id,
    }
    if stage is not None and len(body) > PAYLOAD_BYTES:
        answer: Any = hooks.RestApiError("REQUEST_TOO_LARGE", "Request Too Long")
    else:
        answer = await hooks.execute_rest_api(
            request, api_id, stage_name, method, path, headers, body, query, account, region
        )
    response = answer
    if isinstance(answer, hooks.RestApiError):
        exchange.error = answer
        response = hooks.rest_api_error_response(answer, request)
    context = _context(exchange, request, response, method, path)
    if exchange.error is not None:
        response = _completed(exchange, response, context)
    status, response_headers, content = response
    response_headers.setdefault("x-amzn-requestid", exchange.request_id)
    context |= {"status": str(status), "responseLength": str(len(content))}
    await _write_access_log(stage or {}, context)
    return status, response_headers, content


def _completed(exchange: Exchange, response: hooks.Response, context: Mapping[str, str]) -> hooks.Response:
    """An error's response with the status that API Gateway has for it, and every variable of its template."""
    status, headers, content = response
    if exchange.fault is not None and status == 500:
        status = exchange.fault[0]  # the template of all 5xx errors has no status of its own
    text = _VARIABLE.sub(lambda found: context.get(found[1], ""), content.decode())
    # A header may be written in any case; the one that the template gives replaces the default.
    given = {name.lower(): (name, value) for name, value in headers.items()}
    return status, dict(given.values()), text.encode()


# --- the integration --------------------------------------------------------------------------------


def _with_time_limit(invoke: hooks.RestApiInvocation) -> hooks.RestApiInvocation:
    async def invoke_in_time(integration: Mapping[str, Any], *arguments: Any, **more: Any) -> Any:
        exchange = _exchange.get()
        limit = float(integration.get("timeoutInMillis") or _INTEGRATION_SECONDS * 1000) / 1000
        started = time.perf_counter()
        # The function goes on when API Gateway has given up: it is left alone, not cancelled.
        call = asyncio.create_task(_attempt(invoke(integration, *arguments, **more)))
        await asyncio.wait({call}, timeout=limit)
        exchange.integration_seconds = time.perf_counter() - started
        if not call.done():
            return hooks.RestApiError("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        answer = call.result()
        if exchange.fault is not None:
            logger.warning("request %s: %s", exchange.request_id, exchange.fault[1])
            return hooks.RestApiError("DEFAULT_5XX", "Internal server error")
        if not isinstance(answer, hooks.RestApiError):
            exchange.integration_status = answer[0]
        return answer

    return invoke_in_time


async def _attempt(call: Any) -> Any:
    try:
        return await call
    except _TooLargeForFunction:
        return hooks.RestApiError("REQUEST_TOO_LARGE", "Request Too Long")
    except Exception:
        # Whatever it is: the client learns no more than that it failed.
        logger.exception("an integration failed")
        _exchange.get().fault = (500, "the integration failed, see the error before")
        return None


def _read_result(result: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """A function's result as a proxy response; what is wrong with it is kept from the client.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
    """
    payload = result.get("body")
    if result.get("throttle"):
        fault: tuple[int, str] | None = (500, f"the function is throttled: {payload}")
    elif result.get("error"):
        fault = (502, f"the function failed: {payload}")
    else:
        if isinstance(payload, str | bytes):
            payload = _parsed(payload)
        wrong = _malformed(payload)
        fault = None if wrong is None else (502, f"malformed Lambda proxy response: {wrong}")
    if fault is None and isinstance(payload, dict):
        return {**payload, "statusCode": int(payload["statusCode"])}, None
    exchange = _exchange.get()
    exchange.fault = exchange.fault or fault
    return None, "Internal server error"


def _parsed(payload: str | bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def _malformed(payload: Any) -> str | None:
    if not isinstance(payload, dict):
        return f"{type(payload).__name__} instead of an object"
    status = payload.get("statusCode")
    if isinstance(status, bool) or not re.fullmatch(r"[1-5]\d\d", str(status)):
        return f"statusCode is {status!r}"
    for name, kind in (
        ("headers", dict),
        ("multiValueHeaders", dict),
        ("body", str),
        ("isBase64Encoded", bool),
    ):
        if not isinstance(payload.get(name), kind | None):
            return f"{name} is {type(payload[name]).__name__} instead of {kind.__name__}"
    if len((payload.get("body") or "").encode("utf-8", "replace")) > FUNCTION_PAYLOAD_BYTES:
        return f"it is larger than {FUNCTION_PAYLOAD_BYTES} bytes"
    return None


def _as_sent(build: Any) -> Any:
    def build_event(*arguments: Any, **more: Any) -> dict[str, Any]:
        event: dict[str, Any] = build(*arguments, **more)
        exchange = _exchange.get()
        context = event["requestContext"]
        context |= {"requestId": exchange.request_id, "extendedRequestId": exchange.request_id}
        if exchange.key:
            context["identity"] |= {
                "apiKey": exchange.key.get("value"),
                "apiKeyId": exchange.key.get("id"),
            }
        repeated: dict[str, list[str]] = {}
        for name, value in _headers.get():
            repeated.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        event["multiValueHeaders"] = {**event["multiValueHeaders"], **repeated}
        event["headers"] = {**event["headers"], **{name: values[-1] for name, values in repeated.items()}}
        # Of a repeated parameter, too, the last value is the single one.
        several = event.get("multiValueQueryStringParameters") or {}
        event["queryStringParameters"] = {name: values[-1] for name, values in several.items()} or None
        exchange.event = event
        if len((event["body"] or "").encode()) > FUNCTION_PAYLOAD_BYTES:
            raise _TooLargeForFunction
        return event

    return build_event


# --- the access log ---------------------------------------------------------------------------------


def _context(
    exchange: Exchange, request: Mapping[str, Any], response: hooks.Response, method: str, path: str
) -> dict[str, str]:
    """The variables of access logs and error templates, those that have a value.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
    """
    event = exchange.event.get("requestContext", {})
    identity = event.get("identity", {})
    started = datetime.datetime.fromtimestamp(exchange.started, datetime.UTC)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in _headers.get()}
    latency = None if exchange.integration_seconds is None else round(exchange.integration_seconds * 1000)
    error = exchange.error
    message = getattr(error, "message", None)
    values = {
        "accountId": hooks.account_id(),
        "apiId": request["api_id"],
        "domainName": headers.get("host", "").split(":")[0],
        "error.message": message,
        "error.messageString": json.dumps(message) if message else None,
        "error.responseType": getattr(error, "response_type", None),
        "error.validationErrorString": message,
        "extendedRequestId": exchange.request_id,
        "httpMethod": method,
        "identity.accountId": identity.get("accountId"),
        "identity.apiKey": exchange.key.get("value"),
        "identity.apiKeyId": exchange.key.get("id"),
        "identity.caller": identity.get("caller"),
        "identity.sourceIp": identity.get("sourceIp", "127.0.0.1"),
        "identity.user": identity.get("user"),
        "identity.userAgent": headers.get("user-agent"),
        "identity.userArn": identity.get("userArn"),
        "integration.latency": latency,
        "integration.status": exchange.integration_status,
        "integrationErrorMessage": exchange.fault[1] if exchange.fault else None,
        "integrationLatency": latency,
        "integrationStatus": exchange.integration_status,
        "path": f"/{request['stage_name']}{path}",
        "protocol": "HTTP/1.1",
        "requestId": exchange.request_id,
        "requestTime": started.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": round(exchange.started * 1000),
        "resourcePath": request["resource_path"],
        "responseLatency": round((time.time() - exchange.started) * 1000),
        "stage": request["stage_name"],
        "status": response[0],
    }
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


async def _write_access_log(stage: Mapping[str, Any], context: Mapping[str, str]) -> None:
    settings = stage.get("accessLogSettings") or {}
    destination, wanted = settings.get("destinationArn"), settings.get("format")
    if not destination or not wanted:
        return
    group = str(destination).split(":log-group:")[-1].removesuffix(":*")
    line = _VARIABLE.sub(lambda found: context.get(found[1], "-"), wanted)
    stream = f"{context['apiId']}_{context['stage']}"
    event = {"timestamp": round(time.time() * 1000), "message": line}
    entry = {"logGroupName": group, "logStreamName": stream, "logEvents": [event]}
    status, _, problem = await _call_logs("PutLogEvents", entry)
    if status != 200 and b"stream" in problem:
        await _call_logs("CreateLogStream", {"logGroupName": group, "logStreamName": stream})
        status, _, problem = await _call_logs("PutLogEvents", entry)
    if status != 200:
        logger.warning("no access log to '%s': %s", destination, problem.decode(errors="replace"))


async def _call_logs(operation: str, parameters: Mapping[str, Any]) -> hooks.Response:
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"Logs_20140328.{operation}",
    }
    return await hooks.service("logs")("POST", "/", headers, json.dumps(parameters).encode(), {})
