"""What the gateway needs from where the models are served, and from where jobs are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from runtime_common.deadline import Deadline

if TYPE_CHECKING:
    from inference_gateway.catalogue import Lookup
    from inference_gateway.payload import Misfit

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


class TargetMissing(EndpointFault):
    """The endpoint has many models, and none of this name."""


class StoreFailed(EndpointFault):
    """Where jobs are kept could not be asked."""


class KeysUnknown(EndpointFault):
    """Of some rows' keys no features are known; the model was not asked."""

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        super().__init__(f"{len(misfits)} keys")
        self.misfits = misfits


class FeaturesUnavailable(EndpointFault):
    """Features could not be looked up; the model was not asked."""


class RegisterFailed(EndpointFault):
    """Which models have been launched could not be looked up; none was asked."""


class QuotaUsedUp(EndpointFault):
    """The client has asked the model as often as it may, until `seconds` from now."""

    def __init__(self, requests: int, per: str, seconds: int) -> None:
        super().__init__(f"{requests} per {per}")
        self.requests = requests
        self.per = per
        self.seconds = seconds


class NotCounted(EndpointFault):
    """Whether the client may still ask the model could not be found out; it was not asked."""


HAS_NOT_RUN = (
    FeaturesUnavailable,
    KeysUnknown,
    NotCounted,
    NotInService,
    QuotaUsedUp,
    RequestTooLarge,
    StoreFailed,
    TargetMissing,
    Throttled,
    Unavailable,
)
"""After these the model is certain not to have run, and not to run later."""


class Counter(Protocol):
    """Where requests are counted. Both raise :class:`NotCounted`."""

    def add(self, name: str, most: int, expires: int, deadline: Deadline) -> bool:
        """Counts one, unless there are `most`: whether it has. The count may go after `expires`."""

    def take_back(self, name: str, deadline: Deadline) -> None:
        """Counts one less."""


KnownValue = str | Sequence[str]
"""A feature's value as the store has it: text, and several of it in a collection."""
Known = Mapping[str, KnownValue]
"""What is known of a key: of which features, what."""


class Features(Protocol):
    """Where features are looked up."""

    def known(self, lookup: Lookup, keys: Sequence[str], deadline: Deadline) -> Mapping[str, Known]:
        """By key; those are missing of which nothing is known. Raises :class:`FeaturesUnavailable`."""


class Register(Protocol):
    """Where it is written which models have been launched. Both raise :class:`EndpointFault`."""

    def endpoints(self, prefix: str, deadline: Deadline) -> Mapping[str, str]:
        """The ARNs of those whose names begin so, by name."""

    def tags(self, arn: str, deadline: Deadline) -> Mapping[str, str]:
        """None, of one that is not there."""


class Endpoints(Protocol):
    """Where the models are served. Both raise :class:`EndpointFault`, and end with the deadline."""

    def invoke(
        self,
        endpoint: str,
        *,
        body: bytes,
        content_type: str,
        accept: str | None,
        component: str | None,
        target: str | None,
        deadline: Deadline,
        limit_bytes: int,
    ) -> Prediction: ...

    def state(self, endpoint: str, *, deadline: Deadline) -> State: ...


class Taken(Exception):
    """There is something of that name, or it has changed since it was read."""


class Stored(NamedTuple):
    body: bytes
    content_type: str
    tag: str
    """Changes with the content."""


class Store(Protocol):
    """Where jobs are kept: objects by their keys. All raise :class:`StoreFailed`."""

    def sizes(self, prefix: str, deadline: Deadline) -> Mapping[str, int]:
        """Of what is below `prefix`, in bytes."""

    def read(self, key: str, *, limit_bytes: int, deadline: Deadline) -> Stored: ...

    def write(
        self, key: str, body: bytes, content_type: str, *, replacing: str | None, deadline: Deadline
    ) -> str:
        """The new tag. Raises :class:`Taken` unless `replacing` is the tag there; None is for nothing."""

    def put(self, key: str, body: bytes, content_type: str, deadline: Deadline) -> None: ...

    def remove(self, key: str, deadline: Deadline) -> None:
        """What is not there is as good as removed."""

    def link(self, key: str, seconds: int) -> str:
        """Where the object can be read without credentials, for so long."""

    def form(
        self, key: str, content_type: str, *, limit_bytes: int, seconds: int
    ) -> tuple[str, dict[str, str]]:
        """Where a form with these fields and a file puts the object, without credentials, for so long."""

    def uri(self, key: str) -> str: ...

    def key(self, uri: str) -> str | None:
        """The key that a URI names here, None where it names another place."""


class Order(NamedTuple):
    """What is asked of a model, to be answered later."""

    id: str
    folder: str
    """The keys of all that belongs to it begin with this, which ends with a slash."""
    content_type: str
    accept: str | None

    @property
    def input(self) -> str:
        return self.folder + "input"


class Places(NamedTuple):
    """The keys of what comes of an order: one object, or all below a key that ends with a slash."""

    output: str
    failure: str | None


Progress = Literal["in-progress", "completed", "failed", "cancelled"]


class Runner(Protocol):
    """Who carries orders out. All raise :class:`EndpointFault`."""

    def places(self, order: Order) -> Places:
        """Where it is going to be, if nobody says otherwise."""

    def submit(self, order: Order, body: bytes | None, deadline: Deadline) -> Places:
        """Hands the order over. Without `body`, its input is in the store."""

    def progress(self, order: Order, deadline: Deadline) -> Progress | None:
        """What is known of it beyond its output and its failure; None for nothing."""

    def cancel(self, order: Order, deadline: Deadline) -> None:
        """Stops what can be stopped."""
