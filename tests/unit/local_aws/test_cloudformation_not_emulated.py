"""The table of what is not emulated is complete, and says nothing that AWS's schemas do not know."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from local_aws import hooks
from local_aws.cloudformation import services
from local_aws.cloudformation.not_emulated import NOT_EMULATED
from local_aws.cloudformation.registry import BEHAVIOURS, RECONCILERS, TRANSLATORS
from local_aws.cloudformation.schema import resource_type


@pytest.fixture(scope="module", autouse=True)
def _services() -> None:
    services.install()


@pytest.mark.parametrize("name", sorted(NOT_EMULATED))
def test_each_entry_names_a_property_of_the_schema(name: str) -> None:
    type_ = resource_type(name)
    for path in NOT_EMULATED[name]:
        assert type_.definition(tuple(path.split("/"))), f"{name} has no property '{path}'"


@pytest.mark.parametrize("name", sorted(NOT_EMULATED))
def test_every_other_property_is_read_by_somebody(name: str) -> None:
    """Its name is among the constants of the handlers, ministack's or ours, and all that they call."""
    if name not in hooks.resource_handlers() and name not in BEHAVIOURS:
        return  # kept as a whole, in the store
    handlers: dict[str, Any] = hooks.resource_handlers().get(name, {})
    functions = [handler for handler in handlers.values() if isinstance(handler, FunctionType)]
    functions += [part for table in (RECONCILERS, TRANSLATORS) if (part := table.get(name))]  # type: ignore[misc]  # both hold functions
    functions += [
        part for part in vars(type(BEHAVIOURS.get(name))).values() if isinstance(part, FunctionType)
    ]
    read = {text for function in functions for text in _texts(function, set())}
    # A behaviour of several types has the names of each among its members.
    read |= set(_strings(vars(BEHAVIOURS[name]))) if name in BEHAVIOURS else set()
    type_ = resource_type(name)
    read_only = {pointer[0] for pointer in type_.read_only if len(pointer) == 1}

    dropped = set(type_.properties) - read_only - read - set(NOT_EMULATED[name])

    assert not dropped, f"nobody reads {', '.join(sorted(dropped))} of {name}: emulate them, or say so"


def _texts(function: FunctionType, seen: set[FunctionType]) -> Iterator[str]:
    """The strings in a function and in the functions, of whichever module, that it calls."""
    if function in seen:
        return
    seen.add(function)
    yield from _strings([*_constants(function.__code__), function.__defaults__, function.__kwdefaults__])
    mentioned = list(_names(function.__code__))
    found = [function.__globals__.get(name) for name in mentioned]
    modules = [module for module in found if isinstance(module, ModuleType)]
    for value in [*found, *(getattr(module, name, None) for module in modules for name in mentioned)]:
        if isinstance(value, FunctionType):
            if value.__module__.split(".")[0] in ("ministack", "local_aws"):
                yield from _texts(value, seen)
        else:
            yield from _strings(value)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _constants(code: CodeType) -> Iterator[Any]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _constants(constant)
        else:
            yield constant


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings(list(value))
        yield from _strings(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _strings(item)
