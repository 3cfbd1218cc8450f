"""The function that AWS runs: API Gateway's events in, its answers out, one line of log for each.

Environment: MODELS (see `catalogue.parse`), AWS_REGION and the credentials that Lambda sets; for a
service that is elsewhere, AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME, AWS_ENDPOINT_URL_SAGEMAKER or
AWS_ENDPOINT_URL, and AWS_CA_BUNDLE with the certificates to trust there.

Called twice with one event, it asks the model twice: nothing is stored here.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Mapping
from functools import cache
from typing import Protocol

from inference_gateway import catalogue, limit
from inference_gateway.adapters import SageMakerEndpoints
from inference_gateway.gateway import Answer, Gateway, Request
from inference_gateway.problem import CONTENT_TYPE, INTERNAL_ERROR, Problem
from runtime_common.connection import KeptConnection, Origin
from runtime_common.deadline import Deadline
from runtime_common.signature_v4 import Credentials

_TEXT_BYTES = 1_000_000
"""What is answered as text may become six times as long in JSON, and has to stay below 6 MB."""

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
    log: dict[str, object] = {"level": "INFO", "request_id": request_id}
    try:
        request = _request(fields)
        log |= {"method": request.method[:20], "path": request.path[:200]}
        left = context.get_remaining_time_in_millis() / 1000 - limit.RESERVE_SECONDS
        answer = _gateway().answer(request, Deadline(min(limit.MODEL_SECONDS, left)))
        status, headers = 200, {"Content-Type": answer.content_type}
    except Problem as problem:
        status, headers, answer = _problem_answer(problem, request_id)
        log |= {"problem": problem.kind.name}
    except Exception:  # noqa: BLE001 - the one place where a bug becomes an answer, and is told in full
        import traceback  # costs 8 ms, for what should never happen

        failure = Problem(INTERNAL_ERROR, "this is not your fault: quote the request id when you report it")
        status, headers, answer = _problem_answer(failure, request_id)
        log |= {"level": "ERROR", "problem": failure.kind.name, "trace": traceback.format_exc()}
    if answer.reason:
        log["reason"] = answer.reason
    if log["level"] == "INFO" and (status >= 500 or answer.reason):
        log["level"] = "WARNING"
    elapsed = (time.monotonic() - started) * 1000
    print(json.dumps(log | {"status": status, "answer_bytes": len(answer.body), "ms": round(elapsed, 1)}))
    headers |= {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
    }
    return {"statusCode": status, "headers": headers, **_body(answer)}


@cache
def _gateway() -> Gateway:
    environment = os.environ
    region = environment["AWS_REGION"]
    everything = environment.get("AWS_ENDPOINT_URL")
    runtime, control = (
        KeptConnection(
            Origin.of(environment.get(f"AWS_ENDPOINT_URL_{service}") or everything or default),
            ca_bundle=environment.get("AWS_CA_BUNDLE"),
        )
        for service, default in (
            ("SAGEMAKER_RUNTIME", f"https://runtime.sagemaker.{region}.amazonaws.com"),
            ("SAGEMAKER", f"https://api.sagemaker.{region}.amazonaws.com"),
        )
    )
    credentials = Credentials(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        environment.get("AWS_SESSION_TOKEN") or None,
    )
    endpoints = SageMakerEndpoints(runtime=runtime, control=control, region=region, credentials=credentials)
    return Gateway(catalogue.parse(environment["MODELS"]), endpoints)


def _problem_answer(problem: Problem, request_id: str) -> tuple[int, dict[str, str], Answer]:
    document = json.dumps(problem.document(request_id)).encode()
    headers = {**problem.headers, "Content-Type": CONTENT_TYPE}
    return problem.kind.status, headers, Answer(CONTENT_TYPE, document, problem.reason)


def _request(fields: Mapping[object, object]) -> Request:
    headers = {str(name).lower(): value for name, value in _mapping(fields.get("headers")).items()}
    return Request(
        method=_text(fields.get("httpMethod")) or "",
        path=_path(fields),
        body=_text(fields.get("body")),
        is_base64=fields.get("isBase64Encoded") is True,
        content_type=_text(headers.get("content-type")),
        accept=_text(headers.get("accept")),
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
