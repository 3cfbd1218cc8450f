"""The gateway itself: a request in, an answer or a :class:`Problem` out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from inference_gateway import limit, payload
from inference_gateway.catalogue import Model
from inference_gateway.ports import (
    AnswerTooLarge,
    EndpointFault,
    Endpoints,
    ModelFailed,
    ModelRefused,
    NotInService,
    RequestTooLarge,
    Throttled,
    TooSlow,
    Unavailable,
)
from inference_gateway.problem import (
    ANSWER_FAILED,
    ANSWER_TOO_LARGE,
    BODY_TOO_LARGE,
    MODEL_FAILED,
    MODEL_REFUSED,
    NOT_IN_SERVICE,
    TEMPORARILY_UNAVAILABLE,
    THROTTLED,
    TOO_SLOW,
    UNKNOWN_MODEL,
    UNSUPPORTED_CONTENT_TYPE,
    Problem,
)
from inference_gateway.routes import DescribeModel, InvokeModel, ListModels, question
from runtime_common.deadline import Deadline

_RETRY_THROTTLED_SECONDS = 1
_RETRY_UNAVAILABLE_SECONDS = 5
_RETRY_NOT_IN_SERVICE_SECONDS = 30


class Request(NamedTuple):
    method: str
    path: str
    body: str | None = None
    is_base64: bool = False
    content_type: str | None = None
    accept: str | None = None


class Answer(NamedTuple):
    content_type: str
    body: bytes
    reason: str | None = None
    """What the log should know of an answer that is not all it could be."""


class Gateway:
    def __init__(self, models: Mapping[str, Model], endpoints: Endpoints) -> None:
        self._models = models
        self._endpoints = endpoints

    def answer(self, request: Request, deadline: Deadline) -> Answer:
        match question(request.method, request.path):
            case ListModels():
                return _json({"models": [{"name": name} for name in sorted(self._models)]})
            case DescribeModel(name):
                return self._describe(self._model(name), deadline)
            case InvokeModel(name):
                return self._invoke(self._model(name), request, deadline)

    def _model(self, name: str) -> Model:
        try:
            return self._models[name]
        except KeyError:
            # The name itself is the client's, and stays out of the answer.
            raise Problem(UNKNOWN_MODEL, "GET /models lists those there are") from None

    def _describe(self, model: Model, deadline: Deadline) -> Answer:
        state: str
        reason = None
        try:
            state = self._endpoints.state(model.endpoint, deadline=deadline.within(limit.STATE_SECONDS))
        except EndpointFault as fault:
            # All else is known, so this is worth an answer.
            state, reason = "unknown", f"{type(fault).__name__}: {fault}"
        description: dict[str, object] = {
            "name": model.name,
            "state": state,
            "content_types": model.content_types,
            "limits": {
                "request_bytes": limit.BODY_BYTES,
                "answer_bytes": limit.BODY_BYTES,
                "seconds": limit.MODEL_SECONDS,
            },
        }
        if model.example is not None:
            description["example"] = model.example
        return _json(description, reason)

    def _invoke(self, model: Model, request: Request, deadline: Deadline) -> Answer:
        body = payload.decoded(request.body, is_base64=request.is_base64)
        payload.check(body, request.content_type, model)
        content_type = payload.header("Content-Type", request.content_type)
        accept = payload.header("Accept", request.accept)
        try:
            prediction = self._endpoints.invoke(
                model.endpoint,
                body=body,
                content_type=content_type or "",
                accept=accept,
                deadline=deadline,
                limit_bytes=limit.BODY_BYTES,
            )
        except EndpointFault as fault:
            raise _problem(fault, model) from fault
        return Answer(prediction.content_type, prediction.body)


def _problem(fault: EndpointFault, model: Model) -> Problem:
    """What a client may know of a fault: whose it is, and what to do next."""
    reason = f"{type(fault).__name__}: {fault}"
    match fault:
        case ModelRefused(status=415):
            accepted = " or ".join(model.content_types)
            return Problem(
                UNSUPPORTED_CONTENT_TYPE,
                f"the model itself refused the content type, send {accepted}",
                members={"accepts": list(model.content_types)},
                reason=reason,
            )
        case ModelRefused(status=status):
            return Problem(
                MODEL_REFUSED,
                f"the model answered with status {status}: compare the body with GET /models/{model.name}",
                members={"model_status": status},
                reason=reason,
            )
        case ModelFailed():
            return Problem(MODEL_FAILED, "the model could not answer this request", reason=reason)
        case NotInService(state=state):
            return Problem(
                NOT_IN_SERVICE,
                f"its state is '{state}', try again later",
                headers=_retry_after(_RETRY_NOT_IN_SERVICE_SECONDS),
                members={"state": state},
                reason=reason,
            )
        case Throttled():
            return Problem(
                THROTTLED,
                "the model gets more requests than it can take, try again later",
                headers=_retry_after(_RETRY_THROTTLED_SECONDS),
                reason=reason,
            )
        case Unavailable():
            return Problem(
                TEMPORARILY_UNAVAILABLE,
                "the model has not seen this request, try again later",
                headers=_retry_after(_RETRY_UNAVAILABLE_SECONDS),
                reason=reason,
            )
        case TooSlow():
            return Problem(
                TOO_SLOW,
                f"the model did not answer in time, and has {limit.MODEL_SECONDS:.0f} seconds at most:"
                " send fewer rows at a time",
                reason=reason,
            )
        case AnswerTooLarge():
            return Problem(
                ANSWER_TOO_LARGE,
                f"it has more than {limit.BODY_BYTES} bytes: send fewer rows at a time",
                members={"limit_bytes": limit.BODY_BYTES},
                reason=reason,
            )
        case RequestTooLarge():
            return Problem(
                BODY_TOO_LARGE, "the model's endpoint takes less: send fewer rows at a time", reason=reason
            )
    return Problem(ANSWER_FAILED, "no answer came back, and the model may have run", reason=reason)


def _retry_after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}


def _json(value: object, reason: str | None = None) -> Answer:
    return Answer("application/json", json.dumps(value).encode(), reason)
