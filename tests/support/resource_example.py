"""Properties for a resource type, made from its schema: the fewest that AWS's own schema lets through.

Strings come from their enumeration, from a sample in the right shape (an ARN, a date, a policy) or from
their pattern, taken apart; whatever is made is checked by the schema before it is used.
"""

from __future__ import annotations

import itertools
import random
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence

# The parser of Python's own expressions: a pattern's parts, in order.
from re import _constants as op  # type: ignore[attr-defined]  # it has no public name
from re import _parser as parser  # type: ignore[attr-defined]  # it has no public name
from typing import Any

from local_aws.cloudformation.schema import ResourceType
from local_aws.cloudformation.validation import Finding, Validator, resolve

Schema = Mapping[str, Any]

ACCOUNT = "000000000000"
_UUID = "0b3c1f5e-7a52-4d0c-9c5e-3f2f1d6f7a11"
SAMPLES = (
    "sample",
    "Sample1",
    f"arn:aws:iam::{ACCOUNT}:role/sample",
    f"arn:aws:s3:::sample-{ACCOUNT}",
    f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{_UUID}",
    f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:sample",
    f"arn:aws:sns:us-east-1:{ACCOUNT}:sample",
    f"arn:aws:sqs:us-east-1:{ACCOUNT}:sample",
    f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:sample",
    f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:sample:*",
    f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:sample-AbCdEf",
    f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{_UUID}",
    f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:sample/sample",
    "2030-01-01T00:00:00Z",
    "2030-01-01",
    "12:00",
    "somebody@example.com",
    "example.com",
    "https://example.com/a",
    "s3://sample/a",
    "10.0.0.0/16",
    "10.0.0.1",
    "us-east-1",
    "us-east-1a",
    ACCOUNT,
    _UUID,
    "rate(1 day)",
    "cron(0 12 * * ? *)",
    "{}",
    "1",
    "1.0.0",
    "a" * 20,
)
_DEEPEST = 14
_ATTEMPTS = 40


class NoExampleError(Exception):
    """No properties were found that the schema lets through; the message says what it still refuses."""


