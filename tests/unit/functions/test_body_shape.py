"""What is told of a body from its commas and brackets, beside the reference implementation that reads it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_gateway import catalogue, payload
from inference_gateway.problem import Problem
from inference_gateway.schema import compiled
from inference_gateway.shape import shape

NUMBER, INTEGER = {"type": "number"}, {"type": "integer", "title": "how many"}


def rows(least: int | None = None, most: int | None = None, items: Any = NUMBER) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "array", "items": items}
    return found | {
        name: value for name, value in (("minItems", least), ("maxItems", most)) if value is not None
    }


def sizes(of: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    bounds = st.none() | st.integers(0, 4)
    return st.builds(rows, bounds, bounds, of)


ARRAYS = sizes(st.sampled_from([NUMBER, INTEGER])) | sizes(sizes(st.sampled_from([NUMBER, INTEGER])))
OBJECTS = st.builds(
    lambda array, other, required, more: {
        "type": "object",
        "properties": {"rows": array, "k": other},
        "required": required,
        "additionalProperties": more,
    },
    ARRAYS,
    st.sampled_from([True, {"type": "string"}, {"type": "array"}, {"type": "object"}]),
    st.lists(st.sampled_from(["rows", "k", "x"]), unique=True, max_size=2),
    st.booleans(),
)
SPACE = st.sampled_from(["", "", "", " ", "\n", "\t\r"])
WRITTEN = st.sampled_from(
    ["0", "-1", "1.0", "2.5e3", "-0.1E-2", "7", "12", "null", "true", '"1"', "[]", "{}", '"]"', '"\\"]"']
)
NUMBERS = st.sampled_from(["0", "-1", "7", "12", "1.0", "2.5e3"])


@st.composite
def listed(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    parts = draw(st.lists(inner, max_size=5))
    return "[" + ",".join(draw(SPACE) + part + draw(SPACE) for part in parts) + draw(SPACE) + "]"


TEXTS = listed(NUMBERS) | listed(listed(NUMBERS)) | listed(WRITTEN) | listed(listed(WRITTEN))


@st.composite
def objects(draw: st.DrawFn) -> str:
    names = st.sampled_from(['"rows"', '"k"', '"x"', '"r\\u006fws"'])
    inner = TEXTS | WRITTEN | st.just('{"rows": [1, 2]}') | st.just('"rows"')
    members = draw(st.lists(st.tuples(names, inner), max_size=4))
    written = (name + draw(SPACE) + ":" + draw(SPACE) + value for name, value in members)
    return draw(SPACE) + "{" + ",".join(written) + "}" + draw(SPACE)


@settings(max_examples=500, deadline=None)
@given(schema=ARRAYS | OBJECTS, text=TEXTS | objects())
def test_what_fits_unread_fits_read(schema: Any, text: str) -> None:
    unread = shape(schema)

    if unread is not None and unread(text.encode()):
        jsonschema.Draft202012Validator(schema).validate(json.loads(text))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False), min_size=2)))
def test_rows_that_fit_are_known_to(value: list[list[float]]) -> None:
    unread = shape(rows(1, items=rows(2)))
    assert unread is not None

    assert unread(json.dumps(value).encode()) is bool(value)


TOLD = {
    "columns": (rows(items=rows(2, 2)), "[[1, 2], [3, 4.5]]"),
    "a row": (rows(), "[1, 2, 3]"),
    "none of what may be missing": (rows(), "[]"),
    "whole numbers": (rows(items=INTEGER), "[1, -2]"),
    "cubes": (rows(items=rows(items=rows())), "[[[1], [2, 3]], [[]]]"),
    "a member": ({"type": "object", "properties": {"rows": rows()}}, '{"k": "]", "rows": [1], "x": [{}]}'),
    "a required member": (
        {"type": "object", "properties": {"rows": rows(items=rows())}, "required": ["rows"]},
        '\n{ "rows" : [[1, 2]] }\n',
    ),
}


@pytest.mark.parametrize(("schema", "text"), TOLD.values(), ids=TOLD)
def test_knows_what_fits_unread(schema: Any, text: str) -> None:
    unread = shape(schema)
    assert unread is not None

    assert unread(text.encode())


UNTOLD: dict[str, Any] = {
    "text": rows(items={"type": "string"}),
    "numbers of some size": rows(items={"type": "number", "minimum": 0}),
    "anything": rows(items=True),
    "unique numbers": rows() | {"uniqueItems": True},
    "one number or none": rows(0, 0),
    "exactly one number": rows(1, 1),
    "no way to fit": rows(3, 2),
    "two arrays": {"type": "object", "properties": {"a": rows(), "b": rows()}},
    "members that refer to each other": {
        "type": "object",
        "properties": {"a": rows(), "b": {"$ref": "#/properties/a"}},
    },
    "members by a pattern": {
        "type": "object",
        "properties": {"a": rows()},
        "patternProperties": {"a": False},
    },
    "true": True,
}


@pytest.mark.parametrize("schema", UNTOLD.values(), ids=UNTOLD)
def test_leaves_everything_else_to_be_read(schema: Any) -> None:
    assert shape(schema) is None


MODEL = catalogue.parse('{"m": {"endpoint": "m", "content_types": ["application/json"]}}')["m"]
SCHEMA = rows(items=rows(2, 2))
MANY = b"[" + b",".join([b"[0.5, -1e-3]"] * 20_000) + b"]"


def checked(body: bytes, schema: Any = SCHEMA) -> Problem | None:
    try:
        payload.check(body, "application/json", MODEL, compiled(schema), shape(schema))
    except Problem as problem:
        return problem
    return None


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (b"[0.5, 1, 2]", "body-does-not-fit"),
        (b"[0.5, null]", "body-does-not-fit"),
        (b"[0.5, 01]", "invalid-json"),
        (b"[0.5, 1.]", "invalid-json"),
        (b"[0.5, 1 2]", "invalid-json"),
        (b"[0.5, ]", "invalid-json"),
        (b"[0.5, --1]", "invalid-json"),
        (b"[0.5, NaN]", "invalid-json"),
        (b"[0.5, 1e]", "invalid-json"),
        (b"[0.5, 1]]", "invalid-json"),
        (b"[0.5, \xff]", "invalid-json"),
    ],
)
def test_one_wrong_row_of_many_is_found(wrong: bytes, kind: str) -> None:
    problem = checked(MANY[:-1] + b"," + wrong + b"]")

    assert checked(MANY) is None
    assert problem is not None
    assert problem.kind.name == kind
    if kind == "body-does-not-fit":
        assert str(problem.members["errors"]).startswith("[{'pointer': '/20000")


def test_what_fits_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_body: bytes) -> object:
        raise AssertionError("it was read")

    monkeypatch.setattr(payload, "_strict_json", read)

    among = {"type": "object", "properties": {"rows": SCHEMA}, "required": ["rows"]}
    assert checked(MANY) is None
    assert checked(b'{"rows": ' + MANY + b', "k": 1}', among) is None


def test_an_object_too_deep_is_read_and_refused() -> None:
    schema = {"type": "object", "properties": {"rows": SCHEMA}}

    problem = checked(b'{"rows": ' + MANY + b', "deep": ' + b"[" * 101 + b"]" * 101 + b"}", schema)

    assert problem is not None
    assert problem.kind.name == "invalid-json"
