"""A request to a stage of a REST API, from the firewall to the log.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html
"""

from __future__ import annotations

import gzip
import logging
import random
import time
import zlib
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from local_aws import hooks, logs, metrics, wafv2
from local_aws.apigateway import (
    authorization,
    deployments,
    execution_log,
    gateway_response,
    integration,
    limits,
    validation,
)
from local_aws.apigateway.exchange import Exchange, GatewayError, Response

logger = logging.getLogger("local_aws.apigateway")

PAYLOAD_BYTES = 10 * 1024 * 1024
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""

_sent: ContextVar[Mapping[str, Any] | None] = ContextVar("request_as_sent", default=None)


def remember_requests(application: Any) -> Any:
    """The application, where each request's head is kept as it was sent: repeated headers, path and query."""

    async def remembering(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            _sent.set(scope)
        await application(scope, receive, send)

    return remembering


async def serve(
    api_id: str,
    stage_name: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
    account: str,
    region: str,
) -> Response:
    """The answer to a request, in the API's account and region."""
    many: dict[str, list[str]] = {}
    sent = _sent.get() or {}
    for name, value in sent.get("headers", ()):
        many.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    exchange = Exchange(
        account=account,
        region=region,
        api_id=api_id,
        stage_name=stage_name,
        method=method,
        path=path,
        headers={**headers, **{name: values[-1] for name, values in many.items()}},
        many_headers=many or {name: [value] for name, value in headers.items()},
        header_names=sent.get("header_names", {}),
        query=query,
        body=body,
        # Everybody is on this machine: who says whom he comes for is believed.
        client_address=headers.get("x-forwarded-for", "127.0.0.1").split(",")[0].strip(),
    )
    stage = hooks.apis.stage_of(api_id, stage_name)
    if stage is None:
        return (
            403,
            {"Content-Type": "application/json", "x-amzn-ErrorType": "ForbiddenException"},
            (b'{"message":"Forbidden"}'),
        )
    exchange.stage = stage
    response = await _answer(exchange)
    status, response_headers, content = response
    response_headers.setdefault("x-amzn-requestid", exchange.request_id)
    response_headers.setdefault("x-amz-apigw-id", exchange.extended_id)
    await _tell(exchange, response)
    return status, response_headers, content


async def _answer(exchange: Exchange) -> Response:
    deployment_id = str(exchange.stage.get("deploymentId") or "")
    canary = exchange.stage.get("canarySettings") or {}
    if canary.get("deploymentId") and random.random() * 100 < float(canary.get("percentTraffic") or 0):  # noqa: S311 - a share of traffic
        exchange.canary = True
        deployment_id = canary["deploymentId"]
    exchange.deployment = deployments.deployment(exchange.api_id, deployment_id)
    _set_log_level(exchange)
    try:
        response = await _ask(exchange)
    except GatewayError as error:
        response = _refuse(exchange, error)
    except Exception as error:
        # Whatever it is: the client learns no more than that it failed.
        logger.exception("request %s failed", exchange.request_id)
        response = _refuse(exchange, GatewayError("DEFAULT_5XX", "Internal server error", detail=str(error)))
    exchange.say(f"Method completed with status: {response[0]}", failed=response[0] >= 400)
    return _compressed(exchange, response)


def _refuse(exchange: Exchange, error: GatewayError) -> Response:
    exchange.error = error
    if error.detail:
        if error.response_type.endswith(("5XX", "ERROR")):
            logger.warning("request %s: %s", exchange.request_id, error.detail)
        exchange.known.setdefault("integrationErrorMessage", error.detail)
        exchange.known.setdefault("integration.error", error.detail)
    exchange.say(error.detail or f"{error.response_type}: {error.message}", failed=True)
    return gateway_response.respond(exchange, error)


async def _ask(exchange: Exchange) -> Response:
    assert exchange.deployment is not None
    blocked = await _check_firewall(exchange)
    if blocked is not None:
        return blocked
    own_domain = hooks.apis.is_custom_domain(exchange.domain)
    if exchange.deployment.api.get("disableExecuteApiEndpoint") in (True, "true") and not own_domain:
        raise GatewayError("DEFAULT_4XX", "Forbidden", error_type="ForbiddenException")
    if len(exchange.body) > PAYLOAD_BYTES:
        raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long")
    exchange.body = _decompressed(exchange)
    found = exchange.deployment.route(exchange.method, exchange.path)
    if found is None:
        raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    exchange.resource, exchange.served, exchange.path_parameters = found
    _set_log_level(exchange)
    execution_log.describe_request(exchange)
    await authorization.authorize(exchange)
    limits.check(exchange)
    validation.check(exchange)
    response = await integration.integrate(exchange)
    exchange.say("Successfully completed execution")
    return response


async def _check_firewall(exchange: Exchange) -> Response | None:
    arn = f"arn:aws:apigateway:{exchange.region}::/restapis/{exchange.api_id}/stages/{exchange.stage_name}"
    acl = wafv2.acl_of(arn)
    if acl is None:
        return None
    started = time.perf_counter()
    request = wafv2.Request(
        method=exchange.method,
        path=_path_as_sent(exchange),
        query=(_sent.get() or {}).get("query_string", b"").decode("latin-1"),
        headers=exchange.many_headers,
        body=exchange.body,
        client_address=exchange.client_address,
        request_id=exchange.request_id,
    )
    source = f"{exchange.account}:{exchange.api_id}:{exchange.stage_name}"
    verdict = await wafv2.inspect(acl, request, "APIGW", source)
    exchange.known |= {
        "waf.latency": round((time.perf_counter() - started) * 1000),
        "waf.status": 200,
        "wafResponseCode": "WAF_ALLOW" if verdict.allowed else "WAF_BLOCK",
        "webaclArn": acl["ARN"],
    }
    if verdict.allowed:
        for name, value in verdict.inserted_headers.items():
            exchange.headers[name] = value
            exchange.many_headers[name] = [value]
        return None
    if verdict.response is not None:
        status, headers, content = verdict.response
        return status, dict(headers), content
    raise GatewayError("WAF_FILTERED", "Forbidden")


def _path_as_sent(exchange: Exchange) -> str:
    """The path from the stage on, with its percent signs."""
    path = str((_sent.get() or {}).get("raw_path", b"").decode("latin-1"))
    _, local, rest = path.partition("/_user_request_")
    if local:
        return f"/{exchange.stage_name}{rest}"
    prefix = f"/_aws/execute-api/{exchange.api_id}"
    return path.removeprefix(prefix) or f"/{exchange.stage_name}{exchange.path}"


# --- compression ------------------------------------------------------------------------------------


def _threshold(exchange: Exchange) -> int | None:
    value = exchange.deployment.api.get("minimumCompressionSize") if exchange.deployment else None
    return None if value in (None, "") else int(str(value))


def _decompressed(exchange: Exchange) -> bytes:
    """The body that a client has compressed, where the API takes such bodies.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-make-request-with-compressed-payload.html
    """
    coding = exchange.headers.get("content-encoding", "").lower()
    if _threshold(exchange) is None or coding not in ("gzip", "deflate"):
        return exchange.body
    reader = zlib.decompressobj(31 if coding == "gzip" else 15)
    try:
        body = reader.decompress(exchange.body, PAYLOAD_BYTES + 1)
    except zlib.error:
        raise GatewayError("DEFAULT_4XX", "Could not decompress the request body", status=400) from None
    if len(body) > PAYLOAD_BYTES:
        raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long")
    for headers in (exchange.headers, exchange.many_headers):
        headers.pop("content-encoding", None)
    return body


def _compressed(exchange: Exchange, response: Response) -> Response:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-receive-response-with-compression.html"""
    status, headers, content = response
    least = _threshold(exchange)
    accepted = {
        part.split(";")[0].strip().lower() for part in exchange.headers.get("accept-encoding", "").split(",")
    }
    named = {name.lower() for name in headers}
    if least is None or not content or len(content) < least or "content-encoding" in named:
        return response
    if "gzip" in accepted:
        return status, {**headers, "Content-Encoding": "gzip"}, gzip.compress(content, mtime=0)
    if "deflate" in accepted:
        return status, {**headers, "Content-Encoding": "deflate"}, zlib.compress(content)
    return response


# --- what is told of it -----------------------------------------------------------------------------


def _set_log_level(exchange: Exchange) -> None:
    settings = limits.method_settings(exchange)
    exchange.level = str(settings.get("loggingLevel") or "OFF").upper()
    exchange.data_trace = settings.get("dataTraceEnabled") in (True, "true")


async def _tell(exchange: Exchange, response: Response) -> None:
    _count(exchange, response)
    if exchange.lines:
        await execution_log.write(exchange)
    settings = exchange.stage.get("accessLogSettings") or {}
    destination, line = settings.get("destinationArn"), settings.get("format")
    if destination and line:
        text = execution_log.access_line(line, exchange.context(response))
        if ":log-group:" in destination:
            await logs.write(logs.group_of(destination), f"{exchange.api_id}_{exchange.stage_name}", [text])


def _count(exchange: Exchange, response: Response) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html"""
    status = response[0]
    values: dict[str, tuple[float, str]] = {
        "Count": (1, "Count"),
        "4XXError": (float(400 <= status < 500), "Count"),
        "5XXError": (float(status >= 500), "Count"),
        "Latency": (round((time.time() - exchange.started) * 1000), "Milliseconds"),
    }
    if "integration.latency" in exchange.known:
        values["IntegrationLatency"] = (exchange.known["integration.latency"], "Milliseconds")
    assert exchange.deployment is not None
    name = {"ApiName": str(exchange.deployment.api.get("name", ""))}
    stage = {**name, "Stage": exchange.stage_name}
    dimensions: list[Mapping[str, str]] = [name, stage]
    if exchange.resource and limits.method_settings(exchange).get("metricsEnabled") in (True, "true"):
        dimensions.append(
            {**stage, "Resource": exchange.resource["path"], "Method": exchange.served["httpMethod"]}
        )
    metrics.record("AWS/ApiGateway", values, *dimensions)
