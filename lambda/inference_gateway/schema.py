"""A model's JSON Schema, compiled to functions that say where a value does not fit.

The part of draft 2020-12 that describes bodies: everything below, and annotations. What else asserts
something is refused, so that nothing is believed to be checked that is not. `format` is an annotation, as
the draft has it: https://json-schema.org/draft/2020-12/json-schema-validation#section-7.2.1

A value that fits costs a walk through it and no objects; rows of numbers are checked all at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, cast

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ANNOTATIONS = frozenset(
    {
        "$comment", "$defs", "$id", "$schema", "contentEncoding", "contentMediaType", "default",
        "deprecated", "description", "examples", "format", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
_MOST_FAULTS = 10

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    path: Path
    message: str

    @property
    def pointer(self) -> str:
        """Where it is, as a JSON Pointer (RFC 6901)."""
        return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.path)


Faults = list[Fault]
Check = Callable[[object], Faults | None]
"""None where a value fits."""


class SchemaError(ValueError):
    """The schema is none, or asks for what is not supported here: at `path`."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{Fault(path, message).pointer}: {message}")
        self.path = path
        self.message = message


def compiled(schema: object) -> Check:
    """Raises :class:`SchemaError`."""
    if isinstance(schema, dict) and schema.get("$schema", DRAFT) not in (DRAFT, DRAFT + "#"):
        raise SchemaError(("$schema",), f"is another draft, give {DRAFT}, or nothing")
    return _Compiler(schema).check(schema, ())


def _wrong(message: str) -> Faults:
    return [Fault((), message)]


def _below(step: str | int, faults: Faults) -> Faults:
    return [Fault((step, *fault.path), fault.message) for fault in faults]


class _Compiler:
    def __init__(self, root: object) -> None:
        self._root = root
        self._references: dict[str, Check] = {}

    def check(self, schema: object, at: Path) -> Check:
        if schema is True:
            return _anything
        if schema is False:
            return _nothing
        if not isinstance(schema, dict):
            raise _unusable(at, f"is a {type(schema).__name__}, give a schema: an object, or true or false")
        checks: list[Check] = []
        for keyword, value in schema.items():
            if keyword == "$defs":
                for name, each in _object(value, (*at, keyword)).items():
                    self.check(each, (*at, keyword, name))
            if keyword in ANNOTATIONS:
                continue
            make = _KEYWORDS.get(keyword)
            if make is None:
                raise _unusable((*at, keyword), "is not supported here, take it out")
            checks.append(make(self, value, schema, (*at, keyword)))
        if len(checks) == 1:
            return checks[0]
        return partial(_all, tuple(checks)) if checks else _anything

    def reference(self, to: object, at: Path) -> Check:
        if not isinstance(to, str) or not (to == "#" or to.startswith("#/")):
            raise _unusable(at, "is not a place in this schema, like #/$defs/row")
        if to not in self._references:
            self._references[to] = _anything  # what refers to itself ends here, and is bound below
            found = self._root
            for step in to[1:].split("/")[1:]:
                step = step.replace("~1", "/").replace("~0", "~")
                if isinstance(found, dict) and step in found:
                    found = found[step]
                elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
                    found = found[int(step)]
                else:
                    raise _unusable(at, f"there is nothing at '{to}'")
            self._references[to] = self.check(found, (to,))
        return lambda value: self._references[to](value)

    def schemas(self, value: object, at: Path) -> tuple[Check, ...]:
        if not isinstance(value, list) or not value:
            raise _unusable(at, "is not a list with something in it, give schemas")
        return tuple(self.check(each, (*at, index)) for index, each in enumerate(value))


def _anything(_value: object) -> None:
    return None


def _nothing(_value: object) -> Faults:
    return _wrong("is not expected")


def _all(checks: tuple[Check, ...], value: object) -> Faults | None:
    found: Faults = []
    for check in checks:
        faults = check(value)
        if faults:
            found += faults
            if len(found) >= _MOST_FAULTS:
                break
    return found[:_MOST_FAULTS] or None


_TYPES: Mapping[str, frozenset[type]] = {
    "array": frozenset({list}),
    "boolean": frozenset({bool}),
    "integer": frozenset({int}),
    "null": frozenset({type(None)}),
    "number": frozenset({int, float}),
    "object": frozenset({dict}),
    "string": frozenset({str}),
}


