"""The records of files, checked, and cut up as a history keeps them.

DuckDB reads, sorts and writes them, on disk where memory does not suffice.
"""

# ruff: noqa: S608 - names are quoted, and values are literals: DuckDB takes neither as a parameter here
from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import duckdb

from feature_batch.group import Group, Refused
from feature_batch.ports import Record

_SHOWN = 5
_TIMES = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z"
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateFeatureGroup.html"""
_COLUMN_TYPES = {"String": "VARCHAR", "Integral": "BIGINT", "Fractional": "DOUBLE"}


@dataclass(frozen=True)
class Hour:
    """The records of one hour, which are one file of the history."""

    year: str
    month: str
    day: str
    hour: str
    name: str
    """Of the file: it comes from the records, so that the same ones are the same file."""
    rows: int

    @property
    def folder(self) -> str:
        return f"year={self.year}/month={self.month}/day={self.day}/hour={self.hour}"

    @property
    def key(self) -> str:
        return f"{self.folder}/{self.name}"


class Table:
    """The records of some files. One that is there twice, with the same key and time, is there once: the
    last one counts."""

    def __init__(self, group: Group, files: Sequence[Path], scratch: Path) -> None:
        """Reads and checks; raises Refused with the first lines that are wrong, when any is."""
        self._group = group
        self._scratch = scratch
        self._connection = duckdb.connect(str(scratch / "records.db"))
        self._connection.execute("SET threads = 2; SET memory_limit = '1GB'; SET TimeZone = 'UTC'")
        self._connection.execute(f"SET temp_directory = {_text(str(scratch / 'spilled'))}")
        self._columns: list[str] = []
        for number, file in enumerate(files):
            self._read(file, number)
        self.rows = self._count("given")
        self._check()
        self._keep()
        self.records = self._count("kept")

    def close(self) -> None:
        self._connection.close()

    # --- reading ---------------------------------------------------------------------------------

    def _read(self, file: Path, number: int) -> None:
        if file.suffix == ".csv":
            source = f"read_csv({_text(str(file))}, header = true, all_varchar = true, nullstr = '')"
        elif file.suffix == ".parquet":
            source = f"read_parquet({_text(str(file))}, hive_partitioning = false)"
        else:
            raise Refused(f"'{file.name}' is neither CSV nor Parquet, give files that end with one of these")
        try:
            described = self._rows(f"DESCRIBE SELECT * FROM {source}")
        except duckdb.Error as error:
            raise Refused(f"'{file.name}' cannot be read: {str(error).splitlines()[0]}") from error
        types = {str(row[0]): str(row[1]) for row in described}
        self._check_columns(file, list(types))
        if number and set(types) != set(self._columns):
            raise Refused(f"'{file.name}' has other columns than the first file, bring it in by itself")
        self._columns = self._columns or list(types)
        columns = ", ".join(f"{_as_text(name, types[name])} AS {_quoted(name)}" for name in self._columns)
        place = f"{number} AS _number, {_text(file.name)} AS _file, row_number() OVER () AS _row"
        said = f"SELECT {place}, {columns} FROM {source}"
        verb = "INSERT INTO given" if number else "CREATE TABLE given AS"
        try:
            self._connection.execute(f"{verb} {said}")
        except duckdb.Error as error:
            raise Refused(f"'{file.name}' cannot be read: {str(error).splitlines()[0]}") from error

    def _check_columns(self, file: Path, names: Sequence[str]) -> None:
        for name in names:
            if name not in self._group.types:
                near = get_close_matches(name, self._group.types, n=1)
                hint = f", did you mean '{near[0]}'?" if near else ""
                raise Refused(f"'{file.name}' has a column '{name}', which is no feature of the group{hint}")
        for name in (self._group.identifier, self._group.event_time):
            if name not in names:
                raise Refused(f"'{file.name}' lacks the column '{name}', which every record has")

    # --- checking --------------------------------------------------------------------------------

    def _check(self) -> None:
        wrong = [
            f"SELECT _number, _file, _row, {_text(name)} AS _column, {_quoted(name)} AS _value,"
            f" {_text(says)} AS _says FROM given WHERE {condition}"
            for name in self._columns
            for condition, says in self._conditions(name)
        ]
        everything = " UNION ALL ".join(wrong)
        found = self._rows(f"SELECT * FROM ({everything}) ORDER BY _number, _row, _column LIMIT {_SHOWN}")
        if not found:
            return
        (total,) = self._rows(f"SELECT count(*) FROM ({everything})")[0]
        lines = [
            f"{file}, record {row}: '{column}' {'has no value' if value is None else f'is {value!r}'}, {says}"
            for _, file, row, column, value, says in found
        ]
        more = f"\nand {int(total) - len(found):,} more" if int(total) > len(found) else ""
        raise Refused(
            "these records are not as the group has them, nothing was written:\n" + "\n".join(lines) + more
        )

    def _conditions(self, name: str) -> Iterator[tuple[str, str]]:
        """When a value is wrong, and what would do."""
        column, type_ = _quoted(name), self._group.types[name]
        if name in self._group.collections:
            yield from self._collection_conditions(name)
            return
        if name in (self._group.identifier, self._group.event_time):
            yield f"{column} IS NULL", "every record has one"
        if type_ == "Integral":
            fits = f"regexp_full_match({column}, '[+-]?[0-9]+') AND TRY_CAST({column} AS BIGINT) IS NOT NULL"
            yield f"{column} IS NOT NULL AND NOT ({fits})", "give a whole number of at most 64 bits"
        elif type_ == "Fractional":
            number = f"TRY_CAST({column} AS DOUBLE)"
            yield (
                f"{column} IS NOT NULL AND ({number} IS NULL OR NOT isfinite({number}))",
                "give a number",
            )
        elif name == self._group.event_time:
            moment = f"TRY_CAST(rtrim({column}, 'Z') AS TIMESTAMP)"
            fits = f"regexp_full_match({column}, {_text(_TIMES)}) AND {moment} IS NOT NULL"
            yield (
                f"{column} IS NOT NULL AND NOT ({fits})",
                "give a time like 2026-02-13T09:30:00Z or 2026-02-13T09:30:00.125Z",
            )

    def _collection_conditions(self, name: str) -> Iterator[tuple[str, str]]:
        column, collection = _quoted(name), self._group.collections[name]
        number = "TRY_CAST(_each AS DOUBLE)"
        fits = {
            "String": "_each IS NOT NULL",
            "Integral": "regexp_full_match(_each, '[+-]?[0-9]+') AND TRY_CAST(_each AS BIGINT) IS NOT NULL",
            "Fractional": f"{number} IS NOT NULL AND isfinite({number})",
        }[self._group.types[name]]
        values = _values(name)
        right = f"coalesce(list_bool_and([coalesce({fits}, false) FOR _each IN {values}]), true)"
        says = f"give a JSON array of values that are {self._group.types[name]}"
        if collection.dimension is not None:
            right += f" AND len({values}) = {collection.dimension}"
            says += f", {collection.dimension} of them"
        is_array = f"CASE WHEN json_valid({column}) THEN json_type({column}) = 'ARRAY' ELSE false END"
        yield f"{column} IS NOT NULL AND NOT (CASE WHEN {is_array} THEN {right} ELSE false END)", says

    # --- cutting up ------------------------------------------------------------------------------

    def _keep(self) -> None:
        """With all features of the group, each in its type, in the order of their times."""
        typed = ", ".join(
            f"CAST({_quoted(name) if name in self._columns else 'NULL'} AS {self._column_type(name)})"
            f" AS {_quoted(name)}"
            for name in sorted(self._group.types)
        )
        time = _quoted(self._group.event_time)
        moment = f"CAST(rtrim({time}, 'Z') AS TIMESTAMP)"
        if self._group.types[self._group.event_time] == "Fractional":
            moment = f"make_timestamp(CAST(round(CAST({time} AS DOUBLE) * 1000000) AS BIGINT))"
        key = _quoted(self._group.identifier)
        self._connection.execute(
            f"CREATE TABLE kept AS SELECT {typed}, _moment, strftime(_moment, '%Y') AS year,"
            " strftime(_moment, '%m') AS month, strftime(_moment, '%d') AS day,"
            " strftime(_moment, '%H') AS hour"
            f" FROM (SELECT *, {moment} AS _moment FROM given)"
            f" QUALIFY row_number() OVER (PARTITION BY {key}, _moment ORDER BY _number DESC, _row DESC) = 1"
            f" ORDER BY _moment, {key}"
        )
        self._connection.execute("DROP TABLE given")

    def _column_type(self, name: str) -> str:
        """A collection stays the array of JSON that it is."""
        return "VARCHAR" if name in self._group.collections else _COLUMN_TYPES[self._group.types[name]]

    def hours(self) -> list[Hour]:
        """The files that the history has these records in; the same records always have the same ones."""
        values = ", ".join(
            f"coalesce(length(CAST({name} AS VARCHAR)) || ':' || CAST({name} AS VARCHAR), '-')"
            for name in map(_quoted, sorted(self._columns))
        )
        header = _text(" ".join(sorted(self._columns)))
        found = self._rows(
            "SELECT year, month, day, hour, max(_moment), count(*),"
            f" md5({header} || string_agg(md5(concat({values})), '' ORDER BY md5(concat({values}))))"
            " FROM kept GROUP BY ALL ORDER BY year, month, day, hour"
        )
        return [
            Hour(year, month, day, hour, f"{latest:%Y%m%dT%H%M%SZ}_{digest[:16]}.parquet", int(rows))
            for year, month, day, hour, latest, rows, digest in found
        ]

    def write(self, hours: Sequence[Hour], now: datetime.datetime) -> Iterator[tuple[Hour, Path]]:
        """Files of these hours, as the history has them; each can be deleted once it is dealt with."""
        folder = self._scratch / "written"
        self._connection.execute(
            "CREATE OR REPLACE TABLE wanted (year VARCHAR, month VARCHAR, day VARCHAR, hour VARCHAR)"
        )
        for begin in range(0, len(hours), _AT_ONCE):
            part = hours[begin : begin + _AT_ONCE]
            self._connection.execute("DELETE FROM wanted")
            self._connection.executemany(
                "INSERT INTO wanted VALUES (?, ?, ?, ?)",
                [(each.year, each.month, each.day, each.hour) for each in part],
            )
            self._connection.execute("SET partitioned_write_max_open_files = 1; SET threads = 1")
            features = ", ".join(
                f"{_quoted(name)} AS {_quoted(name.lower())}" for name in sorted(self._group.types)
            )
            at = _text(f"{now:%Y-%m-%d %H:%M:%S.%f}")
            self._connection.execute(
                f"COPY (SELECT {features}, CAST({at} AS TIMESTAMP) AS write_time,"
                f" CAST({at} AS TIMESTAMP) AS api_invocation_time, false AS is_deleted,"
                " year, month, day, hour"
                " FROM kept SEMI JOIN wanted USING (year, month, day, hour) ORDER BY _moment)"
                f" TO {_text(str(folder))} (FORMAT parquet, COMPRESSION snappy,"
                " PARTITION_BY (year, month, day, hour), OVERWRITE_OR_IGNORE)"
            )
            for each in part:
                (file,) = (folder / each.folder).glob("*.parquet")
                yield each, file

    def latest(self, at_once: int) -> Iterator[list[tuple[datetime.datetime, Record]]]:
        """The last record of each key with its time, as text, some at a time."""
        key = _quoted(self._group.identifier)
        latest = f"row_number() OVER (PARTITION BY {key} ORDER BY _moment DESC) = 1"
        yield from self._read_kept(f"QUALIFY {latest} ORDER BY {key}", at_once)

    def every(self, at_once: int) -> Iterator[list[Record]]:
        """Each record, as text, in the order of their times, some at a time."""
        for some in self._read_kept("ORDER BY _moment", at_once):
            yield [record for _, record in some]

    def _read_kept(self, which: str, at_once: int) -> Iterator[list[tuple[datetime.datetime, Record]]]:
        names = sorted(self._group.types)
        columns = ", ".join(
            _values(name) if name in self._group.collections else f"CAST({_quoted(name)} AS VARCHAR)"
            for name in names
        )
        found = self._connection.execute(f"SELECT _moment, {columns} FROM kept {which}")
        while rows := found.fetchmany(at_once):
            yield [
                (
                    row[0],
                    {name: value for name, value in zip(names, row[1:], strict=True) if value is not None},
                )
                for row in rows
            ]

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()

    def _count(self, table: str) -> int:
        return int(self._rows(f"SELECT count(*) FROM {table}")[0][0])


_AT_ONCE = 500
"""Hours that are on disk at the same time."""


def _as_text(name: str, type_: str) -> str:
    """A column's values as a feature's text; a time as Feature Store has it."""
    if type_.startswith(("TIMESTAMP", "DATE")):
        return f"strftime(CAST({_quoted(name)} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ')"
    if type_.endswith("]"):  # a list, or an array of a fixed length
        return f"CAST(to_json({_quoted(name)}) AS VARCHAR)"
    return f"CAST({_quoted(name)} AS VARCHAR)"


def _values(name: str) -> str:
    """Those of a collection, as text; none where it has no value."""
    return f"json_extract_string({_quoted(name)}, '$[*]')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
