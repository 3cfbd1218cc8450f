"""Who may call a method: resource policies, signatures, user pools, functions that decide.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
Where IAM is enforced, signatures are checked before a request comes here.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.apigateway import functions
from local_aws.apigateway.exchange import Exchange, GatewayError

_CACHE_ENTRIES = 1024
_TTL_SECONDS = 300
_LONGEST_TTL_SECONDS = 3600
_Decision = tuple[Mapping[str, Any], dict[str, Any]]
_cache: dict[tuple[object, ...], tuple[float, _Decision]] = {}
_SERVER_ERROR = "Internal server error"
_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")


def reset() -> None:
    _cache.clear()


async def authorize(exchange: Exchange) -> None:
    kind = str(exchange.served.get("authorizationType") or "NONE").upper()
    policy = _policy(exchange)
    if kind == "AWS_IAM":
        _check_signature(exchange)
        if hooks.rights.enforcing():
            _check_rights(exchange)
        elif policy and _decide(exchange, policy) == "Deny":
            raise _denied_by_policy(exchange, "Deny")
        return
    if policy:
        decision = _decide(exchange, policy)
        if decision == "Deny" or (decision != "Allow" and kind == "NONE"):
            raise _denied_by_policy(exchange, decision)
    if kind == "NONE":
        return
    assert exchange.deployment is not None
    authorizer = exchange.deployment.authorizers.get(exchange.served.get("authorizerId") or "")
    if not authorizer:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _SERVER_ERROR, detail="there is no authorizer")
    started = time.perf_counter()
    exchange.say(f"Starting authorizer: {authorizer['id']} for request: {exchange.request_id}")
    try:
        if kind == "COGNITO_USER_POOLS":
            await _check_token(exchange, authorizer)
        else:
            await _ask_function(exchange, authorizer)
        exchange.known |= {"authorizer.status": 200, "authorize.status": 200}
    except GatewayError as error:
        status = {"UNAUTHORIZED": 401, "ACCESS_DENIED": 403}.get(error.response_type, 500)
        exchange.known |= {
            "authorizer.error": error.detail or error.message,
            "authorizer.status": status,
            "authorize.error": error.message,
            "authorize.status": status,
        }
        raise
    finally:
        took = round((time.perf_counter() - started) * 1000)
        exchange.known |= {"authorizer.latency": took, "authorize.latency": took}
    if policy and _decide(exchange, policy) != "Allow":
        raise _denied_by_policy(exchange, "ImplicitDeny")


# --- the API's own policy ---------------------------------------------------------------------------


def _policy(exchange: Exchange) -> str:
    """The policy of the deployed API; `execute-api:/stage/GET/path` in it is short for this API's ARN."""
    assert exchange.deployment is not None
    policy = exchange.deployment.api.get("policy") or ""
    text = policy if isinstance(policy, str) else json.dumps(policy)
    own = f"arn:aws:execute-api:{exchange.region}:{exchange.account}:{exchange.api_id}/"
    return text.replace('"execute-api:/', f'"{own}')


def _decide(exchange: Exchange, policy: str) -> str:
    # Only a signed request to a method that asks for signatures has somebody behind it.
    signed = exchange.served.get("authorizationType") == "AWS_IAM"
    return hooks.rights.decide_by_resource_policy(
        policy,
        "execute-api:Invoke",
        exchange.method_arn,
        principal=(exchange.caller.get("userArn") or "*") if signed else "*",
        source_ip=exchange.client_address,
    )


def _denied_by_policy(exchange: Exchange, decision: str) -> GatewayError:
    hidden = f"********{exchange.account[-4:]}"
    shown = exchange.method_arn.replace(f":{exchange.account}:", f":{hidden}:", 1)
    who = exchange.caller.get("userArn") or "anonymous"
    why = (
        "with an explicit deny in a resource-based policy"
        if decision == "Deny"
        else "because no resource-based policy allows the execute-api:Invoke action"
    )
    return GatewayError(
        "ACCESS_DENIED",
        f"User: {who} is not authorized to perform: execute-api:Invoke on resource: {shown} {why}",
    )


# --- signatures -------------------------------------------------------------------------------------


