"""Athena's queries, and the tables that they are about."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.athena": (
        "_empty_relation",
        "_executions",
        "_materialize_table_files",
        "_rewrite_data_paths",
        "_save_query_results",
        "_table_references",
        "_table_relation",
    ),
    "ministack.services.glue": ("_tables",),
}


def place_query_results() -> None:
    """Lets a query's answer lie where GetQueryExecution says: ministack takes that for a folder."""
    athena: Any = importlib.import_module("ministack.services.athena")  # heavy: not before it is used
    usual = athena._save_query_results

    async def saved(query: str) -> None:
        result = athena._executions[query]["ResultConfiguration"]
        place = result["OutputLocation"]
        result["OutputLocation"] = place.rpartition("/")[0]
        try:
            await usual(query)
        finally:
            result["OutputLocation"] = place

    athena._save_query_results = saved


def workgroup_of(query: str) -> str | None:
    """Of a query that Athena was asked."""
    athena: Any = importlib.import_module("ministack.services.athena")  # heavy: not before it is used
    execution = athena._executions.get(query)
    return None if execution is None else str(execution["WorkGroup"])


def complete_athena(
    relation: Callable[[Mapping[str, Any], list[str], Callable[[], str]], str],
    check_reading: Callable[[str], None],
    expand: Callable[[str, str], str],
) -> None:
    """Lets `relation(table, files, usual)` say what a table is, of copies of its files: `usual()` is what
    these are in the engine's words. `check_reading(location)` refuses, for whoever asks, by raising, and
    `expand(query, database)` says what a query is without views."""
    athena: Any = importlib.import_module("ministack.services.athena")  # heavy: not before it is used
    usual, copied = athena._table_relation, athena._materialize_table_files
    rewrite = athena._rewrite_data_paths

    async def rewritten(query: str, database: str, catalog: str | None = None) -> Any:
        return await rewrite(expand(query, database or "default"), database, catalog)

    def of_table(table: Mapping[str, Any], files: list[str]) -> str:
        return relation(table, files, lambda: str(usual(table, files)))

    def of_empty_table(table: Mapping[str, Any]) -> str:
        return relation(table, [], lambda: "")

    def at(location: str, folders: Any) -> Any:
        check_reading(location)
        return copied(location, folders)

    athena._table_relation, athena._empty_relation = of_table, of_empty_table
    athena._materialize_table_files = at
    athena._rewrite_data_paths = rewritten


def tables_of_query(query: str) -> list[Any]:
    """The tables of the catalog of Glue's that a query names, as ministack finds them."""
    athena: Any = importlib.import_module("ministack.services.athena")  # heavy: not before it is used
    found = athena._table_references(query)
    return [one for one in found if (one.catalog or "awsdatacatalog").lower() == "awsdatacatalog"]


def glue_table(database: str, name: str) -> Mapping[str, Any] | None:
    glue: Any = importlib.import_module("ministack.services.glue")
    found: Mapping[str, Any] | None = glue._tables.get(f"{database}/{name}")
    return found