def _type(_compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    names: list[Any] = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name in _TYPES for name in names):
        raise _unusable(at, f"is not a type, give some of: {', '.join(sorted(_TYPES))}")
    types = frozenset[type]().union(*(_TYPES[name] for name in names))
    whole = "integer" in names and "number" not in names
    article = "an" if names[0][0] in "aio" else "a"
    message = f"is not {article} {' or '.join(names)}"

    def check(value: object) -> Faults | None:
        if type(value) in types or (whole and type(value) is float and value.is_integer()):
            return None
        return _wrong(message)

    return check


def _properties(compiler: _Compiler, _value: object, schema: Mapping[str, object], at: Path) -> Check:
    """With `patternProperties` and `additionalProperties`, which are about the rest."""
    here = at[:-1]
    named = {
        name: compiler.check(each, (*here, "properties", name))
        for name, each in _object(schema.get("properties", {}), (*here, "properties")).items()
    }
    patterns = [
        (_expression(pattern, at), compiler.check(each, (*here, "patternProperties", pattern)))
        for pattern, each in _object(
            schema.get("patternProperties", {}), (*here, "patternProperties")
        ).items()
    ]
    others = compiler.check(schema.get("additionalProperties", True), (*here, "additionalProperties"))

    def check(value: object) -> Faults | None:
        if type(value) is not dict:
            return None
        found: Faults = []
        for name, member in value.items():
            known = named.get(name)
            faults = known(member) if known else None
            matched = False
            for pattern, check in patterns:
                if pattern.search(name):
                    matched = True
                    faults = (faults or []) + (check(member) or [])
            if known is None and not matched:
                faults = others(member)
            if faults:
                found += _below(name, faults)
                if len(found) >= _MOST_FAULTS:
                    break
        return found[:_MOST_FAULTS] or None

    return check


