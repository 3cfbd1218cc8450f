"""Whether JSON fits a schema, told from its commas and brackets: for numbers in rows and columns.

Of an array of numbers, commas and brackets are left when all is taken away that numbers and spaces are
written with. What they look like for the arrays that a schema takes is a regular expression, so that a body
of a hundred thousand numbers is looked at without making objects of them. It is also done for one such array
among the members of an object.

Only what fits for sure is told: whatever is uncertain has to be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from inference_gateway import limit
from inference_gateway.schema import ANNOTATIONS, Check, compiled

_NUMBERS: Mapping[object, bytes] = {
    "integer": b"0123456789- \t\r\n",
    # Of valid JSON, nothing else can be written with these alone.
    "number": b"0123456789-+.eE \t\r\n",
}
_ARRAY_KEYS = {"type", "items", "minItems", "maxItems"}
_OBJECT_KEYS = {"type", "properties", "required", "additionalProperties", "minProperties", "maxProperties"}
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_REST_BYTES = 64 * 1024
"""Of an object without its array: more is read as ever."""
_MOST_ITEMS = 1_000_000
"""A regular expression counts as far as it can, and a body has not more than this."""

Shape = Callable[[bytes], bool]
"""Of a body that is valid JSON: whether it fits for sure, and is not nested too deep."""


def shape(schema: object) -> Shape | None:
    """None where a schema asks for something else. It is one that `schema.compiled` takes."""
    array = _array(schema)
    return array if array is not None else _object(schema)


def _array(schema: object) -> Shape | None:
    found = _expression(schema)
    if found is None:
        return None
    fits, written = re.compile(found[0]).fullmatch, found[1]
    return lambda body: fits(body.translate(None, written)) is not None


def _expression(schema: object, depth: int = 1) -> tuple[bytes, bytes] | None:
    """Of an array's commas and brackets; and what its numbers are written with."""
    if not isinstance(schema, dict) or schema.get("type") != "array" or depth > limit.JSON_DEPTH:
        return None
    least, most = schema.get("minItems", 0), schema.get("maxItems", _MOST_ITEMS)
    items = schema.get("items")
    if schema.keys() - ANNOTATIONS - _ARRAY_KEYS or not isinstance(items, dict) or most < max(1, least):
        return None
    # Whole numbers, which may be written 2.0 in a schema.
    least, most = int(least), min(int(most), _MOST_ITEMS)
    written = _NUMBERS.get(items.get("type")) if not items.keys() - ANNOTATIONS - {"type"} else None
    if written is not None:
        # Without a comma there is one number or none, and only the numbers tell.
        if least == 1:
            least = 2
        return (rb"\[,{%d,%d}\]" % (max(least - 1, 0), most - 1), written) if least <= most else None
    inner = _expression(items, depth + 1)
    if inner is None:
        return None
    each, written = inner
    # Without an array in it there is none, or what is no array.
    return rb"\[%b(?:,%b){%d,%d}+\]" % (each, each, max(least - 1, 0), most - 1), written


def _object(schema: object) -> Shape | None:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return None
    members = schema.get("properties", {})
    if schema.keys() - ANNOTATIONS - _OBJECT_KEYS or not isinstance(members, dict):
        return None
    arrays = {name: array for name, each in members.items() if (array := _array(each)) is not None}
    if len(arrays) != 1 or "$ref" in json.dumps(schema):
        return None
    ((name, array),) = arrays.items()
    # The array is looked at by itself, and the others without it.
    return _Among(name, array, compiled({**schema, "properties": {**members, name: True}}))


class _Among:
    """Looks at an object with one member that has a shape, and reads the others."""

    def __init__(self, name: str, array: Shape, others: Check) -> None:
        self._name = name
        self._written = json.dumps(name, ensure_ascii=False).encode()
        self._array = array
        self._others = others

    def __call__(self, body: bytes) -> bool:
        """Without a backslash, a quote is a string's beginning or its end: so none is within the array, and
        the name cannot be written in another way."""
        at = body.find(self._written)
        if at < 0 or body.find(self._written, at + 1) >= 0 or b"\\" in body:
            return False
        colon = _COLON.match(body, at + len(self._written))
        if colon is None:
            return False
        begins = colon.end()
        next_string = body.find(b'"', begins)
        ends = body.rfind(b"]", begins, next_string if next_string >= 0 else len(body)) + 1
        if not self._array(body[begins:ends]):
            return False
        rest = b"".join((body[:begins], b"null", body[ends:]))
        if len(rest) > _REST_BYTES or rest.count(b"[") + rest.count(b"{") > limit.JSON_DEPTH:
            return False
        try:
            read = json.loads(rest.decode())
        except ValueError:
            return False
        # Further down in the object, it is another member of that name.
        return type(read) is dict and read.get(self._name, 0) is None and not self._others(read)