def _check_signature(exchange: Exchange) -> None:
    """That there is one, and that it is written as one; whose it is, enforcement has checked before."""
    if not exchange.headers.get("authorization") and "X-Amz-Signature" not in exchange.query:
        raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    wrong = hooks.apis.signature_fault(exchange.headers, exchange.query)
    if wrong:
        code, message = wrong
        raise GatewayError(
            "INVALID_SIGNATURE" if code != "IncompleteSignature" else "DEFAULT_4XX",
            message,
            error_type="IncompleteSignatureException",
        )
    misplaced = _misplaced(exchange)
    if misplaced:
        raise GatewayError("INVALID_SIGNATURE", misplaced, error_type="InvalidSignatureException")
    exchange.caller = hooks.apis.caller_of(exchange.headers, exchange.query) or {}


def _misplaced(exchange: Exchange) -> str | None:
    """That a signature is for another region or service than this.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
    """
    presented = exchange.query.get("X-Amz-Credential", [""])[0]
    found = _CREDENTIAL.search(exchange.headers.get("authorization", ""))
    scope = (found[1] if found else presented).split("/")[-4:]
    if len(scope) != 4:
        return None
    if scope[1] != exchange.region:
        return f"Credential should be scoped to a valid region, not '{scope[1]}'. "
    if scope[2] != "execute-api":
        return "Credential should be scoped to correct service: 'execute-api'. "
    return None


def _check_rights(exchange: Exchange) -> None:
    """All of the caller's policies and the API's own."""
    from local_aws import identity

    try:
        identity.authorize("execute-api:Invoke", exchange.method_arn)
    except identity.AccessDenied as denied:
        raise GatewayError("ACCESS_DENIED", str(denied)) from denied


# --- user pools -------------------------------------------------------------------------------------


async def _check_token(exchange: Exchange, authorizer: Mapping[str, Any]) -> None:
    """A token of one of the user pools: an ID token, or an access token where the method names scopes.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-enable-cognito-user-pool.html
    """
    source = authorizer.get("identitySource") or "method.request.header.Authorization"
    token = _source_value(source.split(",")[0].strip(), exchange)
    expression = authorizer.get("identityValidationExpression")
    if not token or (expression and not _fits(expression, token)):
        raise GatewayError("UNAUTHORIZED", "Unauthorized")
    claims, error = await hooks.apis.user_pool_claims(
        authorizer, exchange.served, exchange.headers, exchange.query, exchange.stage
    )
    if error:
        raise GatewayError(error, _SERVER_ERROR if error != "UNAUTHORIZED" else "Unauthorized")
    wanted = "access" if exchange.served.get("authorizationScopes") else "id"
    if claims.get("token_use") != wanted:
        raise GatewayError("UNAUTHORIZED", "Unauthorized", detail=f"the method takes {wanted} tokens")
    exchange.authorizer = {
        "claims": {name: _claim(value) for name, value in claims.items() if value is not None}
    }


def _claim(value: Any) -> str:
    """A claim as functions get it: a text; a list is its values in brackets."""
    if isinstance(value, list):
        return f"[{' '.join(str(item) for item in value)}]"
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


# --- functions --------------------------------------------------------------------------------------


