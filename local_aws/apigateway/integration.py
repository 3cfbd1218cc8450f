"""What answers a method: a function, a service of AWS, a web server, or the template of a mock.

https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-integration-settings.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.apigateway import aws_service, functions, mapping, vtl
from local_aws.apigateway.exchange import Exchange, GatewayError, Response
from local_aws.apigateway.validation import content_type

logger = logging.getLogger("local_aws.apigateway")

_DEFAULT_MILLISECONDS = 29000
_SERVER_ERROR = "Internal server error"
_REMAPPED = {
    "authorization",
    "connection",
    "content-length",
    "date",
    "host",
    "server",
    "user-agent",
    "www-authenticate",
}
"""Headers that API Gateway keeps for itself: an integration's go by `x-amzn-Remapped-…`.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html"""

_MOCK_STATUS = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})\b""")
_PROXY_MEMBERS = {
    "statusCode": None,
    "headers": dict,
    "multiValueHeaders": dict,
    "body": str,
    "isBase64Encoded": bool,
}


async def integrate(exchange: Exchange) -> Response:
    """The answer of the method's integration, in the time that it has."""
    integration = exchange.integration
    limit = float(integration.get("timeoutInMillis") or _DEFAULT_MILLISECONDS) / 1000
    kind = str(integration.get("type") or "MOCK").upper()
    attempt = {
        "AWS": _service,
        "AWS_PROXY": _function_proxy,
        "HTTP": _http,
        "HTTP_PROXY": _http,
        "MOCK": _mock,
    }.get(kind)
    if attempt is None:
        raise GatewayError("API_CONFIGURATION_ERROR", _SERVER_ERROR, detail=f"an integration of type {kind}")
    if attempt is _mock:
        return await _mock(exchange)
    started = time.perf_counter()
    # What was called goes on when API Gateway has given up: it is left alone, not cancelled.
    call = asyncio.create_task(attempt(exchange))
    await asyncio.wait({call}, timeout=limit)
    latency = round((time.perf_counter() - started) * 1000)
    exchange.known |= {"integration.latency": latency, "integrationLatency": latency}
    if not call.done():
        call.add_done_callback(_forget)
        exchange.known |= {"integration.status": 504, "integrationStatus": 504}
        raise GatewayError(
            "INTEGRATION_TIMEOUT",
            "Endpoint request timed out",
            detail="Execution failed due to a timeout error",
        )
    try:
        return call.result()
    except vtl.TemplateError as error:
        raise GatewayError(
            "API_CONFIGURATION_ERROR", _SERVER_ERROR, detail=f"Unable to transform: {error}"
        ) from error


def _forget(call: asyncio.Task[Response]) -> None:
    if not call.cancelled() and call.exception() is not None:
        logger.info("what API Gateway has not waited for failed: %s", call.exception())


# --- functions --------------------------------------------------------------------------------------


def _source_arn(exchange: Exchange) -> str:
    """Which method calls, for a function's policy: the resource's path, its braces and all, as `*`."""
    path = re.sub(r"\{[^}]*\}", "*", str(exchange.resource["path"]))
    where = f"{exchange.api_id}/{exchange.stage_name}/{exchange.method}{path}"
    return f"arn:aws:execute-api:{exchange.region}:{exchange.account}:{where}"


async def _function_proxy(exchange: Exchange) -> Response:
    event = functions.proxy_event(exchange)
    try:
        functions.check_size(event)
    except functions.EventTooLarge:
        raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long") from None
    exchange.trace("Endpoint request body after transformations", json.dumps(event))
    result = await _called(exchange, event)
    if result.error is not None:
        exchange.known |= {"integration.error": result.error.get("errorMessage")}
        raise GatewayError(
            "DEFAULT_5XX",
            _SERVER_ERROR,
            detail=f"Lambda execution failed with status 200 due to customer function error: "
            f"{result.error.get('errorMessage')}",
            status=502,
        )
    exchange.trace("Endpoint response body before transformations", json.dumps(result.payload))
    return _proxy_response(exchange, result.payload)


async def _called(exchange: Exchange, event: Any) -> functions.Result:
    integration = exchange.integration
    uri = functions.with_variables(integration.get("uri", ""), exchange)
    exchange.known |= {
        "integration.requestId": exchange.request_id,
        "awsEndpointRequestId": exchange.request_id,
    }
    try:
        result = await functions.call(
            exchange, uri, event, _source_arn(exchange), trusted=bool(integration.get("credentials"))
        )
    except functions.NotAllowed as error:
        raise GatewayError("API_CONFIGURATION_ERROR", _SERVER_ERROR, detail=str(error)) from error
    status = 429 if result.throttled else 200
    exchange.known |= {
        "integration.status": status,
        "integrationStatus": status,
        "integration.integrationStatus": status,
    }
    if result.throttled:
        # https://repost.aws/knowledge-center/api-gateway-internal-server-error
        raise GatewayError(
            "API_CONFIGURATION_ERROR",
            _SERVER_ERROR,
            detail="Lambda invocation failed with status: 429. Rate Exceeded.",
        )
    return result


