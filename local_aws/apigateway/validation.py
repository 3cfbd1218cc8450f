"""What API Gateway refuses of a request before anything is called: parameters, bodies, types.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import json
from typing import Any

from local_aws.apigateway.exchange import Exchange, GatewayError
from local_aws.apigateway.json_schema import InvalidModel, faults


def check(exchange: Exchange) -> None:
    assert exchange.deployment is not None
    validator = exchange.deployment.validators.get(exchange.served.get("requestValidatorId") or "")
    if validator and validator.get("validateRequestParameters"):
        _check_parameters(exchange)
    if validator and validator.get("validateRequestBody"):
        _check_body(exchange)
    _check_type(exchange)


def _check_parameters(exchange: Exchange) -> None:
    missing = []
    for name, required in (exchange.served.get("requestParameters") or {}).items():
        kind, _, key = name.removeprefix("method.request.").partition(".")
        if not required:
            continue
        if kind == "header":
            found: Any = exchange.headers.get(key.lower())
        elif kind == "querystring":
            found = exchange.query.get(key, [""])[-1]
        else:
            found = exchange.path_parameters.get(key)
        if not found:
            missing.append(key)
    if missing:
        message = f"Missing required request parameters: [{', '.join(missing)}]"
        raise GatewayError("BAD_REQUEST_PARAMETERS", message, validation=message)


def _check_body(exchange: Exchange) -> None:
    """Against the model of the body's type, or the one for `$default`; without either, nothing is checked."""
    assert exchange.deployment is not None
    models = exchange.served.get("requestModels") or {}
    name = str(models.get(content_type(exchange)) or models.get("$default") or "")
    if name not in exchange.deployment.models:
        return
    schemas = {each: _schema(model) for each, model in exchange.deployment.models.items()}
    try:
        body = json.loads(exchange.body)
    except (ValueError, RecursionError):
        raise _bad_body("Unable to parse the request body as JSON") from None
    try:
        wrong = faults(schemas[name], body, schemas)
    except (InvalidModel, RecursionError) as error:
        raise GatewayError(
            "DEFAULT_5XX", "Internal server error", detail=f"model '{name}': {error}"
        ) from error
    if wrong:
        raise _bad_body(f"[{', '.join(wrong)}]")


def _bad_body(what: str) -> GatewayError:
    return GatewayError("BAD_REQUEST_BODY", "Invalid request body", validation=what)


def _schema(model: Any) -> Any:
    text = model.get("schema")
    if not isinstance(text, str):
        return text or {}
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _check_type(exchange: Exchange) -> None:
    """A type that no template takes is passed through, or refused.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
    """
    integration = exchange.integration
    templates = integration.get("requestTemplates") or {}
    behavior = integration.get("passthroughBehavior") or "WHEN_NO_MATCH"
    if integration.get("type") in ("AWS_PROXY", "HTTP_PROXY"):
        return
    known = {name.split(";")[0].strip().lower() for name in templates}
    refused = behavior == "NEVER" or (behavior == "WHEN_NO_TEMPLATES" and templates)
    if refused and content_type(exchange) not in known and "$default" not in known:
        raise GatewayError("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")


def content_type(exchange: Exchange) -> str:
    sent = exchange.headers.get("content-type") or "application/json"
    return sent.split(";")[0].strip().lower()