async def _ask_function(exchange: Exchange, authorizer: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html"""
    ttl = _ttl(authorizer)
    event, identity = _token_event(exchange, authorizer) or _request_event(exchange, authorizer, ttl)
    slot = (
        exchange.account,
        exchange.region,
        exchange.api_id,
        exchange.stage_name,
        authorizer["id"],
        identity,
    )
    cached = _cache.get(slot)
    if ttl and cached and cached[0] > time.monotonic():
        decision = cached[1]
    else:
        decision = await _decision(exchange, authorizer, event)
        if ttl:
            _remember(slot, time.monotonic() + ttl, decision)
    policy, context = decision
    exchange.authorizer = context
    verdict = _verdict(policy, exchange.method_arn)
    if verdict != "Allow":
        raise GatewayError(
            "ACCESS_DENIED",
            "User is not authorized to access this resource"
            + (" with an explicit deny in an identity-based policy" if verdict == "Deny" else ""),
        )


def _ttl(authorizer: Mapping[str, Any]) -> int:
    given = authorizer.get("authorizerResultTtlInSeconds")
    try:
        return min(max(int(_TTL_SECONDS if given in (None, "") else str(given)), 0), _LONGEST_TTL_SECONDS)
    except ValueError:
        return _TTL_SECONDS


def _token_event(exchange: Exchange, authorizer: Mapping[str, Any]) -> tuple[dict[str, Any], object] | None:
    if str(authorizer.get("type") or "TOKEN").upper() != "TOKEN":
        return None
    source = authorizer.get("identitySource") or "method.request.header.Authorization"
    token = _source_value(source, exchange)
    expression = authorizer.get("identityValidationExpression")
    if not token or (expression and not _fits(expression, token)):
        raise GatewayError("UNAUTHORIZED", "Unauthorized")
    return {"type": "TOKEN", "methodArn": exchange.method_arn, "authorizationToken": token}, token


def _request_event(
    exchange: Exchange, authorizer: Mapping[str, Any], ttl: int
) -> tuple[dict[str, Any], object]:
    sources = [source.strip() for source in (authorizer.get("identitySource") or "").split(",")]
    values = tuple(_source_value(source, exchange) for source in sources if source)
    # Without a cache, the sources are nobody's business but the function's.
    if ttl and values and not all(values):
        raise GatewayError("UNAUTHORIZED", "Unauthorized")
    event = functions.proxy_event(exchange)
    for name in ("body", "isBase64Encoded"):
        event.pop(name)
    return {"type": "REQUEST", "methodArn": exchange.method_arn, **event}, values


def _source_value(source: str, exchange: Exchange) -> str:
    if source.startswith("method.request.header."):
        return exchange.headers.get(source.removeprefix("method.request.header.").lower(), "")
    if source.startswith("method.request.querystring."):
        return exchange.query.get(source.removeprefix("method.request.querystring."), [""])[0]
    if source.startswith("stageVariables."):
        return str(exchange.variables.get(source.removeprefix("stageVariables."), ""))
    if source.startswith("context."):
        return str(exchange.context().get(source.removeprefix("context."), ""))
    return ""


def _fits(expression: str, token: str) -> bool:
    try:
        return re.fullmatch(expression, token) is not None
    except re.error:
        raise GatewayError(
            "AUTHORIZER_CONFIGURATION_ERROR", _SERVER_ERROR, detail=f"not an expression: {expression!r}"
        ) from None


async def _decision(exchange: Exchange, authorizer: Mapping[str, Any], event: dict[str, Any]) -> _Decision:
    api = f"arn:aws:execute-api:{exchange.region}:{exchange.account}:{exchange.api_id}"
    source = f"{api}/authorizers/{authorizer['id']}"
    uri = functions.with_variables(authorizer.get("authorizerUri", ""), exchange)
    started = time.perf_counter()
    try:
        result = await functions.call(
            exchange, uri, event, source, trusted=bool(authorizer.get("authorizerCredentials"))
        )
    except functions.NotAllowed as error:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _SERVER_ERROR, detail=str(error)) from error
    exchange.known |= {
        "authorizer.integrationLatency": round((time.perf_counter() - started) * 1000),
        "authorizer.integrationStatus": 429 if result.throttled else 200,
        "authorizer.requestId": exchange.request_id,
    }
    if result.error is not None or result.throttled:
        message = (result.error or {}).get("errorMessage")
        # A function says who is unknown by failing with this one word.
        if message == "Unauthorized":
            raise GatewayError("UNAUTHORIZED", "Unauthorized")
        raise GatewayError("AUTHORIZER_FAILURE", None, detail=f"the authorizer failed: {message}")
    answer = result.payload
    policy = answer.get("policyDocument") if isinstance(answer, dict) else None
    if not isinstance(policy, dict):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _SERVER_ERROR, detail="it answered no policy")
    context: dict[str, Any] = {}
    given = answer.get("context") or {}
    if not isinstance(given, dict) or any(isinstance(value, dict | list) for value in given.values()):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _SERVER_ERROR, detail="its context is not flat")
    for name, value in given.items():
        if value is not None:
            context[name] = value if isinstance(value, str) else json.dumps(value)
    if answer.get("principalId") not in (None, ""):
        context["principalId"] = str(answer["principalId"])
    if answer.get("usageIdentifierKey"):
        context["usageIdentifierKey"] = str(answer["usageIdentifierKey"])
    return policy, context


def _remember(slot: tuple[object, ...], until: float, decision: _Decision) -> None:
    if len(_cache) >= _CACHE_ENTRIES:
        now = time.monotonic()
        for old in [key for key, (expires, _) in _cache.items() if expires <= now] or [next(iter(_cache))]:
            del _cache[old]
    _cache[slot] = (until, decision)


def _verdict(policy: Mapping[str, Any], method_arn: str) -> str:
    return hooks.rights.decide_by_policy(policy, "execute-api:Invoke", method_arn)