def _required(_compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    names = _names(value, at)

    def check(value: object) -> Faults | None:
        if type(value) is not dict or all(name in value for name in names):
            return None
        missing = [name for name in names if name not in value]
        return _wrong(f"lacks {', '.join(repr(name) for name in missing[:_MOST_FAULTS])}")

    return check


def _dependent_required(
    _compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path
) -> Check:
    asked = {name: _names(each, (*at, name)) for name, each in _object(value, at).items()}

    def check(value: object) -> Faults | None:
        if type(value) is not dict:
            return None
        for name, others in asked.items():
            if name in value:
                for other in others:
                    if other not in value:
                        return _wrong(f"has '{name}', and lacks '{other}', which goes with it")
        return None

    return check


def _property_names(compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    check_name = compiler.check(value, at)

    def check(value: object) -> Faults | None:
        if type(value) is not dict:
            return None
        for name in value:
            if check_name(name):
                return _below(name, _wrong("is not a name that is taken here"))
        return None

    return check


def _items(compiler: _Compiler, _value: object, schema: Mapping[str, object], at: Path) -> Check:
    """With `prefixItems`, which are before the rest."""
    here = at[:-1]
    first: tuple[Check, ...] = ()
    if "prefixItems" in schema:
        first = compiler.schemas(schema["prefixItems"], (*here, "prefixItems"))
    rest_schema = schema.get("items", True)
    rest = compiler.check(rest_schema, (*here, "items"))
    surely = None if first else _surely(rest_schema)

    def check(value: object) -> Faults | None:
        if type(value) is not list or not value:
            return None
        if surely is not None and surely(value):
            return None
        found: Faults = []
        for index, item in enumerate(value):
            faults = first[index](item) if index < len(first) else rest(item)
            if faults:
                found += _below(index, faults)
                if len(found) >= _MOST_FAULTS:
                    break
        return found[:_MOST_FAULTS] or None

    return check


_Surely = Callable[[Collection[object]], bool]
"""Whether all of some values fit for sure: false is for those that have to be looked at one by one."""


def _surely(schema: object) -> _Surely | None:
    """For numbers, text and arrays of these: rows and columns, checked without a call for each."""
    if not isinstance(schema, dict) or not isinstance(schema.get("type"), str):
        return None
    asked, kind = schema.keys() - ANNOTATIONS - {"type"}, schema["type"]
    types = _TYPES[kind]
    if not asked:
        return lambda values: types.issuperset(map(type, values))
    if kind in ("integer", "number") and asked <= {"minimum", "maximum"}:
        least, most = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        return lambda values: (
            types.issuperset(map(type, values))
            and (not values or (min(cast(Collection[float], values)) >= least))
            and (not values or (max(cast(Collection[float], values)) <= most))
        )
    if kind == "array" and asked <= {"items", "minItems", "maxItems"}:
        items = _surely(schema["items"]) if "items" in schema else None
        if "items" in schema and items is None:
            return None
        fewest, many = schema.get("minItems", 0), schema.get("maxItems", float("inf"))

        def fit(values: Collection[object]) -> bool:
            if not types.issuperset(map(type, values)):
                return False
            lists = cast(Collection[list[object]], values)
            sizes = set(map(len, lists))
            if sizes and not (fewest <= min(sizes) and max(sizes) <= many):
                return False
            return items is None or items(list(chain.from_iterable(lists)))

        return fit
    return None


def _enumeration(_compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    if not isinstance(value, list) or not value:
        raise _unusable(at, "is not a list with something in it")
    return partial(_one_of_values, frozenset(map(_frozen, value)), "is not one of the values there are")


def _constant(_compiler: _Compiler, value: object, _schema: Mapping[str, object], _at: Path) -> Check:
    return partial(_one_of_values, frozenset({_frozen(value)}), "is not the one value there is")


def _one_of_values(known: frozenset[object], message: str, value: object) -> Faults | None:
    return None if _frozen(value) in known else _wrong(message)


def _frozen(value: object) -> object:
    """Equal, and with the same hash, for what JSON takes for the same: 1 is 1.0, and is not true."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, list):
        return ("array", tuple(map(_frozen, value)))
    if isinstance(value, dict):
        return ("object", frozenset((name, _frozen(member)) for name, member in value.items()))
    return value


def _bound(says: str, fits: Callable[[float, float], bool]) -> _Make:
    def make(_compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
        limit = _number(value, at)

        def check(value: object) -> Faults | None:
            if type(value) not in (int, float) or fits(cast(float, value), limit):
                return None
            return _wrong(f"{says} {limit}")

        return check

    return make


def _size(kind: type, says: str, fits: Callable[[int, int], bool]) -> _Make:
    def make(_compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or value < 0:
            raise _unusable(at, "is not a whole number, give 0 or more")
        limit = value

        def check(value: object) -> Faults | None:
            if type(value) is not kind or fits(len(cast(str, value)), limit):
                return None
            return _wrong(says.format(limit))

        return check

    return make


def _multiple_of(_compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    divisor = _number(value, at)
    if divisor <= 0:
        raise _unusable(at, "is not more than 0")

    def check(value: object) -> Faults | None:
        if type(value) is int and type(divisor) is int:
            fits = value % divisor == 0
        elif type(value) in (int, float):
            try:
                quotient = cast(float, value) / divisor
            except OverflowError:
                return _wrong(f"is not a multiple of {divisor}")
            fits = quotient not in (float("inf"), float("-inf")) and quotient == int(quotient)
        else:
            return None
        return None if fits else _wrong(f"is not a multiple of {divisor}")

    return check


def _pattern(_compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    search = _expression(value, at).search

    def check(value: object) -> Faults | None:
        if type(value) is not str or search(value):
            return None
        return _wrong("is not written as it should be")

    return check


def _unique(_compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    if not isinstance(value, bool):
        raise _unusable(at, "is neither true nor false")
    if not value:
        return _anything

    def check(value: object) -> Faults | None:
        if type(value) is not list or len(set(map(_frozen, value))) == len(value):
            return None
        return _wrong("has the same item twice")

    return check


def _all_of(compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    return partial(_all, compiler.schemas(value, at))


def _any_of(compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    checks = compiler.schemas(value, at)

    def check(value: object) -> Faults | None:
        nearest: Faults = []
        for each in checks:
            faults = each(value)
            if not faults:
                return None
            # What is wrong deep inside of an alternative says that this was the one that was meant.
            if not nearest or max(len(one.path) for one in faults) > max(len(one.path) for one in nearest):
                nearest = faults
        return nearest if len(checks) == 1 or any(fault.path for fault in nearest) else _wrong(_NO_WAY)

    return check


_NO_WAY = "fits none of the ways in which it may be written"


def _one_of(compiler: _Compiler, value: object, schema: Mapping[str, object], at: Path) -> Check:
    checks = compiler.schemas(value, at)
    any_of = _any_of(compiler, value, schema, at)

    def check(value: object) -> Faults | None:
        fitting = sum(not each(value) for each in checks)
        if fitting == 1:
            return None
        return any_of(value) or _wrong("fits more than one of the ways in which it may be written")

    return check


def _not(compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    refused = compiler.check(value, at)
    return lambda value: None if refused(value) else _wrong("is what it must not be")


def _if(compiler: _Compiler, value: object, schema: Mapping[str, object], at: Path) -> Check:
    condition = compiler.check(value, at)
    then = compiler.check(schema.get("then", True), (*at[:-1], "then"))
    otherwise = compiler.check(schema.get("else", True), (*at[:-1], "else"))
    return lambda value: otherwise(value) if condition(value) else then(value)


def _reference(compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    return compiler.reference(value, at)


def _only_checked(compiler: _Compiler, value: object, _schema: Mapping[str, object], at: Path) -> Check:
    """`then` and `else`: without an `if` they are schemas that nothing depends on."""
    compiler.check(value, at)
    return _anything


_Make = Callable[[_Compiler, object, Mapping[str, object], Path], Check]
_KEYWORDS: Mapping[str, _Make] = {
    "$ref": _reference,
    "additionalProperties": lambda compiler, value, schema, at: (
        _anything
        if schema.keys() & {"properties", "patternProperties"}
        else _properties(compiler, value, schema, at)
    ),
    "allOf": _all_of,
    "anyOf": _any_of,
    "const": _constant,
    "dependentRequired": _dependent_required,
    "else": _only_checked,
    "enum": _enumeration,
    "exclusiveMaximum": _bound("is not less than", lambda value, limit: value < limit),
    "exclusiveMinimum": _bound("is not more than", lambda value, limit: value > limit),
    "if": _if,
    "items": lambda compiler, value, schema, at: (
        _anything if "prefixItems" in schema else _items(compiler, value, schema, at)
    ),
    "maxItems": _size(list, "has more than {} items", lambda size, limit: size <= limit),
    "maxLength": _size(str, "has more than {} characters", lambda size, limit: size <= limit),
    "maxProperties": _size(dict, "has more than {} members", lambda size, limit: size <= limit),
    "maximum": _bound("is more than", lambda value, limit: value <= limit),
    "minItems": _size(list, "has fewer than {} items", lambda size, limit: size >= limit),
    "minLength": _size(str, "has fewer than {} characters", lambda size, limit: size >= limit),
    "minProperties": _size(dict, "has fewer than {} members", lambda size, limit: size >= limit),
    "minimum": _bound("is less than", lambda value, limit: value >= limit),
    "multipleOf": _multiple_of,
    "not": _not,
    "oneOf": _one_of,
    "pattern": _pattern,
    "patternProperties": lambda compiler, value, schema, at: (
        _anything if "properties" in schema else _properties(compiler, value, schema, at)
    ),
    "prefixItems": _items,
    "properties": _properties,
    "propertyNames": _property_names,
    "required": _required,
    "then": _only_checked,
    "type": _type,
    "uniqueItems": _unique,
}


def _unusable(at: Path, message: str) -> SchemaError:
    return SchemaError(at, message)


def _object(value: object, at: Path) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _unusable(at, f"is a {type(value).__name__}, give an object")
    return value


def _names(value: object, at: Path) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise _unusable(at, "is not a list of names")
    return value


def _number(value: object, at: Path) -> float:
    if type(value) not in (int, float):
        raise _unusable(at, "is not a number")
    return cast(float, value)


_PIECE = re.compile(r"\\.|\[(?:[^\\\]]|\\.)*\]|[$.]", re.DOTALL)
_SPACES = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_HERE = {
    "$": r"\Z",
    ".": r"[^\n\r\u2028\u2029]",
    r"\s": f"[{_SPACES}]",
    r"\S": f"[^{_SPACES}]",
}
"""What Python reads in another way than JavaScript (ECMA-262), whose expressions a schema's are: Python's `$`
lets a line's end follow. https://json-schema.org/draft/2020-12/json-schema-core#section-6.4"""


def _as_in_python(piece: re.Match[str]) -> str:
    text = piece[0]
    if text.startswith("["):
        return re.sub(r"\\.", lambda escaped: _SPACES if escaped[0] == r"\s" else escaped[0], text)
    return _HERE.get(text, text)


def _expression(value: object, at: Path) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise _unusable(at, "is not a regular expression")
    try:
        # digits and letters are ASCII's
        return re.compile(_PIECE.sub(_as_in_python, value), re.ASCII)
    except re.error as error:
        raise _unusable(at, f"is not a regular expression: {error}") from None
