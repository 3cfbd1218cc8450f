"""SageMaker over HTTP: requests to its control plane and to its runtimes arrive under one signing name."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.identity import AccessDenied
from local_aws.identity import sagemaker as identity
from local_aws.sagemaker import callers, control, runtime
from local_aws.sagemaker.feature_store import requests as record_requests
from local_aws.sagemaker.feature_store import runtime as records

logger = logging.getLogger("local_aws.sagemaker")

_TARGET = "SageMaker."
_Answer = tuple[int, dict[str, str], bytes]


async def handle(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, list[str]],
) -> _Answer:
    """Every request has a thread of its own: what it does may call this server back."""
    answer: _Answer = await hooks.request.on_own_thread(_answer, method, path, dict(headers), body, query)
    return answer


def _answer(
    method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
) -> _Answer:
    target = headers.get("x-amz-target", "")
    content_type = "application/x-amz-json-1.1" if target else "application/json"
    try:
        if not target and record_requests.concerns(method, path):
            name, asked = record_requests.parsed(method, path, query, body)
            identity.authorize_records(name, asked)
            return 200, {"Content-Type": content_type}, json.dumps(records.call(name, asked)).encode()
        if not target:
            identity.authorize_invocation(path, headers)
            return runtime.answer(method, path, headers, body)
        operation, request = target.removeprefix(_TARGET), _parsed(body)
        identity.authorize(operation, request)
        callers.remember(headers)
        found = control.call(operation, request)
        return 200, {"Content-Type": content_type}, json.dumps(found).encode()
    except ServiceError as error:
        return _refusal(error, content_type)
    except AccessDenied as denied:
        status = 400 if target else 403
        return _refusal(ServiceError("AccessDeniedException", str(denied), status), content_type)
    except Exception:
        logger.exception("%s %s %s failed", method, path, target)
        return _refusal(
            ServiceError("InternalFailure", "the local AWS failed, see its log", 500), content_type
        )


def _parsed(body: bytes) -> Mapping[str, object]:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "the body is not a JSON object")
    return request


def _refusal(error: ServiceError, content_type: str) -> _Answer:
    members = {"__type": error.code, "message": error.message, "Message": error.message, **error.members}
    headers = {"Content-Type": content_type, "x-amzn-errortype": error.code}
    return error.status, headers, json.dumps(members).encode()
