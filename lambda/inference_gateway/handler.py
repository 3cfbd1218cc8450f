"""The function that AWS runs: API Gateway's events in, its answers out, one line of log for each.

Environment: MODELS (see `catalogue.parse`; what is too long for it is in `models.json` beside the
packages), API_KEYS and APP_CLIENTS (ids by the names of the clients in `clients.json`, see `client.parse`;
without that file, whom API Gateway lets in may ask all models), JOBS_BUCKET, JOBS_KEY and BATCH_PREFIX where
models take jobs or batches, QUOTA_TABLE where clients have quotas of models, ORIGINS where web pages may
call; AWS_REGION and the credentials that Lambda sets; for a service that is elsewhere, AWS_ENDPOINT_URL or
AWS_ENDPOINT_URL_<service> (SAGEMAKER_RUNTIME, SAGEMAKER, SAGEMAKER_FEATURESTORE_RUNTIME, S3, DYNAMODB), and
AWS_CA_BUNDLE with the certificates to trust there. Where people launch models, `launched.json` says of
which teams (see `launched.parse`).

Called twice with one event, it asks the model twice, unless the event has an idempotency key.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Protocol

from inference_gateway import catalogue, client, limit
from inference_gateway.adapters import SageMaker, SageMakerEndpoints
from inference_gateway.answer import Answer
from inference_gateway.caller import caller
from inference_gateway.gateway import NO_SUCH_MODEL, Desks, Gateway, Request
from inference_gateway.metric import metrics
from inference_gateway.ports import Counter, Features
from inference_gateway.problem import CONTENT_TYPE, INTERNAL_ERROR, UNKNOWN_MODEL, Problem
from inference_gateway.quota import Meter
from inference_gateway.routes import Question, methods_of, question
from runtime_common.connection import KeptConnection, Origin
from runtime_common.deadline import Deadline
from runtime_common.signature_v4 import Credentials

if TYPE_CHECKING:
    from inference_gateway.launched import Launched

_TEXT_BYTES = 1_000_000
"""What is answered as text may become six times as long in JSON, and has to stay below 6 MB."""

_ROOT = __file__.rsplit("/", 2)[0]
_DESCRIBED = _ROOT + "/models.json"
_CLIENTS = _ROOT + "/clients.json"
_LAUNCHED = _ROOT + "/launched.json"
_REQUEST_HEADERS = (
    "Accept, Authorization, Content-Type, Idempotency-Key, X-Amz-Content-Sha256, X-Amz-Date,"
    " X-Amz-Security-Token, X-Api-Key"
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Context(Protocol):
    """What is used of Lambda's context."""

    @property
    def aws_request_id(self) -> str: ...

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: object, context: Context) -> dict[str, object]:
    """Answers an event of a REST API's proxy integration (payload 1.0), whatever it holds.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    started = time.monotonic()
    fields = _mapping(event)
    request_id = _request_id(fields, context)
    headers = {str(name).lower(): value for name, value in _mapping(fields.get("headers")).items()}
    log: dict[str, object] = {"level": "INFO", "request_id": request_id}
    try:
        method, path = _text(fields.get("httpMethod")) or "", _path(fields)
        log |= {"method": method[:20], "path": path[:200]}
        left = context.get_remaining_time_in_millis() / 1000 - limit.RESERVE_SECONDS
        deadline = Deadline(min(limit.MODEL_SECONDS, left))
        if method == "OPTIONS" and _origins():
            answer = _preflight(path)
        else:
            asked = question(method, path)
            gateway = _gateway()
            log["route"] = asked.route.operation
            request = _request(fields, headers, request_id)
            log["caller"] = request.caller.identity
            _check_resource(fields, asked)
            model = gateway.model(asked.model, request.caller, deadline) if asked.model else None
            if model is not None:
                log["model"] = model.name
            answer = gateway.answer(asked, model, request, deadline)
        status, more = answer.status, dict(answer.headers)
    except Problem as problem:
        status, more, answer = _problem_answer(problem, request_id)
        log["problem"] = problem.kind.name
    except Exception:  # noqa: BLE001 - the one place where a bug becomes an answer, and is told in full
        import traceback  # costs 8 ms, for what should never happen

        failure = Problem(INTERNAL_ERROR, "this is not your fault: quote the request id when you report it")
        status, more, answer = _problem_answer(failure, request_id)
        log |= {"level": "ERROR", "problem": failure.kind.name, "trace": traceback.format_exc()}
    if answer.reason:
        log["reason"] = answer.reason
    if log["level"] == "INFO" and (status >= 500 or answer.reason):
        log["level"] = "WARNING"
    log |= {"status": status, "answer_bytes": len(answer.body)}
    milliseconds = (time.monotonic() - started) * 1000
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown")
    print(json.dumps(log | metrics(log, status, milliseconds, function=function, now=time.time())))
    if answer.content_type:
        more["Content-Type"] = answer.content_type
    more |= {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Request-Id": request_id}
    more |= _shared_with(_text(headers.get("origin")))
    return {"statusCode": status, "headers": more, **_body(answer)}


@cache
def _gateway() -> Gateway:
    environment = os.environ
    described = _text_of(_DESCRIBED) or "{}"
    region, credentials = environment["AWS_REGION"], _credentials()
    sagemaker = SageMaker(
        runtime=_connection("SAGEMAKER_RUNTIME", f"https://runtime.sagemaker.{region}.amazonaws.com"),
        control=_connection("SAGEMAKER", f"https://api.sagemaker.{region}.amazonaws.com"),
        features=_connection(
            "SAGEMAKER_FEATURESTORE_RUNTIME", f"https://featurestore-runtime.sagemaker.{region}.amazonaws.com"
        ),
        region=region,
        credentials=credentials,
        trace=lambda: environment.get("_X_AMZN_TRACE_ID"),
    )
    models = catalogue.parse(environment["MODELS"], described)

    @cache
    def counter() -> Counter:
        from inference_gateway.counter import TableCounter  # not paid for where nobody has a quota

        connection = _connection("DYNAMODB", f"https://dynamodb.{region}.amazonaws.com")
        table = environment["QUOTA_TABLE"]
        return TableCounter(connection, table, region=region, credentials=credentials)

    meter = Meter(counter)

    @cache
    def features() -> Features:
        from inference_gateway.feature_store import FeatureStore  # not paid for where no model asks for them

        return FeatureStore(sagemaker)

    @cache
    def desks() -> Desks:
        from inference_gateway.desks import AwsDesks  # not paid for where nothing is asked for later

        bucket = environment["JOBS_BUCKET"]
        elsewhere = _elsewhere("S3")
        url = f"{elsewhere.rstrip('/')}/{bucket}" if elsewhere else None
        return AwsDesks(
            sagemaker,
            bucket=bucket,
            connection=_connection_to(url or f"https://{bucket}.s3.{region}.amazonaws.com"),
            region=region,
            credentials=credentials,
            name_prefix=environment.get("BATCH_PREFIX", ""),
            key_id=environment.get("JOBS_KEY"),
            new_id=lambda: os.urandom(16).hex(),
            meter=meter,
        )

    offered = _text_of(_LAUNCHED)

    @cache
    def launched() -> Launched:
        from inference_gateway.launched import Launched, parse  # not paid for where nobody asks for any
        from inference_gateway.register import EndpointRegister

        return Launched(EndpointRegister(sagemaker), parse(offered or "{}"))

    return Gateway(
        models,
        SageMakerEndpoints(sagemaker),
        desks,
        meter,
        features,
        None if offered is None else launched,
    )


@cache
def _clients() -> client.Clients | None:
    described = _text_of(_CLIENTS)
    if described is None:
        return None
    return client.parse(described, os.environ.get("API_KEYS", "{}"), os.environ.get("APP_CLIENTS", "{}"))


def _text_of(file_name: str) -> str | None:
    try:
        with open(file_name, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs 5 ms
            return file.read()
    except FileNotFoundError:
        return None


def _check_resource(fields: Mapping[object, object], asked: Question) -> None:
    """A model that has resources of its own is asked there, where its limits are: a name that API Gateway
    reads in another way than we do leads around them to the resource of all the others."""
    clients = _clients()
    if clients is None or asked.model not in clients.own_resources:
        return
    if "{model}" in (_text(fields.get("resource")) or ""):
        raise Problem(UNKNOWN_MODEL, NO_SUCH_MODEL)


def _connection(service: str, default: str) -> KeptConnection:
    return _connection_to(_elsewhere(service) or default)


def _connection_to(url: str) -> KeptConnection:
    return KeptConnection(Origin.of(url), ca_bundle=os.environ.get("AWS_CA_BUNDLE"))


def _elsewhere(service: str) -> str | None:
    return os.environ.get(f"AWS_ENDPOINT_URL_{service}") or os.environ.get("AWS_ENDPOINT_URL")


def _credentials() -> Credentials:
    return Credentials(
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ.get("AWS_SESSION_TOKEN") or None,
    )


@cache
def _origins() -> frozenset[str]:
    """Of web pages that may read answers."""
    return frozenset(os.environ.get("ORIGINS", "").split())


def _preflight(path: str) -> Answer:
    """What a browser asks before it sends what a page of another origin wants.

    https://fetch.spec.whatwg.org/#cors-preflight-request
    """
    headers = {
        "Access-Control-Allow-Methods": ", ".join(methods_of(path)),
        "Access-Control-Allow-Headers": _REQUEST_HEADERS,
        "Access-Control-Max-Age": "7200",
    }
    return Answer("", b"", status=204, headers=headers)


def _shared_with(origin: str | None) -> dict[str, str]:
    if not _origins():
        return {}
    if origin is None or not _origins() & {origin, "*"}:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Location, Retry-After, X-Request-Id",
        "Vary": "Origin",
    }


def _problem_answer(problem: Problem, request_id: str) -> tuple[int, dict[str, str], Answer]:
    document = json.dumps(problem.document(request_id)).encode()
    return problem.kind.status, dict(problem.headers), Answer(CONTENT_TYPE, document, problem.reason)


def _request(fields: Mapping[object, object], headers: Mapping[str, object], request_id: str) -> Request:
    query = _mapping(fields.get("queryStringParameters")).items()
    return Request(
        body=_text(fields.get("body")),
        is_base64=fields.get("isBase64Encoded") is True,
        content_type=_text(headers.get("content-type")),
        accept=_text(headers.get("accept")),
        idempotency_key=_text(headers.get("idempotency-key")),
        query={str(name): str(value) for name, value in query},
        caller=caller(_mapping(fields.get("requestContext")), _clients()),
        id=request_id,
    )


def _path(fields: Mapping[object, object]) -> str:
    """The path below the API's root.

    The event's `path` begins with what a custom domain maps the API to; the resource does not.
    """
    resource = _text(fields.get("resource"))
    if resource is None:
        return _text(fields.get("path")) or ""
    for name, value in _mapping(fields.get("pathParameters")).items():
        for parameter in (f"{{{name}}}", f"{{{name}+}}"):
            resource = resource.replace(parameter, str(value))
    return resource


def _body(answer: Answer) -> dict[str, object]:
    """Text as text, the rest in base64.

    API Gateway turns base64 into bytes only if the request's Accept header is one of its binary media
    types, and not every client sends one.
    """
    media_type = answer.content_type.partition(";")[0].strip().lower()
    is_text = media_type.startswith("text/") or media_type.endswith(("/json", "+json"))
    if is_text and len(answer.body) <= _TEXT_BYTES:
        try:
            return {"body": answer.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # text in another encoding: as binary as any
    return {"body": base64.b64encode(answer.body).decode(), "isBase64Encoded": True}


def _request_id(fields: Mapping[object, object], context: Context) -> str:
    """The id in API Gateway's access log, and in what the client is answered."""
    given = _text(_mapping(fields.get("requestContext")).get("requestId"))
    return given if given and _REQUEST_ID.fullmatch(given) else context.aws_request_id


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
