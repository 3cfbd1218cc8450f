"""What a table is to the engine behind Athena: all of its columns, whatever files have of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from local_aws import athena


def table(**columns: str) -> dict[str, Any]:
    return {
        "StorageDescriptor": {"Columns": [{"Name": name, "Type": type_} for name, type_ in columns.items()]},
        "PartitionKeys": [{"Name": "year", "Type": "string"}],
    }


@pytest.fixture
def files(tmp_path: Path) -> str:
    file = tmp_path / "a.parquet"
    duckdb.sql("SELECT 'x' AS id, 3 AS odd, '2024' AS \"year\"").write_parquet(str(file))
    return str(file)


def relation(described: dict[str, Any], *files: str) -> str:
    paths = ", ".join(f"'{file}'" for file in files)
    return athena.relation(described, files, lambda: f"read_parquet([{paths}])")


def test_a_column_that_no_file_has_is_empty(files: str) -> None:
    found = relation(table(id="string", rooms="bigint", tags="array<double>"), files)

    assert duckdb.sql(f'SELECT id, rooms, tags, "year" FROM {found}').fetchall() == [
        ("x", None, None, "2024")
    ]


def test_a_column_of_another_type_is_as_the_files_have_it(files: str) -> None:
    found = relation(table(id="string", odd="decimal(9,2)"), files)

    assert duckdb.sql(f"SELECT odd FROM {found}").fetchall() == [(3,)]


def test_a_table_without_files_has_columns_and_no_rows() -> None:
    found = relation(table(rooms="bigint", tags="array<bigint>", odd="decimal(9,2)"))

    assert duckdb.sql(f"SELECT rooms + 1, tags[1] + 1, odd FROM {found}").fetchall() == []
    assert duckdb.sql(f"SELECT * FROM {relation({'StorageDescriptor': {}})}").fetchall() == []


def test_other_files_are_read_as_they_were() -> None:
    found = athena.relation(table(id="string"), ["a"], lambda: "read_csv_auto(['a'])")

    assert found == "read_csv_auto(['a'])"
