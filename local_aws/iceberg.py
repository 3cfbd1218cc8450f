"""Iceberg's tables: their metadata, made and read. Version 2 of the format, appended to and never changed.

https://iceberg.apache.org/spec/
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro

Metadata = dict[str, Any]
Type = str | dict[str, Any]

_PARTITION_ID = 1000
_MOST_SNAPSHOTS = 100
"""In the metadata: the older ones can be travelled to no more, their data is in the newer ones."""
_DELETED = 2
_DATA = 0


class NotSupported(Exception):
    """What a table has that is not read here."""


@dataclass(frozen=True)
class DataFile:
    path: str
    records: int
    size: int
    partition: str | None
    """What the partition's column is in it."""


def new(location: str, columns: Mapping[str, str], partition: tuple[str, str] | None, now: float) -> Metadata:
    """A table without data; columns are names and Iceberg's types, as `double` or `list<double>`.

    `partition`: the partition's name, and the column of text whose first ten characters it is.
    """
    made: Metadata = {
        "format-version": 2,
        "table-uuid": str(uuid.uuid4()),
        "location": location,
        "last-sequence-number": 0,
        "last-updated-ms": _milliseconds(now),
        "last-column-id": 0,
        "current-schema-id": -1,
        "schemas": [],
        "default-spec-id": 0,
        "partition-specs": [],
        "last-partition-id": _PARTITION_ID - (partition is None),
        "default-sort-order-id": 0,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": {"write.format.default": "parquet"},
        "snapshots": [],
        "snapshot-log": [],
        "metadata-log": [],
        "refs": {},
    }
    made = with_columns(made, columns)
    ids = {one["name"]: one["id"] for one in schema(made)["fields"]}
    fields = [] if partition is None else [_partition_field(*partition, ids)]
    return made | {"partition-specs": [{"spec-id": 0, "fields": fields}]}


def with_columns(table: Metadata, columns: Mapping[str, str]) -> Metadata:
    """With those that it has not got yet: a new schema, or the same table."""
    fields = list(schema(table)["fields"]) if table["schemas"] else []
    known, last = {one["name"] for one in fields}, int(table["last-column-id"])
    added = [name for name in columns if name not in known]
    if not added:
        return table
    for name in added:
        last += 1
        one: dict[str, Any] = {"id": last, "name": name, "required": False, "type": columns[name]}
        if columns[name].startswith("list<"):
            last += 1
            element = columns[name].removeprefix("list<").removesuffix(">")
            one["type"] = {"type": "list", "element-id": last, "element": element, "element-required": False}
        fields.append(one)
    number = len(table["schemas"])
    return table | {
        "last-column-id": last,
        "current-schema-id": number,
        "schemas": [*table["schemas"], {"type": "struct", "schema-id": number, "fields": fields}],
    }


def schema(table: Metadata) -> dict[str, Any]:
    """The current one."""
    found = next(one for one in table["schemas"] if one["schema-id"] == table["current-schema-id"])
    return dict(found)


def snapshot(table: Metadata) -> dict[str, Any] | None:
    """The current one; None of a table that nothing was ever written to."""
    wanted = table.get("current-snapshot-id")
    return next((one for one in table["snapshots"] if one["snapshot-id"] == wanted), None)


def append(
    table: Metadata,
    files: Sequence[DataFile],
    fetch: Callable[[str], bytes],
    now: float,
    summary: Mapping[str, str],
) -> tuple[Metadata, dict[str, bytes]]:
    """The table with more files, and what is to be written first, by its path."""
    before = snapshot(table)
    identifier, sequence = uuid.uuid4().int >> 65, int(table["last-sequence-number"]) + 1
    folder = f"{table['location']}/metadata"
    manifest_path = f"{folder}/{uuid.uuid4()}-m0.avro"
    list_path = f"{folder}/snap-{identifier}-1-{uuid.uuid4()}.avro"
    manifest = _manifest(table, files, identifier, sequence)
    rows = sum(file.records for file in files)
    told = {
        "manifest_path": manifest_path,
        "manifest_length": len(manifest),
        "partition_spec_id": 0,
        "content": _DATA,
        "sequence_number": sequence,
        "min_sequence_number": sequence,
        "added_snapshot_id": identifier,
        "added_files_count": len(files),
        "existing_files_count": 0,
        "deleted_files_count": 0,
        "added_rows_count": rows,
        "existing_rows_count": 0,
        "deleted_rows_count": 0,
    }
    manifests = [told, *map(_carried, _read(fetch(before["manifest-list"])) if before else [])]
    made = {
        "snapshot-id": identifier,
        "sequence-number": sequence,
        "timestamp-ms": _milliseconds(now),
        "manifest-list": list_path,
        "schema-id": table["current-schema-id"],
        "summary": {
            "operation": "append",
            "added-data-files": str(len(files)),
            "added-records": str(rows),
            **summary,
        },
    }
    if before:
        made["parent-snapshot-id"] = before["snapshot-id"]
    listed = _write(
        _MANIFEST_LIST,
        manifests,
        {"format-version": "2", "snapshot-id": str(identifier), "sequence-number": str(sequence)},
    )
    kept = [*table["snapshots"], made][-_MOST_SNAPSHOTS:]
    ids = {one["snapshot-id"] for one in kept}
    log = [*table["snapshot-log"], {"snapshot-id": identifier, "timestamp-ms": made["timestamp-ms"]}]
    return table | {
        "last-sequence-number": sequence,
        "last-updated-ms": made["timestamp-ms"],
        "current-snapshot-id": identifier,
        "snapshots": kept,
        "snapshot-log": [one for one in log if one["snapshot-id"] in ids],
        "refs": {**table.get("refs", {}), "main": {"snapshot-id": identifier, "type": "branch"}},
    }, {manifest_path: manifest, list_path: listed}


