"""The gateway itself: a request in, an answer or a :class:`Problem` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from inference_gateway import limit, payload
from inference_gateway.answer import Answer
from inference_gateway.caller import BETWEEN, Caller
from inference_gateway.catalogue import Lookup, Model, Seen
from inference_gateway.ports import (
    HAS_NOT_RUN,
    AnswerTooLarge,
    EndpointFault,
    Endpoints,
    Features,
    FeaturesUnavailable,
    KeysUnknown,
    ModelFailed,
    ModelRefused,
    NotCounted,
    NotInService,
    QuotaUsedUp,
    RegisterFailed,
    RequestTooLarge,
    State,
    StoreFailed,
    TargetMissing,
    Throttled,
    TooSlow,
    Unavailable,
)
from inference_gateway.problem import (
    ANSWER_FAILED,
    ANSWER_TOO_LARGE,
    BODY_TOO_LARGE,
    FEATURES_UNAVAILABLE,
    MODEL_FAILED,
    MODEL_REFUSED,
    NOT_COUNTED,
    NOT_IN_SERVICE,
    NOT_OFFERED,
    QUOTA_USED_UP,
    TEMPORARILY_UNAVAILABLE,
    THROTTLED,
    TOO_SLOW,
    UNKNOWN_KEY,
    UNKNOWN_MODEL,
    UNKNOWN_TARGET,
    UNREADABLE_REQUEST,
    UNSUPPORTED_CONTENT_TYPE,
    Problem,
)
from inference_gateway.routes import (
    DESCRIBE_MODEL,
    DOCUMENT,
    HEALTH,
    INVOKE_MODEL,
    LIST_MODELS,
    Question,
)
from runtime_common.deadline import Deadline

if TYPE_CHECKING:
    from inference_gateway.enrichment import Rows
    from inference_gateway.jobs import Jobs
    from inference_gateway.launched import Launched
    from inference_gateway.quota import Meter
    from inference_gateway.schema import Check
    from inference_gateway.shape import Shape

NO_SUCH_MODEL = "GET /models lists those there are"
"""Also where there is one, and the caller may not ask it: nobody learns of it."""
_RETRY_THROTTLED_SECONDS = 1
_RETRY_UNAVAILABLE_SECONDS = 5
_RETRY_NOT_IN_SERVICE_SECONDS = 30


class Request(NamedTuple):
    body: str | None = None
    is_base64: bool = False
    content_type: str | None = None
    accept: str | None = None
    idempotency_key: str | None = None
    query: Mapping[str, str] = {}
    caller: Caller = Caller("anybody")
    id: str = ""


class Desks(Protocol):
    """Where orders for later are taken."""

    def jobs(self, model: Model) -> Jobs: ...

    def batches(self, model: Model) -> Jobs: ...


class Gateway:
    """`desks` makes them when the first order comes, and `features` when the first are looked up: a model
    that answers at once from what it is sent needs none. `launched` is for models that are not among
    `models`, where people launch some."""

    def __init__(
        self,
        models: Mapping[str, Model],
        endpoints: Endpoints,
        desks: Callable[[], Desks],
        meter: Meter,
        features: Callable[[], Features],
        launched: Callable[[], Launched] | None = None,
    ) -> None:
        self._models = models
        self._endpoints = endpoints
        self._desks = desks
        self._meter = meter
        self._features = features
        self._launched = launched
        self._checks: dict[str, tuple[Check, Shape | None]] = {}

    def model(self, name: str, caller: Caller, deadline: Deadline) -> Model:
        """The one that the caller means. Raises :class:`Problem`."""
        found = None
        if caller.sees(name):
            found = self._models.get(name)
            if BETWEEN in name and self._launched is not None:
                try:
                    found = self._launched().model(name, deadline)
                except RegisterFailed as fault:
                    raise _unseen(fault) from fault
        if found is None:
            raise _no_such_model()
        return found

    def answer(self, asked: Question, model: Model | None, request: Request, deadline: Deadline) -> Answer:
        """`model` is that of the path. Raises :class:`Problem`."""
        route, caller = asked.route, request.caller
        if route == HEALTH:
            return Answer.of_json({"status": "ok"})
        if route == LIST_MODELS:
            models, unseen, reason = self._seen(caller, deadline)
            listed: dict[str, object] = {"models": [{"name": each.name} for each in models]}
            return Answer.of_json(listed | ({"unseen": unseen} if unseen else {}), reason=reason)
        if route == DOCUMENT:
            from inference_gateway import openapi  # asked for once in a while

            models, unseen, reason = self._seen(caller, deadline)
            return Answer.of_json(openapi.document(models, unseen), reason=reason)
        assert model is not None
        if route == DESCRIBE_MODEL:
            return self._describe(model, caller, deadline)
        way = asked.route.path.split("/")[3]
        if way not in model.ways:
            ways = " or ".join(f"/models/{model.name}/{way}" for way in model.ways)
            raise Problem(
                NOT_OFFERED, f"its mode is {model.mode}, use {ways}", members={"ways": list(model.ways)}
            )
        try:
            if route == INVOKE_MODEL:
                return self._invoke(model, request, deadline)
            desk = self._desks().jobs(model) if way == "jobs" else self._desks().batches(model)
            return self._order(desk, asked, model, request, deadline)
        except NotInService as fault:
            self._check_is_there(model, fault.state)
            raise _problem(fault, model) from fault
        except EndpointFault as fault:
            raise _problem(fault, model) from fault

    def _seen(self, caller: Caller, deadline: Deadline) -> Seen:
        """All that the caller may know of."""
        found = Seen([model for name, model in self._models.items() if caller.sees(name)])
        if self._launched is not None and caller.launched != frozenset():
            more = self._launched().seen(caller.launched, deadline)
            found = more._replace(models=[*found.models, *more.models])
        return found._replace(models=sorted(found.models, key=lambda model: model.name))

    def _check_is_there(self, model: Model, state: State) -> None:
        """A launched model is gone with its endpoint, and one of the file is not."""
        if state == "missing" and model.name not in self._models and self._launched is not None:
            self._launched().forget(model.name)
            raise _no_such_model()

    def _describe(self, model: Model, caller: Caller, deadline: Deadline) -> Answer:
        state: State | Literal["on-demand", "unknown"] = "on-demand"
        reason = None
        if model.endpoint is not None:
            try:
                state = self._endpoints.state(model.endpoint, deadline=deadline.within(limit.STATE_SECONDS))
            except EndpointFault as fault:
                # All else is known, so this is worth an answer.
                state, reason = "unknown", f"{type(fault).__name__}: {fault}"
            else:
                self._check_is_there(model, state)
        limits: dict[str, object] = {"request_bytes": payload.body_bytes(model)}
        if "invocations" in model.ways:
            limits |= {"answer_bytes": payload.body_bytes(model), "seconds": limit.MODEL_SECONDS}
        if model.features is not None:
            limits["rows"] = limit.KEYS
        if "jobs" in model.ways:
            limits |= {"job_upload_bytes": limit.JOB_BYTES, "job_seconds": limit.ANSWER_SECONDS}
        if "batches" in model.ways:
            limits["batch_upload_bytes"] = limit.BATCH_BYTES
        description: dict[str, object] = {
            "name": model.name,
            "state": state,
            "mode": model.mode,
            "ways": model.ways,
            "content_types": model.content_types,
            "limits": limits,
        }
        quota = caller.quotas.get(model.name)
        if quota is not None:
            description["quota"] = {"requests": quota.requests, "per": quota.per}
        if model.targets:
            description["targets"] = True
        if model.features is not None:
            description["key"] = payload.key(model.features, model.content_types)
        if model.schema is not None:
            description["schema"] = model.schema
        if model.example is not None:
            description["example"] = model.example
        return Answer.of_json(description, reason=reason)

    def _invoke(self, model: Model, request: Request, deadline: Deadline) -> Answer:
        body = payload.decoded(request.body, is_base64=request.is_base64)
        payload.check(body, request.content_type, model, *self._checks_of(model))
        content_type = payload.header("Content-Type", request.content_type)
        accept = payload.header("Accept", request.accept)
        target = payload.target(request.query.get("target")) if model.targets else None
        rows = None if model.features is None else self._rows(model.features, body, content_type or "")
        assert model.endpoint is not None
        quota = request.caller.quotas.get(model.name)
        self._meter.spend(quota, deadline)
        try:
            if model.features is not None and rows is not None:
                body = self._filled(model.features, rows, deadline)
            prediction = self._endpoints.invoke(
                model.endpoint,
                body=body,
                content_type=content_type or "",
                accept=accept,
                component=model.component,
                target=target,
                deadline=deadline,
                limit_bytes=payload.body_bytes(model),
            )
        except HAS_NOT_RUN as fault:
            self._meter.give_back(quota, fault, deadline)
            raise
        return Answer(prediction.content_type, prediction.body)

    def _rows(self, lookup: Lookup, body: bytes, content_type: str) -> Rows:
        from inference_gateway.enrichment import rows  # not paid for where no model asks for features

        return rows(body, content_type, lookup)

    def _filled(self, lookup: Lookup, rows: Rows, deadline: Deadline) -> bytes:
        known = self._features().known(lookup, rows.keys, deadline)
        misfits = rows.without(known)
        if misfits:
            raise KeysUnknown(misfits)
        try:
            return rows.filled(known)
        except ValueError as error:
            raise FeaturesUnavailable("a value is not of its feature's type") from error

    def _order(
        self, desk: Jobs, asked: Question, model: Model, request: Request, deadline: Deadline
    ) -> Answer:
        if asked.route.method == "GET":
            return desk.describe(request.caller, asked.item, deadline, request.id)
        if asked.route.method == "DELETE":
            return desk.delete(request.caller, asked.item, deadline)
        body = payload.decoded(request.body, is_base64=request.is_base64)
        if asked.item:
            if body:
                raise Problem(UNREADABLE_REQUEST, "a start has no body: its input is what was uploaded")
            return desk.start(request.caller, asked.item, deadline)
        upload = payload.choice("input", request.query.get("input"), ("body", "upload")) == "upload"
        payload.check(body, request.content_type, model, *self._checks_of(model), empty=upload)
        from inference_gateway.jobs import Ask  # there is a desk, so this is not the first time

        ask = Ask(
            body=body,
            content_type=payload.header("Content-Type", request.content_type) or "",
            accept=payload.header("Accept", request.accept),
            idempotency_key=payload.idempotency_key(request.idempotency_key),
            upload=upload,
        )
        return desk.create(request.caller, ask, deadline)

    def _checks_of(self, model: Model) -> tuple[Check | None, Shape | None]:
        if model.schema is None:
            return None, None
        if model.name not in self._checks:
            from inference_gateway.schema import compiled  # not paid for where no model has one
            from inference_gateway.shape import shape

            self._checks[model.name] = compiled(model.schema), shape(model.schema)
        return self._checks[model.name]


def _no_such_model() -> Problem:
    """The name itself is the client's, and stays out of the answer."""
    return Problem(UNKNOWN_MODEL, NO_SUCH_MODEL)


