"""Athena: what ministack's lacks of a table's columns, of views, and of the rights of whoever asks.

A table has the columns that Glue has of it, whether a file has them or not, and its files are read with the
rights of whoever asks for the query
(https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local_aws import athena_views, hooks, iceberg
from local_aws.athena_views import Reference
from local_aws.identity import AccessDenied, enforcement

_TYPES = {
    "bigint": "BIGINT",
    "binary": "BLOB",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "float": "FLOAT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "smallint": "SMALLINT",
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "tinyint": "TINYINT",
}
_ARRAY = re.compile(r"array<(.+)>")


class PermissionDenied(Exception):
    """Why a query fails, in Athena's words."""


def install() -> None:
    """Makes this server's Athena so, as soon as somebody asks for it: it takes a while to load."""
    usual = hooks.server.service("athena")

    async def handle(*request: Any) -> Any:
        _complete()
        return await usual(*request)

    hooks.server.add_service("athena", handle)


@cache
def _complete() -> None:
    hooks.queries.complete_athena(relation, check_reading, _without_views)
    hooks.queries.place_query_results()


def relation(table: Mapping[str, Any], files: Sequence[str], usual: Callable[[], str]) -> str:
    """A table in DuckDB's words, with all its columns; `usual` says what these copies of its files hold.

    Raises `PermissionDenied` unless whoever asks may see the table in Glue.
    """
    _check_seeing(table)
    parameters = table.get("Parameters") or {}
    if str(parameters.get("table_type", "")).upper() == "ICEBERG":
        files = _current(table, files)
        paths = ", ".join(f"'{file}'" for file in files)
        held = f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
    else:
        held = usual()
    columns = [*table["StorageDescriptor"].get("Columns", ()), *table.get("PartitionKeys", ())]
    if files and (not columns or not held.startswith("read_parquet(")):
        return held
    types = {str(one["Name"]): _type(str(one.get("Type"))) for one in columns}
    if files:
        types = {name: type_ for name, type_ in types.items() if type_}  # the others: as the files have them
    nulls = [f"CAST(NULL AS {type_ or 'VARCHAR'}) AS {_quoted(name)}" for name, type_ in types.items()]
    none = f"SELECT {', '.join(nulls) or 1} WHERE FALSE"
    return f"(FROM {held} UNION ALL BY NAME {none})" if files else f"({none})"


def _without_views(query: str, database: str) -> str:
    return athena_views.expanded(query, database, _references, _seen)


def _references(query: str) -> list[Reference]:
    return [
        Reference(one.database, one.table, one.start, one.end, one.aliased)
        for one in hooks.queries.tables_of_query(query)
    ]


def _seen(database: str, name: str) -> Mapping[str, Any] | None:
    """A view is seen by the rights to a table; a table's own are checked when it is read."""
    found = hooks.queries.glue_table(database, name)
    if found is not None and found.get("TableType") == "VIRTUAL_VIEW":
        _check_seeing(found)
    return found


def _current(table: Mapping[str, Any], files: Sequence[str]) -> list[str]:
    """The copies of the files that a table of Iceberg's consists of now, of all that it ever had."""
    place = f"{table['StorageDescriptor']['Location'].rstrip('/')}/"
    metadata = table["Parameters"]["metadata_location"].removeprefix(place)
    root = next(file.removesuffix(metadata) for file in files if file.endswith(f"/{metadata}"))

    def copy(path: str) -> Path:
        return Path(root, path.removeprefix(place))

    found = iceberg.files_of(json.loads(copy(metadata).read_bytes()), lambda path: copy(path).read_bytes())
    return [str(copy(path)) for path in found]


def check_reading(location: str) -> None:
    """Raises `PermissionDenied` unless whoever asks may read what lies there."""
    place = urlsplit(location)
    bucket, prefix = f"arn:aws:s3:::{place.netloc}", place.path.strip("/")
    try:
        enforcement.authorize("s3:ListBucket", bucket, {"s3:prefix": f"{prefix}/"})
        enforcement.authorize("s3:GetObject", f"{bucket}/{prefix}/*")
    except AccessDenied as denied:
        raise PermissionDenied(f"Permission denied on S3 path: {location} ({denied})") from denied


def _check_seeing(table: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html"""
    where = f"arn:aws:glue:{hooks.request.place()}"
    database, name = table.get("DatabaseName"), table.get("Name")
    try:
        for resource in ("catalog", f"database/{database}", f"table/{database}/{name}"):
            enforcement.authorize("glue:GetTable", f"{where}:{resource}")
    except AccessDenied as denied:
        raise PermissionDenied(f"Insufficient permissions to execute the query. {denied}") from denied


def _type(name: str) -> str | None:
    """None of a type that is none of the simple ones, nor an array of them."""
    array = _ARRAY.fullmatch(name.lower().replace(" ", ""))
    if array is not None:
        inside = _type(array[1])
        return f"{inside}[]" if inside else None
    return _TYPES.get(name.lower())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