def files_of(table: Metadata, fetch: Callable[[str], bytes]) -> list[str]:
    """The paths of the files that a table consists of now. Raises `NotSupported`."""
    current = snapshot(table)
    if current is None:
        return []
    found: list[str] = []
    for manifest in _read(fetch(current["manifest-list"])):
        if manifest.get("content", _DATA) != _DATA:
            raise NotSupported("a table of Iceberg's with deleted rows")
        entries = _read(fetch(manifest["manifest_path"]))
        found += [one["data_file"]["file_path"] for one in entries if one["status"] != _DELETED]
    return found


def _carried(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Another snapshot's, as whoever wrote it told it: some leave out counts, or call them otherwise."""
    found = {"content": _DATA, **manifest}
    for kind in ("added", "existing", "deleted"):
        files = found.get(f"{kind}_files_count", found.get(f"{kind}_data_files_count"))
        found |= {
            f"{kind}_files_count": files or 0,
            f"{kind}_rows_count": found.get(f"{kind}_rows_count") or 0,
        }
    return found


def _partition_field(name: str, column: str, ids: Mapping[str, int]) -> dict[str, Any]:
    return {"field-id": _PARTITION_ID, "source-id": ids[column], "name": name, "transform": "truncate[10]"}


def _manifest(table: Metadata, files: Iterable[DataFile], identifier: int, sequence: int) -> bytes:
    spec = table["partition-specs"][0]["fields"]
    entries = [
        {
            "status": 1,
            "snapshot_id": identifier,
            "sequence_number": sequence,
            "file_sequence_number": sequence,
            "data_file": {
                "content": _DATA,
                "file_path": file.path,
                "file_format": "PARQUET",
                "partition": {one["name"]: file.partition for one in spec},
                "record_count": file.records,
                "file_size_in_bytes": file.size,
            },
        }
        for file in files
    ]
    current = schema(table)
    head = {
        "schema": json.dumps(current),
        "schema-id": str(current["schema-id"]),
        "partition-spec": json.dumps(spec),
        "partition-spec-id": "0",
        "format-version": "2",
        "content": "data",
    }
    return _write(_entry_schema(spec), entries, head)


def _read(manifest: bytes) -> list[dict[str, Any]]:
    """Raises `ValueError` of what is no file of Avro's."""
    return [dict(one) for one in fastavro.reader(io.BytesIO(manifest)) if isinstance(one, dict)]


def _write(schema: dict[str, Any], values: Iterable[Mapping[str, Any]], metadata: Mapping[str, str]) -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, schema, values, metadata=dict(metadata))
    return file.getvalue()


def _field(number: int, name: str, type_: Any, *, optional: bool = False) -> dict[str, Any]:
    if optional:
        return {"name": name, "type": ["null", type_], "default": None, "field-id": number}
    return {"name": name, "type": type_, "field-id": number}


def _record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def _entry_schema(spec: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    partition = [_field(one["field-id"], one["name"], "string", optional=True) for one in spec]
    data_file = _record(
        "r2",
        _field(134, "content", "int"),
        _field(100, "file_path", "string"),
        _field(101, "file_format", "string"),
        _field(102, "partition", _record("r102", *partition)),
        _field(103, "record_count", "long"),
        _field(104, "file_size_in_bytes", "long"),
    )
    return _record(
        "manifest_entry",
        _field(0, "status", "int"),
        _field(1, "snapshot_id", "long", optional=True),
        _field(3, "sequence_number", "long", optional=True),
        _field(4, "file_sequence_number", "long", optional=True),
        _field(2, "data_file", data_file),
    )


_MANIFEST_LIST = _record(
    "manifest_file",
    _field(500, "manifest_path", "string"),
    _field(501, "manifest_length", "long"),
    _field(502, "partition_spec_id", "int"),
    _field(517, "content", "int"),
    _field(515, "sequence_number", "long"),
    _field(516, "min_sequence_number", "long"),
    _field(503, "added_snapshot_id", "long"),
    _field(504, "added_files_count", "int"),
    _field(505, "existing_files_count", "int"),
    _field(506, "deleted_files_count", "int"),
    _field(512, "added_rows_count", "long"),
    _field(513, "existing_rows_count", "long"),
    _field(514, "deleted_rows_count", "long"),
)


def _milliseconds(moment: float) -> int:
    return int(moment * 1000)
