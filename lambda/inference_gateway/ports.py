"""What the gateway needs from where the models are served."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from runtime_common.deadline import Deadline

State = Literal[
    "in-service", "updating", "creating", "loading", "failed", "deleting", "out-of-service", "missing"
]
SERVING: frozenset[State] = frozenset({"in-service", "updating"})
"""The states in which a model answers."""


class Prediction(NamedTuple):
    content_type: str
    body: bytes


class EndpointFault(Exception):
    """Why there is no answer. The text is for the log: it may hold internal names."""


class ModelRefused(EndpointFault):
    """The model answered with 4xx."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ModelFailed(EndpointFault):
    """The model answered with 5xx."""


class NotInService(EndpointFault):
    """The model's state is another one."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state


class Throttled(EndpointFault):
    """Too many requests for the service; this one has not run."""


class Unavailable(EndpointFault):
    """The service was not reached, or says to try again; the model has not run."""


class AnswerFailed(EndpointFault):
    """The service failed, or the answer was lost; the model may have run."""


class AnswerTooLarge(EndpointFault):
    """The answer is longer than asked for."""


class RequestTooLarge(EndpointFault):
    """The endpoint takes less than this."""


class TooSlow(EndpointFault):
    """No answer within the time."""


class Endpoints(Protocol):
    """Where the models are served. Both raise :class:`EndpointFault`, and end with the deadline."""

    def invoke(
        self,
        endpoint: str,
        *,
        body: bytes,
        content_type: str,
        accept: str | None,
        deadline: Deadline,
        limit_bytes: int,
    ) -> Prediction: ...

    def state(self, endpoint: str, *, deadline: Deadline) -> State: ...