def _proxy_response(exchange: Exchange, payload: Any) -> Response:
    """A function's answer as it is documented; what is wrong with it is kept from the client.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
    """
    wrong = malformed(payload)
    if wrong is not None:
        raise GatewayError(
            "DEFAULT_5XX",
            _SERVER_ERROR,
            detail=f"Execution failed due to configuration error: Malformed Lambda proxy response: {wrong}",
            status=502,
        )
    headers: dict[str, tuple[str, Any]] = {"content-type": ("Content-Type", "application/json")}
    for name, value in (payload.get("headers") or {}).items():
        if value is not None:
            headers[name.lower()] = (name, _header_text(value))
    for name, values in (payload.get("multiValueHeaders") or {}).items():
        if values:
            headers[name.lower()] = (name, [_header_text(value) for value in values])
    status = int(payload.get("statusCode") or 200)
    exchange.known |= {"integration.status": status, "integrationStatus": 200}
    text = payload.get("body") or ""
    body = text.encode()
    if payload.get("isBase64Encoded") and functions.is_binary(exchange, exchange.headers.get("accept")):
        try:
            body = base64.b64decode(text, validate=True)
        except ValueError:
            raise GatewayError(
                "DEFAULT_5XX", _SERVER_ERROR, detail="Unable to base64 decode the body.", status=500
            ) from None
    return status, _remapped(headers), body


