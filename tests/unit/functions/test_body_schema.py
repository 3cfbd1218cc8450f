"""A model's JSON Schema: the same verdict as the reference implementation's, and the place that is wrong."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_gateway.schema import SchemaError, compiled

NAMES = st.sampled_from(["a", "b", "c/d", "e~f"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 4)
    | st.sampled_from([0.5, 1.0, 2.0, 1e300, "", "a", "abc", "\u00e4"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
SIZES = st.integers(0, 3)


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    members = st.dictionaries(NAMES, inner, max_size=3)
    return st.booleans() | st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
            "properties": members,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "[bc]"]), inner, max_size=2),
            "additionalProperties": inner,
            "propertyNames": inner,
            "required": st.lists(NAMES, max_size=2, unique=True),
            "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
            "minProperties": SIZES,
            "maxProperties": SIZES,
            "items": inner,
            "prefixItems": some,
            "minItems": SIZES,
            "maxItems": SIZES,
            "uniqueItems": st.booleans(),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "minimum": st.integers(-2, 3),
            "maximum": st.integers(-2, 3) | st.just(0.5),
            "exclusiveMinimum": st.integers(-2, 3),
            "exclusiveMaximum": st.integers(-2, 3),
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            "minLength": SIZES,
            "maxLength": SIZES,
            "pattern": st.sampled_from(["^a", "c$", "b"]),
            "allOf": some,
            "anyOf": some,
            "oneOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "$ref": st.just("#/$defs/other"),
        },
    )


SCHEMAS = st.recursive(st.booleans() | st.fixed_dictionaries({"type": TYPES}), keywords, max_leaves=6)


@settings(max_examples=400, deadline=None)
@given(schema=SCHEMAS, other=SCHEMAS, values=st.lists(VALUES, min_size=3, max_size=3))
def test_agrees_with_the_reference_implementation(schema: Any, other: Any, values: list[Any]) -> None:
    whole = {"$defs": {"other": without_references(other)}, "allOf": [schema]}
    check = compiled(whole)
    reference = jsonschema.Draft202012Validator(whole)

    assert [not check(value) for value in values] == [reference.is_valid(value) for value in values]


CELLS = st.sampled_from([0, 1, 2, 0.5, 2.0, 5, True, None, "a", []])
CELL = st.fixed_dictionaries(
    {"type": st.sampled_from(["number", "integer", "string", "boolean"])},
    optional={"minimum": st.integers(0, 2), "maximum": st.integers(1, 4), "description": st.just("a cell")},
)


def array_of(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just("array")}, optional={"items": items, "minItems": SIZES, "maxItems": SIZES}
    )


@settings(max_examples=300, deadline=None)
@given(
    schema=array_of(array_of(CELL) | array_of(array_of(CELL))),
    value=st.lists(st.lists(CELLS | st.lists(CELLS, max_size=3), max_size=4) | CELLS, max_size=4),
)
def test_agrees_about_rows_and_columns_which_are_checked_at_once(schema: Any, value: Any) -> None:
    assert (not compiled(schema)(value)) == jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("^x+$", "xx", "x\n"),
        (r"^\d$", "3", "\u0663"),
        (r"^\w$", "a", "\u00e4"),
        (r"^\s$", "\ufeff", "\x1c"),
        (r"^\S$", "\x1c", "\ufeff"),
        (r"^[a\s]$", "\u3000", "s"),
        ("^.$", "\x85", "\u2028"),
        (r"^\$\.$", "$.", "$x"),
        (r"^[$.\]]$", "$", "x"),
    ],
)
def test_patterns_are_read_as_in_javascript(pattern: str, fits: str, does_not: str) -> None:
    check = compiled({"pattern": pattern})

    assert (check(fits), bool(check(does_not))) == (None, True)


def without_references(schema: Any) -> Any:
    """What refers to itself and to nothing else would never end."""
    if isinstance(schema, list):
        return [without_references(each) for each in schema]
    if isinstance(schema, dict):
        return {key: without_references(value) for key, value in schema.items() if key != "$ref"}
    return schema


HOUSE = {
    "type": "object",
    "required": ["rooms"],
    "additionalProperties": False,
    "properties": {
        "rooms": {"type": "integer", "minimum": 1},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
        "a/b~c": {"type": "string", "maxLength": 2},
        "kind": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"x": {"type": "number"}}}]},
    },
    "$defs": {"row": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}},
}


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"rooms": 2, "rows": [[1, 2.5]], "a/b~c": "ok", "kind": None}, []),
        ([], [("", "is not an object")]),
        ({}, [("", "lacks 'rooms'")]),
        ({"rooms": True}, [("/rooms", "is not an integer")]),
        ({"rooms": 0}, [("/rooms", "is less than 1")]),
        ({"rooms": 1, "attic": 1}, [("/attic", "is not expected")]),
        ({"rooms": 1, "a/b~c": "long"}, [("/a~1b~0c", "has more than 2 characters")]),
        (
            {"rooms": 1, "rows": [[1, 2], [1, "2"], [1]]},
            [("/rows/1/1", "is not a number"), ("/rows/2", "has fewer than 2 items")],
        ),
        ({"rooms": 1, "kind": {"x": "y"}}, [("/kind/x", "is not a number")]),
        ({"rooms": 1, "kind": 1}, [("/kind", "fits none of the ways in which it may be written")]),
    ],
)
def test_points_to_what_is_wrong(value: Any, faults: list[tuple[str, str]]) -> None:
    found = compiled(HOUSE)(value) or []

    assert [(fault.pointer, fault.message) for fault in found] == faults


def test_tells_ten_faults_at_most() -> None:
    found = compiled({"type": "array", "items": {"type": "string"}})([1] * 1000)

    assert len(found or []) == 10


def test_a_schema_may_refer_to_itself() -> None:
    tree = compiled({"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}})

    assert tree({"left": {"right": {}}}) is None
    assert tree({"left": {"right": 1}}) is not None


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (1, ": is a int, give a schema"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/$schema: is another draft"),
        ({"type": "float"}, "/type: is not a type"),
        ({"properties": {"a/b": {"type": 1}}}, "/properties/a~1b/type: is not a type"),
        ({"unevaluatedProperties": False}, "/unevaluatedProperties: is not supported here"),
        ({"allOf": []}, "/allOf: is not a list with something in it"),
        ({"pattern": "("}, "/pattern: is not a regular expression"),
        ({"minItems": -1}, "/minItems: is not a whole number"),
        ({"minimum": "1"}, "/minimum: is not a number"),
        ({"required": "a"}, "/required: is not a list of names"),
        ({"$ref": "#/$defs/none"}, "there is nothing at '#/$defs/none'"),
        ({"$ref": "https://other.example/schema"}, "/$ref: is not a place in this schema"),
        ({"$defs": {"row": {"type": "rows"}}}, "/$defs/row/type: is not a type"),
    ],
)
def test_refuses_a_schema_that_it_cannot_keep(schema: Any, complaint: str) -> None:
    with pytest.raises(SchemaError) as refused:
        compiled(schema)

    assert complaint in str(refused.value)


def test_knows_that_true_is_not_1_and_that_1_is_1_0() -> None:
    check = compiled({"enum": [1, [True]]})

    assert check(1.0) is None
    assert check([True]) is None
    assert check(True)
    assert check([1])
    assert json.loads("1.0") == 1
