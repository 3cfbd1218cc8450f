"""Requests of the Feature Store runtime, read from HTTP as its service model says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.model import ListShape, OperationModel, ServiceModel, StructureShape

from local_aws import request_validation
from local_aws.errors import ServiceError

_NAME = "FeatureGroupName"


def concerns(method: str, path: str) -> bool:
    """Whether it is a request of this API."""
    return _operation_of(method, path) is not None


def parsed(method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation and its request. Raises `ServiceError`."""
    found = _operation_of(method, path)
    assert found is not None
    model, name = found
    shape = model.input_shape
    assert isinstance(shape, StructureShape)
    request = _body(body) if method != "GET" and body else {}
    if name is not None:
        request[_NAME] = name
    for member, inside in shape.members.items():
        values = query.get(inside.serialization.get("name", ""))
        if inside.serialization.get("location") == "querystring" and values:
            request[member] = list(values) if isinstance(inside, ListShape) else values[0]
    try:
        request_validation.check(shape, request)
    except ServiceError as error:
        raise ServiceError("ValidationError", error.message) from error
    return model.name, {member: value for member, value in request.items() if value is not None}


def _body(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except ValueError as error:
        raise ServiceError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "the body is not a JSON object")
    return request


def _operation_of(method: str, path: str) -> tuple[OperationModel, str | None] | None:
    for wanted, pattern, model in _routes():
        match = pattern.fullmatch(path) if wanted == method else None
        if match is not None:
            return model, unquote(match[_NAME]) if _NAME in match.groupdict() else None
    return None


@cache
def _routes() -> list[tuple[str, re.Pattern[str], OperationModel]]:
    """Method, path and operation; a group's name may be an ARN, which has a slash."""
    return [
        (model.http["method"], re.compile(_pattern(model.http["requestUri"])), model)
        for model in (_service().operation_model(name) for name in _service().operation_names)
    ]


def _pattern(uri: str) -> str:
    name = f"(?P<{_NAME}>(?:arn(?::|%3A)[^/]+(?:/|%2F))?[^/]+)"
    return re.escape(uri).replace(re.escape(f"{{{_NAME}}}"), name)


@cache
def _service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker-featurestore-runtime")
