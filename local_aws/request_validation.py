"""Whether a request is what the service model says, and in AWS's words what is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import regex
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from local_aws.errors import ServiceError, invalid

_NUMBERS = {"integer", "long", "float", "double"}
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
"""How Java writes the characters from U+10000 on."""
_JSON_NAMES = {bool: "TRUE_VALUE", dict: "START_OBJECT", list: "START_ARRAY", str: "STRING_VALUE"}


def check(shape: Shape | None, request: Mapping[str, Any]) -> None:
    """Raises a SerializationException for the first value of a wrong type, and a ValidationException
    that lists all other faults."""
    if shape is None:
        return
    _check_types(shape, request, "")
    faults = list(_faults(shape, request, ""))
    if faults:
        word = "error" if len(faults) == 1 else "errors"
        raise invalid(f"{len(faults)} validation {word} detected: {'; '.join(faults)}")


def _check_types(shape: Shape, value: Any, path: str) -> None:
    if isinstance(shape, StructureShape):
        _expect(value, dict, "a structure", path)
        for name, member in value.items():
            if name not in shape.members:
                raise _unreadable(f"unknown member '{_join(path, name)}'")
            if member is not None:
                _check_types(shape.members[name], member, _join(path, name))
    elif isinstance(shape, ListShape):
        _expect(value, list, "a list", path)
        for number, member in enumerate(value, 1):
            _check_types(shape.member, member, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        _expect(value, dict, "a map", path)
        for name, member in value.items():
            _check_types(shape.value, member, _join(path, name))
    elif isinstance(shape, StringShape):
        _expect(value, str, "a String", path)
    elif shape.type_name == "boolean":
        _expect(value, bool, "a Boolean", path)
    elif shape.type_name in _NUMBERS:
        number_types = (int,) if shape.type_name in ("integer", "long") else (int, float)
        if isinstance(value, bool) or not isinstance(value, number_types):
            raise _unreadable(f"{_json_name(value)} at '{path}' can not be converted to a number")


def _faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                at = _join(path, name)
                yield f"Value null at '{at}' failed to satisfy constraint: Member must not be null"
        for name, member in value.items():
            if member is not None:
                yield from _faults(shape.members[name], member, _join(path, name))
    elif isinstance(shape, ListShape):
        yield from _out_of_range(shape, len(value), value, path, "length")
        for number, member in enumerate(value, 1):
            yield from _faults(shape.member, member, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from _out_of_range(shape, len(value), value, path, "length")
        for name, member in value.items():
            yield from _faults(shape.key, name, f"{path}.key")
            yield from _faults(shape.value, member, _join(path, name))
    elif isinstance(shape, StringShape):
        yield from _string_faults(shape, value, path)
    elif shape.type_name in _NUMBERS:
        yield from _out_of_range(shape, value, value, path, "value")


def _string_faults(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield _fault(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    yield from _out_of_range(shape, len(value), value, path, "length")
    pattern = shape.metadata.get("pattern")
    if pattern and not _pattern(pattern).fullmatch(value):
        yield _fault(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _out_of_range(shape: Shape, size: float, value: Any, path: str, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _fault(value, path, f"Member must have {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield _fault(value, path, f"Member must have {what} less than or equal to {most}")


def _fault(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


@cache
def _pattern(pattern: str) -> Any:
    # AWS's patterns use Java's \p{...}, which `re` does not know.
    return regex.compile(pattern.replace(_SURROGATES, r"\U00010000-\U0010FFFF"))


def _expect(value: Any, expected: type, article: str, path: str) -> None:
    if not isinstance(value, expected):
        at = f" at '{path}'" if path else ""
        raise _unreadable(f"{_json_name(value)}{at} can not be converted to {article}")


def _json_name(value: Any) -> str:
    return _JSON_NAMES.get(type(value), "NUMBER_VALUE")


def _unreadable(message: str) -> ServiceError:
    return ServiceError("SerializationException", message)


def _join(path: str, name: str) -> str:
    """AWS names members of a request with a small first letter: `productionVariants.1.member`."""
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name
