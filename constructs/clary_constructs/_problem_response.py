"""What API Gateway answers by itself, as problem details (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

from clary_constructs._api_client import Authorization
from constructs import Construct


@dataclass(frozen=True)
class _Problem:
    """An answer of one type. Without a status, API Gateway's own is left alone."""

    response: apigateway.ResponseType
    slug: str
    title: str
    detail: str
    status: int | None = None
    retry_after_seconds: int | None = None


_TYPE = apigateway.ResponseType
_FORBIDDEN = ("forbidden", "The caller may not do this")
_REFUSED = ("bad-request", "The request cannot be answered")
_NOTHING_HERE = ("unknown-route", "There is nothing at this path")
_THROTTLED = ("throttled", "Too many requests")
_FAILED = ("internal-error", "The gateway failed")

_FOR_EVERYBODY = (
    _Problem(_TYPE.ACCESS_DENIED, *_FORBIDDEN, "the caller is not one of this API's clients", 403),
    _Problem(
        _TYPE.EXPIRED_TOKEN,
        *_FORBIDDEN,
        "the signature or the token has expired: sign the request again, or get a new token",
        403,
    ),
    _Problem(_TYPE.INVALID_API_KEY, *_FORBIDDEN, "send a valid API key in the header x-api-key", 403),
    _Problem(
        _TYPE.INVALID_SIGNATURE,
        *_FORBIDDEN,
        "the signature does not fit the request, sign it with Signature Version 4 for execute-api",
        403,
    ),
    _Problem(
        _TYPE.UNAUTHORIZED,
        *_FORBIDDEN,
        "send a valid access token in the header Authorization, for at least one model",
        401,
    ),
    _Problem(
        _TYPE.WAF_FILTERED,
        *_FORBIDDEN,
        "the firewall stopped the request: it looks like an attack, or one address sends too many",
        403,
    ),
    _Problem(_TYPE.BAD_REQUEST_PARAMETERS, *_REFUSED, "a parameter that the route needs is missing", 400),
    _Problem(_TYPE.BAD_REQUEST_BODY, *_REFUSED, "the body is not what the route takes", 400),
    _Problem(_TYPE.RESOURCE_NOT_FOUND, *_NOTHING_HERE, "GET /openapi.json says which paths there are", 404),
    _Problem(
        _TYPE.REQUEST_TOO_LARGE,
        "body-too-large",
        "The body is too large",
        # A body travels to the function in base64, a third larger; what is larger than 6 MB then is refused
        # by the same response as what is larger than API Gateway's own limit.
        "a request may have 10 MB, and about 4.5 MB where its body goes to a function: send less at once, or"
        " upload it where the model takes jobs",
        413,
    ),
    _Problem(
        _TYPE.UNSUPPORTED_MEDIA_TYPE,
        "unsupported-content-type",
        "The model does not take this content type",
        "GET /models/{model} says which types the model takes",
        415,
    ),
    _Problem(
        _TYPE.THROTTLED,
        *_THROTTLED,
        "the client sends more requests a second than it may, slow down",
        429,
        retry_after_seconds=1,
    ),
    _Problem(
        _TYPE.QUOTA_EXCEEDED,
        "quota-used-up",
        "The quota is used up",
        "the client has sent all the requests that its plan allows",
        429,
        retry_after_seconds=3600,
    ),
    _Problem(
        _TYPE.INTEGRATION_TIMEOUT,
        "too-slow",
        "The model took too long",
        "no answer came within the 29 seconds that API Gateway waits",
        504,
    ),
    _Problem(_TYPE.INTEGRATION_FAILURE, *_FAILED, "no answer came, and the model may have run", 502),
    _Problem(_TYPE.API_CONFIGURATION_ERROR, *_FAILED, "this API is not set up properly", 500),
    _Problem(_TYPE.AUTHORIZER_CONFIGURATION_ERROR, *_FAILED, "this API is not set up properly", 500),
    _Problem(_TYPE.AUTHORIZER_FAILURE, *_FAILED, "the caller could not be recognised, try again", 500),
    # These two stand for all that is not named above: the status is API Gateway's own.
    _Problem(_TYPE.DEFAULT_4_XX, *_REFUSED, "API Gateway refused the request"),
    _Problem(_TYPE.DEFAULT_5_XX, *_FAILED, "no answer came, and the model may have run"),
)

# An unknown path answers "Missing Authentication Token", too (API Gateway Developer Guide,
# "Gateway response types"). Where nothing is signed, that is all it can mean.
_NOT_FOUND = _Problem(
    _TYPE.MISSING_AUTHENTICATION_TOKEN,
    *_NOTHING_HERE,
    "this API has no such path, GET /openapi.json says which there are",
    404,
)
_NO_SUCH_ROUTE = {
    "api-key": _NOT_FOUND,
    "cognito": _NOT_FOUND,
    "iam": _Problem(
        _TYPE.MISSING_AUTHENTICATION_TOKEN,
        *_FORBIDDEN,
        "the request is not signed (Signature Version 4, execute-api), or there is no such path",
        403,
    ),
}


def add_problem_responses(
    scope: Construct,
    api: apigateway.IRestApi,
    authorization: Authorization,
    namespace: str,
    origins: Sequence[str] = (),
) -> None:
    """Gives every gateway response a problem for a body; its type is `urn:<namespace>:problem:<slug>`.

    The template is chosen as application/json, API Gateway's default; the header says what it is. With
    `origins`, web pages can read it: of several, API Gateway cannot choose the one that asks, and what it
    answers by itself is nobody's secret.
    """
    allowed = origins[0] if len(origins) == 1 else "*"
    for problem in (*_FOR_EVERYBODY, _NO_SUCH_ROUTE[authorization]):
        body = {
            "type": f"urn:{namespace}:problem:{problem.slug}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "instance": f"urn:{namespace}:request:$context.requestId",
            "request_id": "$context.requestId",
        }
        headers = {"Content-Type": "'application/problem+json'"}
        if origins:
            headers["Access-Control-Allow-Origin"] = f"'{allowed}'"
        if problem.retry_after_seconds is not None:
            headers["Retry-After"] = f"'{problem.retry_after_seconds}'"
        name = problem.response.response_type
        apigateway.GatewayResponse(
            scope,
            "".join(word.capitalize() for word in name.split("_")),
            rest_api=api,
            type=problem.response,
            status_code=None if problem.status is None else str(problem.status),
            response_headers=headers,
            templates={
                "application/json": json.dumps(
                    {member: value for member, value in body.items() if value is not None}
                )
            },
        )
