"""What clients get of an error that API Gateway answers itself.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import re
from typing import Any

from local_aws.apigateway.exchange import Exchange, GatewayError, Response

_STATUS = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413,
    "RESOURCE_NOT_FOUND": 404,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "WAF_FILTERED": 403,
}
_ERROR_TYPES = {
    "ACCESS_DENIED": "AccessDeniedException",
    "API_CONFIGURATION_ERROR": "InternalServerErrorException",
    "AUTHORIZER_CONFIGURATION_ERROR": "AuthorizerConfigurationException",
    "AUTHORIZER_FAILURE": "AuthorizerConfigurationException",
    "BAD_REQUEST_BODY": "BadRequestException",
    "BAD_REQUEST_PARAMETERS": "BadRequestException",
    "DEFAULT_5XX": "InternalServerErrorException",
    "INTEGRATION_FAILURE": "InternalServerErrorException",
    "INTEGRATION_TIMEOUT": "InternalServerErrorException",
    "INVALID_API_KEY": "ForbiddenException",
    "MISSING_AUTHENTICATION_TOKEN": "MissingAuthenticationTokenException",
    "QUOTA_EXCEEDED": "LimitExceededException",
    "REQUEST_TOO_LARGE": "RequestTooLargeException",
    "THROTTLED": "TooManyRequestsException",
    "UNAUTHORIZED": "UnauthorizedException",
    "UNSUPPORTED_MEDIA_TYPE": "UnsupportedMediaTypeException",
    "WAF_FILTERED": "ForbiddenException",
}
_SPACED = {
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_5XX",
}
"""Of these, AWS writes the quoted message behind a space."""

_DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
_NAME = r"(context|stageVariables|method\.request)\.([A-Za-z](?:[\w.-]*\w)?)"
_VARIABLE = re.compile(rf"\$(?:\{{{_NAME}\}}|{_NAME})")


def respond(exchange: Exchange, error: GatewayError) -> Response:
    """The answer: by the API's response of the error's type, or its default for all 4xx or 5xx."""
    status = error.status or _STATUS.get(error.response_type, 403 if "4XX" in error.response_type else 500)
    responses = exchange.deployment.gateway_responses if exchange.deployment else {}
    own = responses.get(error.response_type)
    general = responses.get("DEFAULT_4XX" if status < 500 else "DEFAULT_5XX")
    response = own or general or {}
    given = (own or {}).get("statusCode") or (
        None if error.response_type in _STATUS else (general or {}).get("statusCode")
    )
    if error.status is None and given:
        status = int(given)

    headers: dict[str, tuple[str, str]] = {"content-type": ("Content-Type", "application/json")}
    for name, source in (response.get("responseParameters") or {}).items():
        value = _mapped(source, exchange)
        if name.startswith("gatewayresponse.header.") and value is not None:
            header = name.removeprefix("gatewayresponse.header.")
            headers[header.lower()] = (header, value)
    error_type = error.error_type or _ERROR_TYPES.get(error.response_type)
    if error_type:
        headers["x-amzn-errortype"] = ("x-amzn-ErrorType", error_type)

    template = (response.get("responseTemplates") or {}).get("application/json")
    if template is None:
        # A denied caller's message is written with a capital where nobody has chosen otherwise.
        denied = error.response_type == "ACCESS_DENIED" and not response
        template = _DEFAULT_TEMPLATE.replace("message", "Message", 1) if denied else _DEFAULT_TEMPLATE
    return status, dict(headers.values()), _rendered(template, exchange, status).encode()


def _rendered(template: str, exchange: Exchange, status: int) -> str:
    context: dict[str, Any] = {**exchange.context(), "status": status}
    # Without a message, its text in quotes is null.
    quoted = context.get("error.messageString", "null")
    spaced = exchange.error is not None and exchange.error.response_type in _SPACED
    context["error.messageString"] = f" {quoted}" if spaced else quoted

    def value(found: re.Match[str]) -> str:
        kind, name = found[1] or found[3], found[2] or found[4]
        if kind == "context":
            return str(context.get(name, ""))
        if kind == "stageVariables":
            return exchange.variables.get(name, "")
        return _request_value(name, exchange) or ""

    return _VARIABLE.sub(value, template)


def _mapped(source: Any, exchange: Exchange) -> str | None:
    if not isinstance(source, str):
        return None
    if len(source) >= 2 and source[0] == source[-1] == "'":
        return source[1:-1]
    if source.startswith("method.request."):
        return _request_value(source.removeprefix("method.request."), exchange)
    if source.startswith("stageVariables."):
        return exchange.variables.get(source.removeprefix("stageVariables."))
    if source.startswith("context."):
        value = exchange.context().get(source.removeprefix("context."))
        return None if value is None else str(value)
    return None


def _request_value(name: str, exchange: Exchange) -> str | None:
    """A parameter of the request: `header.x-name`, `querystring.name`, `path.name`, `body`."""
    kind, _, key = name.partition(".")
    if kind == "header":
        return exchange.headers.get(key.lower())
    if kind == "querystring":
        values = exchange.query.get(key)
        return values[-1] if values else None
    if kind == "path":
        return exchange.path_parameters.get(key)
    if kind == "body" and not key:
        return exchange.body.decode("utf-8", "replace")
    return None
