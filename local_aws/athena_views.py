"""Athena's views: a view is its query, in place of its name.

In Glue's catalog it is a table with Trino's definition in a comment: JSON, encoded.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_BEGIN, _END = "/* Presto View: ", " */"
_DEEPEST = 20


class Reference(NamedTuple):
    """A table that a query names, and where in its text."""

    database: str | None
    table: str
    start: int
    end: int
    aliased: bool


class NoView(Exception):
    """Why a query of a view fails."""


References = Callable[[str], list[Reference]]
Find = Callable[[str, str], Mapping[str, Any] | None]
"""A table in Glue, by its database and its name. Raises where whoever asks may not see it."""


def expanded(query: str, database: str, references: References, find: Find) -> str:
    """A query of tables alone; those of its own that name no database are in `database`."""
    return _expanded(query, database, references, find, depth=0)


def _expanded(query: str, database: str, references: References, find: Find, *, depth: int) -> str:
    if depth > _DEEPEST:
        raise NoView(f"a view of views of views, {_DEEPEST} times: one of them may be of itself")
    for one in sorted(references(query), key=lambda each: each.start, reverse=True):
        found = find(one.database or database, one.table)
        if found is not None and found.get("TableType") == "VIRTUAL_VIEW":
            view = _definition(found)
            inside = _expanded(view["originalSql"], view["schema"], references, find, depth=depth + 1)
            told = f"({inside})" if one.aliased else f"({inside}) AS {_quoted(one.table)}"
        elif depth and one.database is None:
            told = f"{_quoted(database)}.{_quoted(one.table)}"
        else:
            continue
        query = query[: one.start] + told + query[one.end :]
    return query


def _definition(table: Mapping[str, Any]) -> dict[str, str]:
    text = str(table.get("ViewOriginalText") or "")
    try:
        if not (text.startswith(_BEGIN) and text.endswith(_END)):
            raise ValueError("no comment of Trino's")
        told = json.loads(base64.b64decode(text.removeprefix(_BEGIN).removesuffix(_END), validate=True))
        return {"originalSql": str(told["originalSql"]), "schema": str(told["schema"])}
    except (binascii.Error, KeyError, TypeError, ValueError) as error:
        raise NoView(f"the view {table.get('Name')} has no definition that Athena reads: {error}") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
