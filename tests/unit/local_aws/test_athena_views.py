"""What a view is to the engine behind Athena: its query."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from local_aws import athena
from local_aws.athena_views import NoView, Reference, expanded


def view(sql: str, schema: str = "db") -> dict[str, Any]:
    told = base64.b64encode(json.dumps({"originalSql": sql, "schema": schema}).encode()).decode()
    return {"Name": "v", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": f"/* Presto View: {told} */"}


def references(query: str) -> list[Reference]:
    """Of queries as simple as these."""
    return [
        Reference(
            one["database"] and one["database"].strip('".'),
            one["table"].strip('"'),
            one.start(1),
            one.end("table"),
            one["alias"] is not None,
        )
        for one in re.finditer(r'FROM ((?P<database>"?\w+"?\.)?(?P<table>"?\w+"?))(?P<alias> AS \w+)?', query)
    ]


def asked(query: str, **tables: Mapping[str, Any]) -> str:
    return expanded(query, "db", references, lambda database, name: tables.get(f"{database}_{name}"))


def test_a_query_of_tables_stays_as_it_is() -> None:
    assert asked("SELECT 1 FROM t", db_t={"Name": "t"}) == "SELECT 1 FROM t"
    assert asked("SELECT 1 FROM nothing") == "SELECT 1 FROM nothing"


def test_a_view_is_its_query_under_its_name_or_another() -> None:
    there = {"db_v": view('SELECT a FROM "db"."t"')}

    assert asked("SELECT a FROM v", **there) == 'SELECT a FROM (SELECT a FROM "db"."t") AS "v"'
    assert asked("SELECT a FROM v AS x", **there) == 'SELECT a FROM (SELECT a FROM "db"."t") AS x'


def test_a_view_reads_its_own_database_and_other_views() -> None:
    there = {"db_v": view("SELECT a FROM w", "other"), "other_w": view("SELECT a FROM t", "third")}

    assert asked("SELECT a FROM db.v", **there) == (
        'SELECT a FROM (SELECT a FROM (SELECT a FROM "third"."t") AS "w") AS "v"'
    )


def test_a_view_of_itself_is_refused() -> None:
    with pytest.raises(NoView, match="may be of itself"):
        asked("SELECT a FROM v", db_v=view("SELECT a FROM v"))


@pytest.mark.parametrize("text", [None, "SELECT 1", "/* Presto View: no */", "/* Presto View: e30= */"])
def test_a_view_that_athena_does_not_read_is_refused(text: str | None) -> None:
    with pytest.raises(NoView, match="the view v has no definition"):
        asked("SELECT a FROM v", db_v={**view(""), "ViewOriginalText": text})


def test_finds_tables_where_a_query_names_them() -> None:
    found = athena._references('SELECT * FROM (SELECT 1 FROM "d"."t") JOIN u AS x ON true')

    assert [(one.database, one.table, one.aliased) for one in found] == [
        ("d", "t", False),
        (None, "u", True),
    ]
