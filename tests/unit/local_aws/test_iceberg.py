"""Tables in Iceberg's format."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws import iceberg

COLUMNS = {"id": "string", "at": "string", "visits": "list<long>"}
LOCATION = "s3://bucket/table"


class Folder:
    """A table with what is written of it."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.table = iceberg.new(LOCATION, COLUMNS, ("at_trunc", "at"), 0.0)

    def append(self, *names: str, partition: str | None = "2024-05-01") -> None:
        files = [iceberg.DataFile(f"{LOCATION}/data/{name}", 2, 100, partition) for name in names]
        self.table, made = iceberg.append(self.table, files, self.contents.__getitem__, 1.5, {})
        self.contents |= made

    def files(self, table: iceberg.Metadata | None = None) -> set[str]:
        found = iceberg.files_of(table or self.table, self.contents.__getitem__)
        assert len(set(found)) == len(found)
        return {path.removeprefix(f"{LOCATION}/data/") for path in found}

    def manifests(self) -> list[dict[str, Any]]:
        current = iceberg.snapshot(self.table)
        assert current is not None
        return iceberg._read(self.contents[current["manifest-list"]])


# --- tables ----------------------------------------------------------------------------------------


def test_a_new_table_has_no_files() -> None:
    folder = Folder()

    assert folder.files() == set()
    assert folder.table["partition-specs"][0]["fields"][0]["transform"] == "truncate[10]"


def test_every_append_is_a_snapshot_of_what_was_there_before_and_more() -> None:
    folder = Folder()
    folder.append("a", "b")
    before = folder.table
    folder.append("c")

    assert folder.files() == {"a", "b", "c"}
    assert folder.files(before) == {"a", "b"}
    assert [one["sequence-number"] for one in folder.table["snapshots"]] == [1, 2]
    assert folder.table["snapshots"][1]["parent-snapshot-id"] == folder.table["snapshots"][0]["snapshot-id"]
    assert folder.table["snapshots"][1]["summary"]["added-records"] == "2"
    assert folder.table["refs"]["main"]["snapshot-id"] == folder.table["current-snapshot-id"]


def test_only_the_last_snapshots_are_kept_and_all_of_the_data() -> None:
    folder = Folder()
    for number in range(105):
        folder.append(str(number))

    assert len(folder.table["snapshots"]) == len(folder.table["snapshot-log"]) == 100
    assert len(folder.files()) == 105


def test_a_manifest_says_what_each_file_is() -> None:
    folder = Folder()
    folder.append("a")
    (manifest,) = folder.manifests()
    (entry,) = iceberg._read(folder.contents[manifest["manifest_path"]])

    assert manifest["manifest_length"] == len(folder.contents[manifest["manifest_path"]])
    assert (manifest["added_files_count"], manifest["added_rows_count"]) == (1, 2)
    assert entry["data_file"] == {
        "content": 0,
        "file_path": f"{LOCATION}/data/a",
        "file_format": "PARQUET",
        "partition": {"at_trunc": "2024-05-01"},
        "record_count": 2,
        "file_size_in_bytes": 100,
    }


def test_added_columns_get_numbers_of_their_own_and_the_others_keep_theirs() -> None:
    table = iceberg.new(LOCATION, COLUMNS, None, 0.0)

    grown = iceberg.with_columns(table, {"town": "string", **COLUMNS})

    numbers = {one["name"]: one["id"] for one in iceberg.schema(grown)["fields"]}
    assert numbers == {"id": 1, "at": 2, "visits": 3, "town": 5}
    assert iceberg.schema(grown)["fields"][2]["type"]["element-id"] == 4
    assert [one["schema-id"] for one in grown["schemas"]] == [0, 1]
    assert iceberg.with_columns(grown, COLUMNS) == grown


def test_what_others_have_written_is_carried_on() -> None:
    folder = Folder()
    folder.append("a")
    current = iceberg.snapshot(folder.table)
    assert current is not None
    old = ("added_files_count", "existing_files_count", "deleted_files_count")
    renamed = {name: name.replace("_files_", "_data_files_") for name in old}
    (manifest,) = folder.manifests()
    theirs = {renamed.get(name, name): one for name, one in manifest.items() if name != "content"}
    fields = [
        {**one, "name": renamed.get(one["name"], one["name"])}
        for one in iceberg._MANIFEST_LIST["fields"]
        if one["name"] != "content"
    ]
    folder.contents[current["manifest-list"]] = iceberg._write(
        {**iceberg._MANIFEST_LIST, "fields": fields}, [theirs], {}
    )

    folder.append("b")

    assert folder.files() == {"a", "b"}
    assert [one["added_files_count"] for one in folder.manifests()] == [1, 1]


def test_a_table_with_deleted_rows_is_not_read() -> None:
    folder = Folder()
    folder.append("a")
    current = iceberg.snapshot(folder.table)
    assert current is not None
    deletes = [one | {"content": 1} for one in folder.manifests()]
    folder.contents[current["manifest-list"]] = iceberg._write(iceberg._MANIFEST_LIST, deletes, {})

    with pytest.raises(iceberg.NotSupported, match="with deleted rows"):
        folder.files()


def test_what_is_no_list_of_files_is_not_taken_for_an_empty_one() -> None:
    folder = Folder()
    folder.append("a")
    current = iceberg.snapshot(folder.table)
    assert current is not None
    whole = folder.contents[current["manifest-list"]]

    for broken in (b"PAR1", whole[:10], whole[:-5]):
        folder.contents[current["manifest-list"]] = broken
        with pytest.raises(ValueError, match=r"avro file|sync marker"):
            folder.files()