def example_of(type_: ResourceType, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fewest properties that keep the schema; `given` ones are taken as they are."""
    return Maker(type_.schema, type_.name, given or {}).make()


def another(type_: ResourceType, pointer: Sequence[str], value: Any) -> Any:
    """Another value for a property, or None when the schema has only one to offer."""
    definition = _merged(type_.definition(tuple(pointer)), type_.schema)
    validator = Validator(definition, type_.schema)
    candidates: list[Any] = [*definition.get("enum", ())]
    if isinstance(value, str):
        candidates += [f"{value}2", f"{value[:-1]}9", f"{value[:-1]}b", f"x{value}", *SAMPLES]
    elif isinstance(value, bool):
        candidates += [not value]
    elif isinstance(value, int):
        candidates += [value + 1, value - 1]
    fitting = [each for each in candidates if each != value and not validator.findings(each)]
    return fitting[0] if fitting else None


class Maker:
    def __init__(self, root: Schema, seed: str, given: Mapping[str, Any]) -> None:
        self._root = root
        self._given = given
        self._random = random.Random(seed)
        self._read_only = {
            pointer.removeprefix("/properties/") for pointer in root.get("readOnlyProperties", ())
        }

    def make(self) -> dict[str, Any]:
        properties: dict[str, Any] = {**self._object(_merged(self._root, self._root), 0), **self._given}
        for name in self._read_only & properties.keys():
            del properties[name]
        findings = self._findings(Validator(self._root), properties)
        if findings:
            raise NoExampleError("; ".join(map(str, findings)))
        return properties

    def _findings(self, validator: Validator, made: Any) -> list[Finding]:
        """What is wrong with it; a given value may be a reference, which has no type yet."""
        findings = validator.findings(validator.coerce(made))
        return [finding for finding in findings if finding.path[:1] not in {(name,) for name in self._given}]

    def value(self, schema: Schema, depth: int, name: str = "") -> Any:
        schema = _merged(schema, self._root)
        if "const" in schema:
            return schema["const"]
        for keyword in ("enum", "enumCaseInsensitive"):
            if schema.get(keyword):
                return schema[keyword][0]
        if depth > _DEEPEST:
            raise NoExampleError(f"{name} leads into itself")
        kinds = schema.get("type") or _implied(schema)
        kind = kinds if isinstance(kinds, str) or kinds is None else next(iter(kinds))
        if kind is None:
            return self._alternative(schema, lambda merged: self.value(merged, depth + 1, name))
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth, name)
        if kind in ("integer", "number"):
            return self._number(schema)
        if kind == "boolean":
            return True
        return self._alternative(schema, lambda merged: self._text(merged, name))

    # --- objects and arrays

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = self._alternative(schema, lambda merged: self._members(merged, depth))
        return made

    def _members(self, schema: Schema, depth: int) -> dict[str, Any]:
        wanted = [*(self._given if depth == 0 else ()), *schema.get("required", ())]
        wanted += (
            list(schema.get("requiredXor", ()))[:1] if not _any(schema.get("requiredXor"), wanted) else []
        )
        wanted += list(schema.get("requiredOr", ()))[:1] if not _any(schema.get("requiredOr"), wanted) else []
        properties = schema.get("properties", {})
        if len(wanted) < schema.get("minProperties", 0):
            wanted += [name for name in properties if name not in wanted and name not in self._read_only]
            wanted = wanted[: max(schema["minProperties"], len(schema.get("required", ())))]
        found: dict[str, Any] = {}
        for name in _with_dependencies(wanted, schema):
            if depth == 0 and name in self._given:
                found[name] = self._given[name]
                continue
            found[name] = self.value(properties.get(name, {}), depth + 1, name)
        missing = schema.get("minProperties", 0) - len(found)
        for pattern, sub in itertools.islice(schema.get("patternProperties", {}).items(), max(missing, 0)):
            found[next(self._matching(pattern, 1, 40), "sample")] = self.value(sub, depth + 1)
        return found

    def _array(self, schema: Schema, depth: int, name: str) -> list[Any]:
        if "prefixItems" in schema:
            return [self.value(item, depth + 1, name) for item in schema["prefixItems"]]
        fewest = schema.get("minItems", 0)
        items: list[Any] = []
        for _ in range(_ATTEMPTS * fewest):
            item = self.value(schema.get("items", {}), depth + 1, name)
            if len(items) == fewest:
                break
            if item in items and (schema.get("uniqueItems") or schema.get("uniqueKeys")):
                item = self._another(schema.get("items", {}), len(items))
            items.append(item)
        return items

    def _another(self, schema: Schema, number: int) -> Any:
        """One more item for a list of items that differ: another of its words, or a numbered text."""
        schema = _merged(schema, self._root)
        if schema.get("enum"):
            return schema["enum"][number]
        item = self.value(schema, 0)
        if not isinstance(item, dict):
            return f"{item}{number}"
        return {
            key: f"{value}{number}" if isinstance(value, str) and value.isalnum() else value
            for key, value in item.items()
        }

    # --- what stands alone

    def _number(self, schema: Schema) -> Any:
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
        number = max(least, min(1, schema.get("maximum", 1)))
        step = schema.get("multipleOf")
        return number if not step or number % step == 0 else (number // step + 1) * step

    def _text(self, schema: Schema, name: str) -> str:
        shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 4096)
        validator = Validator({**schema, "anyOf": (), "oneOf": ()}, self._root)
        candidates: Iterator[str] = itertools.chain(_by_name(name, schema), SAMPLES, ["a" * max(shortest, 1)])
        if "pattern" in schema:
            candidates = itertools.chain(candidates, self._matching(schema["pattern"], shortest, longest))
        for candidate in candidates:
            if shortest <= len(candidate) <= longest and not validator.findings(candidate):
                return candidate
        raise NoExampleError(f"{name}: nothing keeps {schema.get('pattern')!r} in {shortest} to {longest}")

    def _matching(self, pattern: str, shortest: int, longest: int) -> Iterator[str]:
        """Texts that are taken from a pattern's parts: short ones first, then longer ones."""
        plain = _PROPERTY_CLASS.sub(lambda found: _CLASSES.get(found[1][0], "a-z"), pattern)
        plain = plain.replace("(?i)", "")
        try:
            with warnings.catch_warnings(action="ignore"):  # AWS's patterns are AWS's
                parts = parser.parse(plain)
        except (re.error, OverflowError):
            return
        for attempt in range(_ATTEMPTS):
            text = self._from(parts, attempt // 4, {})
            if len(text) < shortest and attempt > _ATTEMPTS // 2:
                text += text[-1:] * (shortest - len(text))
            yield text[:longest] if attempt % 5 == 4 else text

    def _from(self, parts: Any, more: int, groups: dict[int, str]) -> str:
        return "".join(self._part(code, argument, more, groups) for code, argument in parts)

    def _part(self, code: Any, argument: Any, more: int, groups: dict[int, str]) -> str:
        if code is op.LITERAL:
            return chr(argument)
        if code is op.NOT_LITERAL:
            return "a" if argument != ord("a") else "b"
        if code is op.ANY:
            return "a"
        if code is op.IN:
            return self._random.choice(_members_of(argument))
        if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            fewest, most, inner = argument
            count = min(fewest + self._random.randint(0, more), int(most))
            return "".join(self._from(inner, more, groups) for _ in range(count))
        if code is op.SUBPATTERN:
            groups[argument[0]] = self._from(argument[3], more, groups)
            return groups[argument[0]]
        if code is op.ATOMIC_GROUP:
            return self._from(argument, more, groups)
        if code is op.BRANCH:
            return self._from(self._random.choice(argument[1]), more, groups)
        if code is op.GROUPREF:
            return groups.get(argument, "")
        return ""  # anchors and look-arounds take no room: what they forbid is tried again

    def _alternative(self, schema: Schema, make: Any) -> Any:
        """What is made for the first branch of `anyOf` and `oneOf` that the whole schema then accepts."""
        validator = Validator(schema, self._root)
        branches: Sequence[Sequence[Schema]] = [schema.get(word, ()) or ({},) for word in ("anyOf", "oneOf")]
        plain = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
        last: Any = NoExampleError("no branch")
        for chosen in itertools.islice(itertools.product(*branches), 60):
            merged: Schema = plain
            for branch in chosen:
                merged = _merge(merged, _merged(branch, self._root))
            nested = [merged] if not ({"anyOf", "oneOf"} & merged.keys()) else []
            try:
                made = make(merged) if nested else self._alternative(merged, make)
            except NoExampleError as error:
                last = error
                continue
            findings = self._findings(validator, made)
            if not findings:
                return made
            last = NoExampleError("; ".join(map(str, findings)))
        raise last


_PROPERTY_CLASS = re.compile(r"\\p\{(\w+)\}|\\p([A-Z])")
_CLASSES = {"L": "a-zA-Z", "N": "0-9", "Z": " ", "S": "+", "P": "_"}


def _members_of(argument: Any) -> list[str]:
    negated = argument and argument[0][0] is op.NEGATE
    found: set[str] = set()
    for code, value in argument:
        if code is op.LITERAL:
            found.add(chr(value))
        elif code is op.RANGE:
            found.update(chr(number) for number in range(value[0], min(value[1], 0x17F) + 1))
        elif code is op.CATEGORY:
            found.update(_CATEGORIES.get(value, _PRINTABLE))
    allowed = [char for char in _PRINTABLE if (char in found) is not negated]
    preferred = [char for char in allowed if char.isalnum() and char.isascii()]
    return preferred or allowed or sorted(found) or ["a"]


_PRINTABLE = [chr(number) for number in range(0x20, 0x7F)]
_CATEGORIES = {
    op.CATEGORY_DIGIT: list("0123456789"),
    op.CATEGORY_WORD: [char for char in _PRINTABLE if char.isalnum() or char == "_"],
    op.CATEGORY_SPACE: [" "],
    op.CATEGORY_NOT_SPACE: [char for char in _PRINTABLE if char != " "],
    op.CATEGORY_NOT_DIGIT: [char for char in _PRINTABLE if not char.isdigit()],
    op.CATEGORY_NOT_WORD: [char for char in _PRINTABLE if not (char.isalnum() or char == "_")],
}


def _by_name(name: str, schema: Schema) -> list[str]:
    if schema.get("format") == "date-time" or name.endswith(("Time", "Timestamp")):
        return ["2030-01-01T00:00:00Z"]
    if name.endswith(("Arn", "ARN")):
        return [f"arn:aws:iam::{ACCOUNT}:role/sample"]
    if "Cidr" in name:
        return ["10.0.0.0/16"]
    return []


def _merged(schema: Schema, root: Schema) -> dict[str, Any]:
    """A schema with what it refers to, and with all of its `allOf`."""
    found: dict[str, Any] = resolve(schema, root)
    for branch in found.pop("allOf", ()):
        found = _merge(found, _merged(branch, root))
    return found


def _merge(one: Schema, other: Schema) -> dict[str, Any]:
    found = {**one, **other}
    if one.get("properties") and other.get("properties"):
        found["properties"] = {
            name: {**one["properties"].get(name, {}), **other["properties"].get(name, {})}
            for name in {**one["properties"], **other["properties"]}
        }
    elif one.get("properties"):
        found["properties"] = one["properties"]
    if one.get("required") or other.get("required"):
        found["required"] = [*one.get("required", ()), *other.get("required", ())]
    return found


def _implied(schema: Schema) -> str | None:
    if {"properties", "required", "patternProperties", "requiredXor"} & schema.keys():
        return "object"
    if "items" in schema:
        return "array"
    if "minimum" in schema:
        return "integer"
    return None if {"anyOf", "oneOf"} & schema.keys() else "string"


def _with_dependencies(wanted: Sequence[str], schema: Schema) -> list[str]:
    found = list(dict.fromkeys(wanted))
    for name in found:  # grows while it is walked
        for keyword in ("dependencies", "dependentRequired"):
            needed = schema.get(keyword, {}).get(name, ())
            found += [key for key in needed if isinstance(needed, list) and key not in found]
    return found


def _any(names: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    return not names or any(name in wanted for name in names)
