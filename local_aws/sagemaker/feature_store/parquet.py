"""Parquet, written by the engine that ministack's Athena reads it with."""

from __future__ import annotations

import datetime
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_aws.sagemaker.feature_store.database import Row
from local_aws.sagemaker.feature_store.group import Feature

_TYPES = {"Fractional": "DOUBLE", "Integral": "BIGINT", "String": "VARCHAR"}
_ADDED = {"write_time": "TIMESTAMP", "api_invocation_time": "TIMESTAMP", "is_deleted": "BOOLEAN"}
_LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a row in JSON: much more than the largest record takes, escaped."""


class Writer:
    """Writes files one after the other: starting the engine takes longer than a small file does."""

    def __init__(self) -> None:
        import duckdb  # takes a while: not before it is used

        self._connection = duckdb.connect(":memory:", config={"threads": 1})

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def content(
        self,
        features: Iterable[Feature],
        rows: Sequence[Row],
        written: float,
        fields: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> bytes:
        """A file of rows, with what the service adds to each; its columns are these of Iceberg's, if any.

        https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html
        """
        columns = {one.name: _type(one) for one in features} | _ADDED
        declared = ", ".join(f"{_quoted(name)}: {_text(type_)}" for name, type_ in columns.items())
        with tempfile.TemporaryDirectory(prefix="feature-store-") as folder:
            lines, file = Path(folder, "rows.jsonl"), Path(folder, "rows.parquet")
            with lines.open("w") as opened:
                opened.writelines(json.dumps(_told(row, written)) + "\n" for row in rows)
            self._connection.execute(
                f"COPY (SELECT * FROM read_json({_text(str(lines))}, format = 'newline_delimited',"  # noqa: S608 - names are checked and quoted
                f" maximum_object_size = {_LONGEST_LINE}, columns = {{{declared}}}))"
                f" TO {_text(str(file))} (FORMAT parquet, COMPRESSION snappy{_numbered(fields)})"
            )
            return file.read_bytes()


def _numbered(fields: Mapping[str, Mapping[str, Any]] | None) -> str:
    if fields is None:
        return ""
    numbers = []
    for name, one in fields.items():
        number = str(one["id"])
        if isinstance(one["type"], dict):
            number = f"{{__duckdb_field_id: {number}, element: {one['type']['element-id']}}}"
        numbers.append(f"{_quoted(name)}: {number}")
    return f", FIELD_IDS {{{', '.join(numbers)}}}"


def _told(row: Row, written: float) -> dict[str, Any]:
    return {
        **row.values,
        "write_time": _timestamp(written),
        "api_invocation_time": _timestamp(row.invoked),
        "is_deleted": row.deleted,
    }


def _type(feature: Feature) -> str:
    return _TYPES[feature.type] + ("[]" if feature.collection else "")


def _timestamp(moment: float) -> str:
    at = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
