"""Whether a body is what a model says: JSON Schema draft 4, what is not in the words of AWS's validator.

https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_DEPTH = 100
_TYPES: dict[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


class InvalidModel(Exception):
    """The model cannot be applied: it refers to what is not there, or to itself without end."""


def faults(schema: Any, value: Any, models: Mapping[str, Any]) -> list[str]:
    """What is wrong with the value; `models` are the API's schemas by name, for `$ref`."""
    return list(_faults(schema, value, schema, models, 0))


def _faults(schema: Any, value: Any, root: Any, models: Mapping[str, Any], depth: int) -> Iterator[str]:
    if depth > _DEPTH:
        raise InvalidModel("the model refers to itself without end")
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("$ref"), str):
        target, root = _referred(schema["$ref"], root, models)
        yield from _faults(target, value, root, models, depth + 1)
        return

    def inner(part: Any, item: Any) -> list[str]:
        return list(_faults(part, item, root, models, depth + 1))

    types = schema.get("type")
    allowed = [types] if isinstance(types, str) else list(types or ())
    if allowed and not any(_TYPES[name](value) for name in allowed if name in _TYPES):
        numbers = ["integer"] if "number" in allowed else []
        names = _quoted(sorted({*allowed, *numbers}))
        found = _type_of(value)
        yield f"instance type ({found}) does not match any allowed primitive type (allowed: {names})"
        return
    if "enum" in schema and not any(_same(value, each) for each in schema["enum"]):
        yield f"instance value ({_json(value)}) not found in enum (possible values: {_json(schema['enum'])})"
    if isinstance(value, bool) or value is None:
        pass
    elif isinstance(value, int | float):
        yield from _number_faults(schema, value)
    elif isinstance(value, str):
        yield from _text_faults(schema, value)
    elif isinstance(value, list):
        yield from _list_faults(schema, value, inner)
    elif isinstance(value, dict):
        yield from _object_faults(schema, value, inner)

    for part in schema.get("allOf", ()):
        yield from inner(part, value)
    some, one = schema.get("anyOf"), schema.get("oneOf")
    if some and all(inner(part, value) for part in some):
        yield f"instance failed to match at least one required schema among {len(some)}"
    if one:
        matched = sum(not inner(part, value) for part in one)
        if matched != 1:
            yield f"instance failed to match exactly one schema (matched {matched} out of {len(one)})"
    if "not" in schema and not inner(schema["not"], value):
        yield "instance matched a schema which it should not have"


def _number_faults(schema: Mapping[str, Any], value: float) -> Iterator[str]:
    least, most, step = (schema.get(word) for word in ("minimum", "maximum", "multipleOf"))
    if least is not None:
        if schema.get("exclusiveMinimum") is True:
            if value <= least:
                yield f"numeric instance is not strictly greater than the required minimum {_json(least)}"
        elif value < least:
            yield (
                "numeric instance is lower than the required minimum "
                f"(minimum: {_json(least)}, found: {_json(value)})"
            )
    if most is not None:
        if schema.get("exclusiveMaximum") is True:
            if value >= most:
                yield f"numeric instance is not strictly lower than the required maximum {_json(most)}"
        elif value > most:
            yield (
                "numeric instance is greater than the required maximum "
                f"(maximum: {_json(most)}, found: {_json(value)})"
            )
    if step and abs(value / step - round(value / step)) > 1e-9:
        yield f"remainder of division is not zero ({_json(value)} / {_json(step)})"


def _text_faults(schema: Mapping[str, Any], value: str) -> Iterator[str]:
    shortest, longest, pattern = (schema.get(word) for word in ("minLength", "maxLength", "pattern"))
    if shortest is not None and len(value) < shortest:
        yield f'string "{value}" is too short (length: {len(value)}, required minimum: {shortest})'
    if longest is not None and len(value) > longest:
        yield f'string "{value}" is too long (length: {len(value)}, maximum allowed: {longest})'
    if pattern is not None:
        try:
            matches = re.search(pattern, value) is not None
        except re.error as error:
            raise InvalidModel(f"the pattern {pattern!r} cannot be read: {error}") from error
        if not matches:
            yield f'ECMA 262 regex "{pattern}" does not match input string "{value}"'


def _list_faults(
    schema: Mapping[str, Any], value: list[Any], inner: Callable[[Any, Any], list[str]]
) -> Iterator[str]:
    fewest, most = schema.get("minItems"), schema.get("maxItems")
    if fewest is not None and len(value) < fewest:
        yield (
            f"array is too short: must have at least {fewest} elements but instance has {len(value)} elements"
        )
    if most is not None and len(value) > most:
        yield f"array is too long: must have at most {most} elements but instance has {len(value)} elements"
    if schema.get("uniqueItems") and any(
        _same(one, other) for index, one in enumerate(value) for other in value[index + 1 :]
    ):
        yield "array must not contain duplicate elements"
    items = schema.get("items")
    if isinstance(items, list):
        more = schema.get("additionalItems", True)
        if more is False and len(value) > len(items):
            yield (f"array must contain at most {len(items)} elements but instance has {len(value)} elements")
        for part, item in zip([*items, *[more] * max(0, len(value) - len(items))], value, strict=False):
            yield from inner(part, item)
    elif items is not None:
        for item in value:
            yield from inner(items, item)


def _object_faults(
    schema: Mapping[str, Any], value: dict[str, Any], inner: Callable[[Any, Any], list[str]]
) -> Iterator[str]:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        yield f"object has missing required properties ({_quoted(sorted(missing))})"
    fewest, most = schema.get("minProperties"), schema.get("maxProperties")
    if fewest is not None and len(value) < fewest:
        yield f"object has too few properties (found {len(value)} but schema requires at least {fewest})"
    if most is not None and len(value) > most:
        yield f"object has too many properties (found {len(value)} but schema requires at most {most})"
    properties = schema.get("properties") or {}
    patterns = schema.get("patternProperties") or {}
    more = schema.get("additionalProperties", True)
    unknown = []
    for name, item in value.items():
        matching = [part for pattern, part in patterns.items() if re.search(pattern, name)]
        if name in properties:
            matching.append(properties[name])
        if not matching:
            if more is False:
                unknown.append(name)
            elif isinstance(more, dict):
                matching.append(more)
        for part in matching:
            yield from inner(part, item)
    if unknown:
        names = _quoted(sorted(unknown))
        yield f"object instance has properties which are not allowed by the schema: {names}"
    for name, needed in (schema.get("dependencies") or {}).items():
        if name in value and isinstance(needed, list):
            absent = [other for other in needed if other not in value]
            if absent:
                yield (
                    f'property "{name}" of object has missing property dependencies '
                    f"(schema requires {_quoted(sorted(needed))}; missing: {_quoted(sorted(absent))})"
                )
        elif name in value:
            yield from inner(needed, value)


def _referred(reference: str, root: Any, models: Mapping[str, Any]) -> tuple[Any, Any]:
    document, _, pointer = reference.partition("#")
    if document:
        name = document.rstrip("/").rsplit("/", 1)[-1]
        if name not in models:
            raise InvalidModel(f"no model '{name}'")
        root = models[name]
    target = root
    for part in filter(None, pointer.split("/")):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and key.isdigit() and int(key) < len(target):
            target = target[int(key)]
        elif isinstance(target, dict) and key in target:
            target = target[key]
        else:
            raise InvalidModel(f"nothing at '{reference}'")
    return target, root


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _type_of(value: Any) -> str:
    return next(name for name in ("null", "boolean", "integer", *_TYPES) if _TYPES[name](value))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _quoted(names: list[str]) -> str:
    return _json(names)
