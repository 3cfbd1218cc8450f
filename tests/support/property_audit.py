"""Which properties of a resource type somebody reads: ministack's handler, watched at work, or our own code.

ministack's handler makes the resource, once with the fewest properties and once more with each of the
others, from dicts that note what is looked up. A dict that is copied or walked through counts as read
whole. What our own reconcilers and behaviours read is taken from the names in their code.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.registry import BEHAVIOURS, RECONCILERS, TRANSLATORS
from local_aws.cloudformation.schema import resource_type
from support.resource_example import ACCOUNT, Maker, NoExampleError, example_of
from support.resource_world import GIVEN, WORLD

_WHOLE = "*"
_numbers = itertools.count()


class Watched(dict[str, Any]):
    """A dict that notes, in a set that a whole tree shares, which of its keys are looked up."""

    def __init__(self, members: Mapping[str, Any], seen: set[str], watch: bool = True) -> None:
        super().__init__(members)
        self._seen = seen if watch else set()

    def __getitem__(self, key: str) -> Any:
        self._seen.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._seen.add(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._seen.add(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self._seen.add(key)
        return super().pop(key, *default)

    def keys(self) -> Any:
        self._seen.add(_WHOLE)
        return super().keys()

    def values(self) -> Any:
        self._seen.add(_WHOLE)
        return super().values()

    def items(self) -> Any:
        self._seen.add(_WHOLE)
        return super().items()

    def copy(self) -> dict[str, Any]:
        self._seen.add(_WHOLE)
        return super().copy()

    def __iter__(self) -> Iterator[str]:
        self._seen.add(_WHOLE)
        return super().__iter__()


def dropped(name: str) -> set[str]:
    """The properties of a type of ministack's that nobody reads; ask inside of a `hooks.request.scope`."""
    type_ = resource_type(name)
    settable = set(type_.properties) - {pointer[0] for pointer in type_.read_only if len(pointer) == 1}
    ours = set(_read_by_us(name))
    if name in BEHAVIOURS:
        return settable - ours
    read = _read_by_ministack(name, settable)
    return set() if _WHOLE in read else settable - read - ours


def _read_by_ministack(name: str, settable: set[str]) -> set[str]:
    type_, seen = resource_type(name), set[str]()
    fewest = _resolved(example_of(type_, GIVEN.get(name)))
    maker = Maker(type_.schema, name, {})
    tries = [fewest]
    for extra in sorted(settable - fewest.keys()):
        with contextlib.suppress(NoExampleError):
            tries.append({**fewest, extra: maker.value(type_.definition((extra,)), 1, extra)})
    # What takes another's place in a request is only looked up when the other is missing.
    tries += [{key: value for key, value in fewest.items() if key != missing} for missing in fewest]
    handlers = hooks.resources.resource_handlers()[name]
    for properties in tries:
        number = next(_numbers)
        made = None
        with contextlib.suppress(Exception):  # a refusal: what was looked up until then has been noted
            made = handlers["create"](f"It{number}", Watched(properties, seen), f"audit{number}")
        if made is not None:
            more = (f"It{number}",) if handlers.get("delete_with_logical_id") else ()
            with contextlib.suppress(Exception):
                handlers["delete"](made[0], Watched(properties, seen), *more)
    return seen


@cache
def _made(logical_id: str) -> tuple[str, dict[str, Any]]:
    """A resource of the world, made once by ministack's handler."""
    wanted = WORLD[logical_id]
    if "DependsOn" in wanted:
        _made(wanted["DependsOn"])
    made: tuple[str, dict[str, Any]] = hooks.resources.resource_handlers()[wanted["Type"]]["create"](
        logical_id, _resolved(wanted["Properties"]), "world"
    )
    return made


def _resolved(value: Any) -> Any:
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return ACCOUNT if value["Ref"] == "AWS::AccountId" else _made(value["Ref"])[0]
    if "Fn::GetAtt" in value:
        physical_id, attributes = _made(value["Fn::GetAtt"][0])
        return attributes.get(value["Fn::GetAtt"][1], physical_id)
    if "Fn::Sub" in value:
        return re.sub(r"\$\{(\w+)\}", lambda found: _made(found[1])[0], value["Fn::Sub"])
    if "Fn::Select" in value:
        position, items = value["Fn::Select"]
        return _resolved(items)[position]
    return {key: _resolved(item) for key, item in value.items()}


# --- what our own code reads --------------------------------------------------------------------------


def _read_by_us(name: str) -> Iterator[str]:
    behaviour = BEHAVIOURS.get(name)
    methods = vars(type(behaviour)).values() if behaviour is not None else ()
    parts: list[Any] = [*methods, RECONCILERS.get(name), TRANSLATORS.get(name)]
    for part in parts:
        if isinstance(part, FunctionType):
            yield from _texts(part, set())
    if behaviour is not None:
        yield from _strings([getattr(behaviour, key) for key in getattr(behaviour, "__dict__", ())])


def _texts(function: FunctionType, seen: set[FunctionType]) -> Iterator[str]:
    """The strings in a function and in the functions of ours that it calls."""
    if function in seen:
        return
    seen.add(function)
    yield from _strings([*_constants(function.__code__), function.__defaults__, function.__kwdefaults__])
    mentioned = list(_names(function.__code__))
    found = [function.__globals__.get(name) for name in mentioned]
    modules = [module for module in found if isinstance(module, ModuleType)]
    for value in [*found, *(getattr(module, name, None) for module in modules for name in mentioned)]:
        if isinstance(value, FunctionType):
            if value.__module__.split(".")[0] == "local_aws":
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
