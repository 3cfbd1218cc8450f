"""AWS's JSON protocol over HTTP: how a request is read and a refusal is written."""

from __future__ import annotations

import json
from collections.abc import Mapping

from local_aws.errors import ServiceError

Answer = tuple[int, dict[str, str], bytes]

_TYPE = {"Content-Type": "application/x-amz-json-1.1"}


def parsed(body: bytes) -> Mapping[str, object]:
    """The members of a request. Raises ServiceError for a body that is no JSON object."""
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "the body is not a JSON object")
    return request


def success(found: object) -> Answer:
    return 200, dict(_TYPE), json.dumps(found).encode()


def refusal(error: ServiceError) -> Answer:
    members = {"__type": error.code, "message": error.message, "Message": error.message, **error.members}
    return error.status, {**_TYPE, "x-amzn-errortype": error.code}, json.dumps(members).encode()
