"""Application Auto Scaling over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.json_protocol import Answer, parsed, refusal, success
from local_aws.scaling import operations

logger = logging.getLogger("local_aws.scaling")

_TARGET = "AnyScaleFrontendService."


async def handle(
    method: str,  # noqa: ARG001 - all is in the headers and the body
    path: str,  # noqa: ARG001
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, list[str]],  # noqa: ARG001
) -> Answer:
    """Every request has a thread of its own: what it does may call this server back."""
    answer: Answer = await hooks.request.on_own_thread(_answer, headers.get("x-amz-target", ""), body)
    return answer


def _answer(target: str, body: bytes) -> Answer:
    try:
        found = operations.call(target.removeprefix(_TARGET), parsed(body))
        return success(found)
    except ServiceError as error:
        return refusal(error)
    except Exception:
        logger.exception("%s failed", target)
        return refusal(ServiceError("InternalServiceException", "the local AWS failed, see its log", 500))