def _header_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _remapped(headers: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    return {
        f"x-amzn-Remapped-{name}" if key in _REMAPPED else name: value
        for key, (name, value) in headers.items()
        if key != "transfer-encoding"
    }


def malformed(payload: Any) -> str | None:
    """What is wrong with a function's answer. Nothing in it is needed, and nothing else may be in it."""
    if not isinstance(payload, dict):
        return f"{type(payload).__name__} instead of an object"
    more = payload.keys() - _PROXY_MEMBERS.keys() - {"cookies"}
    if more:
        return f"{', '.join(sorted(more))} is no member of it"
    status = payload.get("statusCode")
    if status is not None and (isinstance(status, bool) or not re.fullmatch(r"[1-5]\d\d", str(status))):
        return f"statusCode is {status!r}"
    for name, kind in _PROXY_MEMBERS.items():
        if kind is not None and not isinstance(payload.get(name), kind | None):
            return f"{name} is {type(payload[name]).__name__} instead of {kind.__name__}"
    for name, value in (payload.get("headers") or {}).items():
        if isinstance(value, dict | list):
            return f"the header {name} is {type(value).__name__} instead of str"
    for name, values in (payload.get("multiValueHeaders") or {}).items():
        if not isinstance(values, list):
            return f"the header {name} is {type(values).__name__} instead of list"
    if len((payload.get("body") or "").encode("utf-8", "replace")) > functions.PAYLOAD_BYTES:
        return f"it is larger than {functions.PAYLOAD_BYTES} bytes"
    return None


async def _service(exchange: Exchange) -> Response:
    """A service of AWS that is called with what a template says: a function, or any other."""
    uri = functions.with_variables(exchange.integration.get("uri", ""), exchange)
    body, overrides = _request_body(exchange)
    if "/functions/" in uri or ":lambda:path" in uri:
        try:
            event = json.loads(body or "{}")
        except ValueError:
            raise GatewayError("BAD_REQUEST_BODY", "Could not parse request body into json") from None
        asynchronous = exchange.integration.get("requestParameters", {}).get(
            "integration.request.header.X-Amz-Invocation-Type"
        )
        if asynchronous == "'Event'":
            hooks.functions.keep_running(_called(exchange, event))
            return _mapped_response(exchange, 202, {}, "", "")
        result = await _called(exchange, event)
        if result.error is not None:
            text = json.dumps(result.error)
            return _mapped_response(exchange, 200, {}, text, str(result.error.get("errorMessage") or ""))
        return _mapped_response(exchange, 200, {}, json.dumps(result.payload), "")
    if not exchange.integration.get("credentials"):
        raise GatewayError(
            "API_CONFIGURATION_ERROR",
            _SERVER_ERROR,
            detail="API Gateway does not have permission to assume the provided role",
        )
    headers = _request_headers(exchange) | _overridden(overrides, "header")
    query = _request_parameters(exchange, "querystring") | _overridden(overrides, "querystring")
    status, answered, content = await aws_service.call(
        uri, str(exchange.integration.get("httpMethod") or "POST"), headers, query, body
    )
    exchange.known |= {"integration.status": status, "integrationStatus": status}
    text = content.decode("utf-8", "replace")
    return _mapped_response(exchange, status, answered, text, str(status))


# --- requests ---------------------------------------------------------------------------------------


def _request_body(exchange: Exchange) -> tuple[str, Mapping[str, Any]]:
    """The body by the template of its type, and what the template overrides."""
    body = exchange.body.decode("utf-8", "replace")
    if exchange.integration.get("contentHandling") == "CONVERT_TO_TEXT" and functions.is_binary(
        exchange, exchange.headers.get("content-type")
    ):
        body = base64.b64encode(exchange.body).decode()
    templates = {
        name.split(";")[0].strip().lower(): template
        for name, template in (exchange.integration.get("requestTemplates") or {}).items()
    }
    template = templates.get(content_type(exchange), templates.get("$default"))
    if template is None:
        return body, {}
    scope = mapping.scope(exchange, body)
    rendered = vtl.render(template, scope)
    exchange.trace("Endpoint request body after transformations", rendered)
    return rendered, scope["context"].get("requestOverride") or {}


def _request_headers(exchange: Exchange) -> dict[str, str]:
    mapped = _request_parameters(exchange, "header")
    return {"content-type": exchange.headers.get("content-type", "application/json"), **mapped}


def _overridden(overrides: Mapping[str, Any], kind: str) -> dict[str, str]:
    """What a template sets of the request: `$context.requestOverride.header.x-name`."""
    given = overrides.get(kind) or {}
    return {name.lower() if kind == "header" else name: vtl.text(value) for name, value in given.items()}


def _request_parameters(exchange: Exchange, kind: str) -> dict[str, str]:
    prefix = f"integration.request.{kind}."
    found = {}
    for name, source in (exchange.integration.get("requestParameters") or {}).items():
        if name.startswith(prefix):
            value = mapping.request_parameter(source, exchange)
            if value is not None:
                key = name.removeprefix(prefix)
                found[key.lower() if kind == "header" else key] = value
    return found


async def _http(exchange: Exchange) -> Response:
    """A web server: with `HTTP_PROXY` it gets the request as it came, with `HTTP` what is mapped.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/setup-http-integrations.html
    """
    integration = exchange.integration
    proxy = str(integration.get("type")).upper() == "HTTP_PROXY"
    query: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    overrides: Mapping[str, Any] = {}
    if proxy:
        query = [(name, value) for name, values in exchange.query.items() for value in values]
        sent, _ = exchange.forwarded_headers()
        headers = {name.lower(): value for name, value in sent.items()}
        headers |= _request_parameters(exchange, "header")
        body = exchange.body
        chosen = integration.get("httpMethod")
        method = exchange.method if chosen in (None, "ANY") else chosen
    else:
        text, overrides = _request_body(exchange)
        headers = _request_headers(exchange) | _overridden(overrides, "header")
        body = text.encode()
        method = integration.get("httpMethod") or exchange.method
    mapped = _request_parameters(exchange, "querystring") | _overridden(overrides, "querystring")
    query += mapped.items()
    address = functions.with_variables(integration.get("uri", ""), exchange)
    parts = exchange.path_parameters | _request_parameters(exchange, "path") | _overridden(overrides, "path")
    for name, value in parts.items():
        for written in (f"{{{name}}}", f"{{{name}+}}"):
            address = address.replace(written, urllib.parse.quote(value, safe="/"))
    if query:
        address += ("&" if "?" in address else "?") + urllib.parse.urlencode(query)
    for name in ("host", "content-length", "connection", "transfer-encoding"):
        headers.pop(name, None)
    exchange.say(f"Sending request to {address}")
    status, answered, content = await asyncio.to_thread(_fetch, address, method, headers, body)
    exchange.known |= {"integration.status": status, "integrationStatus": status}
    if proxy:
        named: dict[str, tuple[str, Any]] = {}
        for name, value in answered:
            held = named.get(name.lower())
            named[name.lower()] = (name, value if held is None else [*_as_list(held[1]), value])
        return status, _remapped(named), content
    text = content.decode("utf-8", "replace")
    return _mapped_response(exchange, status, dict(answered), text, str(status))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class _AsItComes(urllib.request.HTTPRedirectHandler):
    """A redirection is the client's business."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _fetch(
    address: str, method: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    if not address.startswith(("http://", "https://")):
        raise GatewayError("API_CONFIGURATION_ERROR", _SERVER_ERROR, detail="Invalid endpoint address")
    request = urllib.request.Request(address, data=body or None, headers=dict(headers), method=method)  # noqa: S310 - checked above
    try:
        with urllib.request.build_opener(_AsItComes).open(request, timeout=30) as answer:
            return answer.status, list(answer.headers.items()), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, list(error.headers.items()), error.read()
    except (OSError, ValueError) as error:
        raise GatewayError(
            "API_CONFIGURATION_ERROR", _SERVER_ERROR, detail=f"Invalid endpoint address: {error}"
        ) from error


# --- answers ----------------------------------------------------------------------------------------


async def _mock(exchange: Exchange) -> Response:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html"""
    try:
        body, _ = _request_body(exchange)
    except vtl.TemplateError as error:
        raise GatewayError(
            "API_CONFIGURATION_ERROR", _SERVER_ERROR, detail=f"Unable to transform request: {error}"
        ) from error
    # It need not be JSON: names without quotes will do.
    found = _MOCK_STATUS.search(body)
    if not found:
        raise GatewayError(
            "API_CONFIGURATION_ERROR",
            _SERVER_ERROR,
            detail="Execution failed due to configuration error: Unable to parse statusCode. It should be an "
            "integer that is defined in the request template.",
        )
    status = int(found[1])
    exchange.known |= {"integration.status": status, "integrationStatus": status}
    try:
        return _mapped_response(exchange, status, {}, "", str(status))
    except vtl.TemplateError as error:
        raise GatewayError(
            "API_CONFIGURATION_ERROR", _SERVER_ERROR, detail=f"Unable to transform response: {error}"
        ) from error


def _mapped_response(
    exchange: Exchange, status: int, headers: Mapping[str, Any], body: str, selected_by: str
) -> Response:
    """The integration's answer through the integration response whose pattern it fits.

    The pattern is compared with the status, or with a failed function's message.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-integration-settings-integration-response.html
    """
    responses = list((exchange.integration.get("integrationResponses") or {}).values())
    chosen = _selected(responses, selected_by)
    if chosen is None:
        raise GatewayError(
            "API_CONFIGURATION_ERROR",
            _SERVER_ERROR,
            detail="Execution failed due to configuration error: No match for output mapping and no default "
            f"output mapping configured. Endpoint Response Status Code: {status}",
        )
    wanted = str(chosen.get("statusCode") or 200)
    if wanted not in (exchange.served.get("methodResponses") or {}):
        raise GatewayError(
            "API_CONFIGURATION_ERROR",
            _SERVER_ERROR,
            detail=f"Execution failed due to configuration error: Output mapping refers to an invalid method "
            f"response: {wanted}",
        )
    status = int(wanted)
    templates = chosen.get("responseTemplates") or {}
    media_type, template = _template_for(templates, exchange.headers.get("accept", ""))
    answered: dict[str, Any] = {"Content-Type": media_type}
    for name, source in (chosen.get("responseParameters") or {}).items():
        value = mapping.response_parameter(source, exchange, headers, body)
        if name.startswith("method.response.header.") and value is not None:
            answered = {key: kept for key, kept in answered.items() if key.lower() != name[23:].lower()}
            answered[name[23:]] = value
    text = body
    if template is not None:
        scope = mapping.scope(exchange, body)
        text = vtl.render(template, scope)
        override = scope["context"].get("responseOverride") or {}
        if str(override.get("status", "")).isdigit():
            status = int(override["status"])
        answered |= {str(name): vtl.text(value) for name, value in (override.get("header") or {}).items()}
        exchange.trace("Method response body after transformations", text)
    content = text.encode()
    if chosen.get("contentHandling") == "CONVERT_TO_BINARY":
        try:
            content = base64.b64decode(text, validate=True)
        except ValueError:
            raise GatewayError(
                "API_CONFIGURATION_ERROR", _SERVER_ERROR, detail="Unable to base64 decode the body."
            ) from None
    return status, answered, content


def _selected(responses: list[Mapping[str, Any]], selected_by: str) -> Mapping[str, Any] | None:
    default = None
    for response in responses:
        pattern = response.get("selectionPattern")
        if not pattern:
            default = default or response
        elif selected_by and re.fullmatch(pattern, selected_by, re.DOTALL):
            return response
    return default


def _template_for(templates: Mapping[str, str], accept: str) -> tuple[str, str | None]:
    """The template of the first type that the client accepts, else of JSON, else any."""
    if not templates:
        return "application/json", None
    for wanted in (part.split(";")[0].strip() for part in accept.split(",")):
        if wanted in templates:
            return wanted, templates[wanted]
    name = "application/json" if "application/json" in templates else next(iter(templates))
    return name, templates[name]
