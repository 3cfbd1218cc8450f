"""Whether properties keep a resource type's schema, and what CloudFormation says when they do not.

The words are those of AWS's own checker, which names what failed and never shows a value
(https://github.com/aws-cloudformation/cloudformation-resource-schema, `ValidationException`); only for
an enumeration does CloudFormation say what would do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import regex

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    path: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"#{''.join(f'/{part}' for part in self.path)}: {self.message}"


def resolve(schema: Schema, root: Schema) -> dict[str, Any]:
    """The schema behind a `$ref`; an empty one for a reference to nowhere."""
    seen: Any = schema
    while isinstance(seen, Mapping) and "$ref" in seen:
        found: Any = root
        for part in str(seen["$ref"]).removeprefix("#/").split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        seen = found
    return dict(seen) if isinstance(seen, Mapping) else {}


class Validator:
    """Checks and coerces values against one schema; its references lead into `root`, or into itself."""

    def __init__(self, schema: Schema, root: Schema | None = None) -> None:
        self._schema = schema
        self._root = schema if root is None else root

    def coerce(self, value: Any) -> Any:
        """The value as CloudFormation passes it on: templates may write "true", "4" or 4 for each other."""
        return self._coerce(value, self._schema)

    def findings(self, value: Any) -> list[Finding]:
        """What is wrong with a value, as far as it can be said without asking the service."""
        return list(self._check(value, self._schema, ()))

    def _coerce(self, value: Any, schema: Schema) -> Any:
        schema = resolve(schema, self._root)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in schema.get(keyword, ()):
                value = self._coerce(value, branch)
        if isinstance(value, dict):
            properties = schema.get("properties", {})
            return {
                name: self._coerce(item, properties.get(name, _others(schema, name)))
                for name, item in value.items()
            }
        if isinstance(value, list):
            items = schema.get("items", {})
            return [self._coerce(item, items) for item in value] if isinstance(items, Mapping) else value
        return _coerce_primitive(value, _types(schema))

    def _check(self, value: Any, schema: Schema, path: tuple[str, ...]) -> Iterator[Finding]:
        schema = resolve(schema, self._root)
        types = _types(schema)
        if types and not any(_IS[name](value) for name in types):
            yield Finding(path, f"expected type: {_TYPE_NAMES[types[0]]}, found: {_found(value)}")
            return
        yield from (Finding(path, message) for message in _check_value(value, schema))
        if isinstance(value, str):
            yield from (Finding(path, message) for message in _check_string(value, schema))
        elif isinstance(value, dict):
            yield from self._check_object(value, schema, path)
        elif isinstance(value, list):
            yield from self._check_array(value, schema, path)
        yield from self._check_branches(value, schema, path)

    def _check_object(
        self, value: dict[str, Any], schema: Schema, path: tuple[str, ...]
    ) -> Iterator[Finding]:
        yield from (Finding(path, message) for message in _check_keys(value, schema))
        if "propertyNames" in schema:
            for name in value:
                for finding in self._check(name, schema["propertyNames"], ()):
                    yield Finding(path, f"key [{name}] {finding.message}")
        properties = schema.get("properties", {})
        for name, item in value.items():
            if properties.get(name) is False:
                yield Finding(path, f"extraneous key [{name}] is not permitted")
                continue
            if name in properties:
                yield from self._check(item, properties[name], (*path, name))
                continue
            patterns = [
                sub for pattern, sub in schema.get("patternProperties", {}).items() if _matches(pattern, name)
            ]
            additional = schema.get("additionalProperties", True)
            for sub in patterns:
                yield from self._check(item, sub, (*path, name))
            if not patterns and additional is False:
                yield Finding(path, f"extraneous key [{name}] is not permitted")
            elif not patterns and isinstance(additional, Mapping):
                yield from self._check(item, additional, (*path, name))

    def _check_array(self, value: list[Any], schema: Schema, path: tuple[str, ...]) -> Iterator[Finding]:
        yield from (Finding(path, message) for message in _check_items(value, schema))
        if "contains" in schema and all(list(self._check(item, schema["contains"], path)) for item in value):
            yield Finding(path, "expected at least one array item to match 'contains' schema")
        fixed = schema.get("prefixItems", ())
        for position, item in enumerate(value):
            sub = fixed[position] if position < len(fixed) else schema.get("items", {})
            if isinstance(sub, Mapping):
                yield from self._check(item, sub, (*path, str(position)))

    def _check_branches(self, value: Any, schema: Schema, path: tuple[str, ...]) -> Iterator[Finding]:
        for branch in schema.get("allOf", ()):
            yield from self._check(value, branch, path)
        for keyword in ("anyOf", "oneOf"):
            branches = schema.get(keyword, ())
            outcomes = [list(self._check(value, branch, path)) for branch in branches]
            matching = sum(not outcome for outcome in outcomes)
            if branches and not matching:
                yield Finding(
                    path, "#: no subschema matched out of the total " + f"{len(branches)} subschemas"
                )
                yield from max(outcomes, key=lambda outcome: max(len(finding.path) for finding in outcome))
            # What sets the branches apart may be a `format` (another resource's identifier), which only
            # the service can tell: then more than one may seem to match.
            if keyword == "oneOf" and matching > 1 and '"format"' not in json.dumps(branches):
                yield Finding(path, f"#: {matching} subschemas matched instead of one")
        if "not" in schema and not list(self._check(value, schema["not"], path)):
            yield Finding(path, "failed validation constraint for keyword [not]")
        if "if" in schema:
            holds = not list(self._check(value, schema["if"], path))
            yield from self._check(value, schema.get("then" if holds else "else", {}), path)


def _others(schema: Schema, name: str) -> Schema:
    """The schema of a property that is not named in `properties`."""
    for pattern, sub in schema.get("patternProperties", {}).items():
        if _matches(pattern, name) and isinstance(sub, Mapping):
            return sub
    additional = schema.get("additionalProperties")
    return additional if isinstance(additional, Mapping) else {}


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _coerce_primitive(value: Any, types: list[str]) -> Any:
    if not types:
        return value
    if isinstance(value, bool):
        return str(value).lower() if "boolean" not in types and "string" in types else value
    if isinstance(value, int | float) and types == ["string"]:
        return str(value)
    if isinstance(value, str) and "string" not in types:
        if "boolean" in types and value.lower() in ("true", "false"):
            return value.lower() == "true"
        casts: tuple[tuple[str, Callable[[str], Any]], ...] = (("integer", int), ("number", float))
        for name, cast in casts:
            if name in types:
                try:
                    return cast(value)
                except ValueError:
                    continue
    return value


_IS: dict[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    ),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}
_TYPE_NAMES = {
    "array": "JSONArray",
    "boolean": "Boolean",
    "integer": "Integer",
    "null": "Null",
    "number": "Number",
    "object": "JSONObject",
    "string": "String",
}


def _found(value: Any) -> str:
    return next(_TYPE_NAMES[name] for name in _TYPE_NAMES if _IS[name](value))


def _check_value(value: Any, schema: Schema) -> Iterator[str]:
    if "enum" in schema and not any(_same(value, allowed) for allowed in schema["enum"]):
        yield _not_of(value, schema["enum"])
    if "enumCaseInsensitive" in schema:
        allowed = schema["enumCaseInsensitive"]
        if str(value).lower() not in [str(item).lower() for item in allowed]:
            yield _not_of(value, allowed)
    if "const" in schema and not _same(value, schema["const"]):
        yield _failed("const")
    if isinstance(value, str) and not _types(schema) and _NUMBER.fullmatch(value):
        value = float(value)
    if _IS["number"](value):
        limits: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
            ("minimum", lambda number, limit: number >= limit),
            ("maximum", lambda number, limit: number <= limit),
            ("exclusiveMinimum", lambda number, limit: number > limit),
            ("exclusiveMaximum", lambda number, limit: number < limit),
            ("multipleOf", lambda number, limit: number % limit == 0),
        )
        for keyword, holds in limits:
            if keyword in schema and not holds(value, schema[keyword]):
                yield _failed(keyword)


_NUMBER = regex.compile(r"-?\d+(\.\d+)?")


def _same(value: Any, allowed: Any) -> bool:
    """Whether they are equal; templates may write a number or a boolean as text."""
    if isinstance(value, bool) or isinstance(allowed, bool):
        return str(value).lower() == str(allowed).lower()
    if isinstance(value, str | int | float) and isinstance(allowed, str | int | float):
        return value == allowed or str(value) == str(allowed)
    return bool(value == allowed)


def _check_string(value: str, schema: Schema) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"expected minLength: {schema['minLength']}, actual: {len(value)}"
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield f"expected maxLength: {schema['maxLength']}, actual: {len(value)}"
    if "pattern" in schema and not _matches(schema["pattern"], value):
        yield _failed("pattern")


def _check_items(value: list[Any], schema: Schema) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0):
        yield f"expected minimum item count: {schema['minItems']}, found: {len(value)}"
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield f"expected maximum item count: {schema['maxItems']}, found: {len(value)}"
    keys = schema.get("uniqueKeys")
    parts = [[item.get(key) for key in keys] for item in value if isinstance(item, dict)] if keys else value
    if (schema.get("uniqueItems") or keys) and len(
        {json.dumps(part, sort_keys=True) for part in parts}
    ) < len(parts):
        yield "array items are not unique"


def _check_keys(value: dict[str, Any], schema: Schema) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"required key [{name}] not found"
    if len(value) < schema.get("minProperties", 0):
        yield f"minimum size: [{schema['minProperties']}], found: [{len(value)}]"
    if "maxProperties" in schema and len(value) > schema["maxProperties"]:
        yield f"maximum size: [{schema['maxProperties']}], found: [{len(value)}]"
    for keyword in ("dependencies", "dependentRequired"):
        for name, needed in schema.get(keyword, {}).items():
            missing = [key for key in needed if isinstance(needed, list) and key not in value]
            if name in value and missing:
                yield f"property [{missing[0]}] is required"
    for name, excluded in schema.get("dependentExcluded", {}).items():
        both = [key for key in excluded if key in value]
        if name in value and both:
            yield f"property [{both[0]}] is not permitted with [{name}]"
    one_of = schema.get("requiredXor", ())
    if one_of and sum(name in value for name in one_of) != 1:
        yield f"exactly one of the keys [{', '.join(one_of)}] is required"
    any_of = schema.get("requiredOr", ())
    if any_of and not any(name in value for name in any_of):
        yield f"one of the keys [{', '.join(any_of)}] is required"


def _not_of(value: Any, allowed: list[Any]) -> str:
    return f"{value} is not a valid enum value. Supported values: [{', '.join(map(str, allowed))}]"


def _failed(keyword: str) -> str:
    return f"failed validation constraint for keyword [{keyword}]"


@cache
def _compiled(pattern: str) -> regex.Pattern[str] | None:
    try:
        return regex.compile(pattern)
    except regex.error:
        return None  # some schemas hold patterns that are none: AWS cannot check those either


def _matches(pattern: str, text: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(text) is not None