def _unseen(fault: RegisterFailed) -> Problem:
    return Problem(
        TEMPORARILY_UNAVAILABLE,
        "whether there is such a model could not be looked up, try again later",
        headers=_retry_after(_RETRY_UNAVAILABLE_SECONDS),
        reason=f"{type(fault).__name__}: {fault}",
    )


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
        case QuotaUsedUp():
            return Problem(
                QUOTA_USED_UP,
                f"this client may ask this model {fault.requests} times a {fault.per}: try again when the"
                " next one begins (in UTC, weeks on Sunday)",
                headers=_retry_after(fault.seconds),
                members={"quota": {"requests": fault.requests, "per": fault.per}},
            )
        case KeysUnknown():
            return payload.misfitting(UNKNOWN_KEY, fault.misfits)
        case FeaturesUnavailable():
            return Problem(
                FEATURES_UNAVAILABLE,
                "the features could not be looked up, and the model was not asked: try again later",
                headers=_retry_after(_RETRY_UNAVAILABLE_SECONDS),
                reason=reason,
            )
        case NotCounted():
            return Problem(
                NOT_COUNTED,
                "the request could not be counted, and the model was not asked: try again later",
                headers=_retry_after(_RETRY_UNAVAILABLE_SECONDS),
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
        case TargetMissing():
            return Problem(UNKNOWN_TARGET, "there is no such artifact in the models' folder", reason=reason)
        case StoreFailed():
            return Problem(
                TEMPORARILY_UNAVAILABLE,
                "what there is of jobs could not be looked up, try again later",
                headers=_retry_after(_RETRY_UNAVAILABLE_SECONDS),
                reason=reason,
            )
    return Problem(ANSWER_FAILED, "no answer came back, and the model may have run", reason=reason)


def _retry_after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
