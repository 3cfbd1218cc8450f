"""Parquet, written by the engine that ministack's Athena reads it with."""

from __future__ import annotations

import datetime
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from local_aws.sagemaker.feature_store.database import Row
from local_aws.sagemaker.feature_store.group import Feature

_TYPES = {"Fractional": "DOUBLE", "Integral": "BIGINT", "String": "VARCHAR"}
_ADDED = {"write_time": "TIMESTAMP", "api_invocation_time": "TIMESTAMP", "is_deleted": "BOOLEAN"}


def content(features: Iterable[Feature], rows: Sequence[Row], written: float) -> bytes:
    """A file of rows, with what the service adds to each.

    https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html
    """
    import duckdb  # takes a while: not before it is used

    columns = {one.name: _type(one) for one in features} | _ADDED
    with tempfile.TemporaryDirectory(prefix="feature-store-") as folder:
        lines, file = Path(folder, "rows.jsonl"), Path(folder, "rows.parquet")
        with lines.open("w") as opened:
            for row in rows:
                added = {
                    "write_time": _timestamp(written),
                    "api_invocation_time": _timestamp(row.invoked),
                    "is_deleted": row.deleted,
                }
                opened.write(json.dumps(row.values | added) + "\n")
        declared = ", ".join(f"{_quoted(name)}: {_text(type_)}" for name, type_ in columns.items())
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_json({_text(str(lines))}, format = 'newline_delimited',"  # noqa: S608 - names are checked and quoted
                f" maximum_object_size = 16777216, columns = {{{declared}}}))"
                f" TO {_text(str(file))} (FORMAT parquet, COMPRESSION snappy)"
            )
        return file.read_bytes()


def _type(feature: Feature) -> str:
    return _TYPES[feature.type] + ("[]" if feature.collection else "")


def _timestamp(moment: float) -> str:
    at = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
