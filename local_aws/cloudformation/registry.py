"""How a resource type behaves in CloudFormation, and where that is said.

A type without an entry here is handled by its schema alone. A service adds behaviour with one class
and one `register` call, in its own module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

Properties = Mapping[str, Any]


class ResourceFailed(Exception):
    """The handler's refusal, in AWS's words: it becomes the resource's status reason."""


@dataclass(frozen=True)
class Created:
    """`attributes` answer `Fn::GetAtt`, dotted names as they are written there."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class ResourceBehaviour(Protocol):
    """What happens to a resource. Properties have been validated and coerced by the type's schema.

    Runs on a worker thread, with the account and the region of the stack in place: it may block and
    may call this server. Raises `ResourceFailed` with the reason.
    """

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created: ...

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created: ...

    def delete(self, physical_id: str, properties: Properties) -> None: ...


MADE: ContextVar[Callable[[str], None] | None] = ContextVar("MADE", default=None)
"""Who wants to know of a resource that is being created, before its creation is over."""


def made(physical_id: str) -> None:
    """Tells that the resource is there from now on, though making it goes on.

    A server that is killed meanwhile then finds it and removes it with its stack.
    """
    tell = MADE.get()
    if tell is not None:
        tell(physical_id)


BEHAVIOURS: dict[str, ResourceBehaviour] = {}


def register(resource_type: str, behaviour: ResourceBehaviour) -> None:
    BEHAVIOURS[resource_type] = behaviour


class Late:
    """A behaviour that is loaded when it is first used: what it takes would hold up the server's start."""

    def __init__(self, load: Callable[[], ResourceBehaviour]) -> None:
        self._load = cache(load)

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        return self._load().create(logical_id, properties, stack_name)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        return self._load().update(physical_id, old, new, stack_name)

    def delete(self, physical_id: str, properties: Properties) -> None:
        self._load().delete(physical_id, properties)


class Reconciler(Protocol):
    """Applies, through the service's API, what ministack's own handler of a type accepts and drops.

    Runs after that handler, on a worker thread, on creation and on every update; `previous` is empty on
    creation. What it answers is added to the attributes of `Fn::GetAtt`.
    """

    def __call__(
        self, physical_id: str, properties: Properties, previous: Properties
    ) -> Mapping[str, Any] | None: ...


Check = Callable[[Properties], None]
"""Raises `ResourceFailed` for what AWS's service refuses beyond the schema: before the resource is made
or changed by ministack's own handler, which takes whatever it is given."""

DeletionGuard = Callable[[str, Properties], None]
"""Raises `ResourceFailed` while AWS would refuse to delete the resource."""

Translator = Callable[[Properties], Properties]
"""Writes properties as ministack's own handler of the type understands them."""

TRANSLATORS: dict[str, Translator] = {}
RECONCILERS: dict[str, Reconciler] = {}
CHECKS: dict[str, Check] = {}
DELETION_GUARDS: dict[str, DeletionGuard] = {}


def reconciles(resource_type: str) -> Callable[[Reconciler], Reconciler]:
    def add(reconciler: Reconciler) -> Reconciler:
        RECONCILERS[resource_type] = reconciler
        return reconciler

    return add


def checks(resource_type: str) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        CHECKS[resource_type] = check
        return check

    return add


def guards_deletion(resource_type: str) -> Callable[[DeletionGuard], DeletionGuard]:
    def add(guard: DeletionGuard) -> DeletionGuard:
        DELETION_GUARDS[resource_type] = guard
        return guard

    return add


def translates(resource_type: str) -> Callable[[Translator], Translator]:
    def add(translator: Translator) -> Translator:
        TRANSLATORS[resource_type] = translator
        return translator

    return add
