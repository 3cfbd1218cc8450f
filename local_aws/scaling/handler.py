"""Application Auto Scaling over HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.scaling import operations

logger = logging.getLogger("local_aws.scaling")

_TARGET = "AnyScaleFrontendService."
_TYPE = {"Content-Type": "application/x-amz-json-1.1"}
_Answer = tuple[int, dict[str, str], bytes]


async def handle(
    method: str,  # noqa: ARG001 - all is in the headers and the body
    path: str,  # noqa: ARG001
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, list[str]],  # noqa: ARG001
) -> _Answer:
    """Every request has a thread of its own: what it does may call this server back."""
    answer: _Answer = await hooks.on_own_thread(_answer, headers.get("x-amz-target", ""), body)
    return answer


def _answer(target: str, body: bytes) -> _Answer:
    try:
        found = operations.call(target.removeprefix(_TARGET), _parsed(body))
        return 200, dict(_TYPE), json.dumps(found).encode()
    except ServiceError as error:
        return _refusal(error)
    except Exception:
        logger.exception("%s failed", target)
        return _refusal(ServiceError("InternalServiceException", "the local AWS failed, see its log", 500))


def _parsed(body: bytes) -> Mapping[str, object]:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "the body is not a JSON object")
    return request


def _refusal(error: ServiceError) -> _Answer:
    members = {"__type": error.code, "message": error.message, "Message": error.message, **error.members}
    return error.status, {**_TYPE, "x-amzn-errortype": error.code}, json.dumps(members).encode()
