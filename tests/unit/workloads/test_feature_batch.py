"""Files brought into a feature group: what is refused, and that nothing is lost or there twice."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import pytest

from feature_batch.group import Collection, Group, HistoryPlace, Refused
from feature_batch.ingestion import Outcome, ingest, moment
from feature_batch.ports import Record
from feature_batch.table import Table

PLACE = HistoryPlace("s3://bucket/data", None, None, None)
GROUP = Group(
    "patients",
    "patient",
    "at",
    {"patient": "String", "at": "String", "bmi": "Fractional", "visits": "Integral"},
    True,
    PLACE,
)
LINES = [f"p{number % 3},2026-01-01T{number:02}:30:00Z,{20 + number}.5,{number}" for number in range(8)]
NOW = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)


class Killed(BaseException):
    """The process is gone."""


class Stores:
    """Both stores, which outlive who writes to them; that many writes go well."""

    def __init__(self) -> None:
        self.files: dict[str, list[tuple[Any, ...]]] = {}
        self.writes: list[str] = []
        self.found: set[tuple[str, str, str, str]] = set()
        self.online: dict[str, Record] = {}
        self.left = 10**6
        self._lock = Lock()

    def _write(self) -> None:
        with self._lock:
            if self.left == 0:
                raise Killed
            self.left -= 1

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return sorted(row for rows in self.files.values() for row in rows)


class History:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def there(self, folders: Sequence[str]) -> set[str]:
        return {name for name in self._stores.files if name.startswith(tuple(folders))}

    def put(self, name: str, file: Path) -> None:
        self._stores._write()
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            found = connection.execute(
                'SELECT patient, "at", bmi, visits, is_deleted'
                " FROM read_parquet(?, hive_partitioning = false)",
                [str(file)],
            ).fetchall()
        self._stores.files[name] = found
        self._stores.writes.append(name)

    def find(self, hours: Sequence[tuple[str, str, str, str]]) -> None:
        self._stores._write()
        self._stores.found |= set(hours)


class Latest:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def times(self, identifiers: Sequence[str]) -> Mapping[str, str]:
        there = self._stores.online
        return {key: str(there[key]["at"]) for key in identifiers if key in there}

    def put(self, record: Record) -> None:
        self._stores._write()
        there = self._stores.online.get(str(record["patient"]))
        if there is None or moment(str(there["at"])) <= moment(str(record["at"])):
            self._stores.online[str(record["patient"])] = record


Bring = Callable[..., Outcome]


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Brings lines in; each call is a process of its own."""

    def run(stores: Stores, lines: Sequence[str], header: str = "patient,at,bmi,visits") -> Outcome:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        file = folder / "records.csv"
        file.write_text("\n".join([header, *lines]) + "\n")
        table = Table(GROUP, [file], folder)
        try:
            return ingest(GROUP, table, History(stores), Latest(stores), now=NOW, tell=lambda _: None)
        finally:
            table.close()

    return run


def test_a_history_has_each_record_once_and_the_store_the_latest(bring: Bring) -> None:
    stores = Stores()

    outcome = bring(stores, LINES)

    assert (outcome.records, outcome.files_written, outcome.keys_put) == (8, 8, 3)
    assert [row[3] for row in sorted(stores.rows, key=lambda row: row[1])] == list(range(8))
    assert {key: record["visits"] for key, record in stores.online.items()} == {
        "p0": "6",
        "p1": "7",
        "p2": "5",
    }


def test_what_is_killed_goes_on_without_loss_or_duplicates(bring: Bring) -> None:
    whole = Stores()
    bring(whole, LINES)
    needed = len(whole.writes) + 1 + len(whole.online)

    for died_after in range(needed):
        stores = Stores()
        stores.left = died_after
        with pytest.raises(Killed):
            bring(stores, LINES)
        stores.left = 10**6

        again = bring(stores, LINES)

        assert stores.files == whole.files, died_after
        assert stores.online == whole.online, died_after
        assert stores.found == whole.found, died_after
        assert again.files_there + again.files_written == len(whole.files)


def test_the_second_time_nothing_is_written(bring: Bring) -> None:
    stores = Stores()
    bring(stores, LINES)

    again = bring(stores, list(reversed(LINES)))

    assert (again.files_written, again.files_there, again.keys_put, again.keys_there) == (0, 8, 0, 3)
    assert len(stores.writes) == 8


def test_a_later_record_stays_the_latest(bring: Bring) -> None:
    stores = Stores()
    bring(stores, LINES)

    bring(stores, ["p0,2025-12-31T00:00:00Z,1,1"])

    assert stores.online["p0"]["visits"] == "6"


def test_of_a_record_that_is_there_twice_the_last_one_counts(bring: Bring) -> None:
    stores = Stores()

    outcome = bring(stores, ["p0,2026-01-01T00:00:00Z,1,1", "p0,2026-01-01T00:00:00.000Z,2,2"])

    assert outcome.records == 1
    assert [row[3] for row in stores.rows] == [2]


def test_what_is_not_there_has_no_value(bring: Bring) -> None:
    stores = Stores()

    bring(stores, ["2026-01-01T00:00:00Z,p0,"], header="at,patient,bmi")

    assert stores.rows == [("p0", "2026-01-01T00:00:00Z", None, None, False)]
    assert stores.online["p0"] == {"patient": "p0", "at": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("lines", "header", "words"),
    [
        ([",2026-01-01T00:00:00Z,1,1"], None, "record 1: 'patient' has no value, every record has one"),
        (["p,2026-01-01,1,1"], None, "'at' is '2026-01-01', give a time like"),
        (["p,2026-02-30T00:00:00Z,1,1"], None, "'at' is '2026-02-30T00:00:00Z', give a time like"),
        (["p,2026-01-01T00:00:00Z,much,1"], None, "'bmi' is 'much', give a number"),
        (["p,2026-01-01T00:00:00Z,nan,1"], None, "'bmi' is 'nan', give a number"),
        (["p,2026-01-01T00:00:00Z,1,1.5"], None, "'visits' is '1.5', give a whole number"),
        (["p,2026-01-01T00:00:00Z,1,9223372036854775808"], None, "give a whole number of at most 64 bits"),
        (["p,1"], "patient,bmi", "lacks the column 'at'"),
        (
            ["p,1,1"],
            "patient,at,bni",
            "has a column 'bni', which is no feature of the group, did you mean 'bmi'?",
        ),
        (["p,2026-01-01T00:00:00Z,1,x"] * 9, None, "and 4 more"),
    ],
)
def test_says_what_is_wrong_and_writes_nothing(
    bring: Bring, lines: list[str], header: str | None, words: str
) -> None:
    stores = Stores()

    with pytest.raises(Refused, match=words.replace("(", r"\(").replace("?", r"\?")):
        bring(stores, lines, header or "patient,at,bmi,visits")

    assert (stores.files, stores.online) == ({}, {})


def test_reads_parquet_with_times_in_types_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "records.parquet"
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(
            "COPY (SELECT 'p0' AS patient, TIMESTAMP '2026-01-01 09:30:00.125' AS \"at\", 21.5::FLOAT AS bmi,"
            f" 3::INTEGER AS visits) TO '{file}' (FORMAT parquet)"
        )

    table = Table(GROUP, [file], tmp_path)
    ((_, record),) = next(table.latest(100))
    table.close()

    assert record == {"patient": "p0", "at": "2026-01-01T09:30:00.125Z", "bmi": "21.5", "visits": "3"}


def test_takes_seconds_since_1970(tmp_path: Path) -> None:
    group = Group("g", "id", "at", {"id": "Integral", "at": "Fractional"}, True, PLACE)
    file = tmp_path / "records.csv"
    file.write_text("id,at\n7,1767259800.5\n")

    table = Table(group, [file], tmp_path)
    (hour,) = table.hours()
    table.close()

    assert hour.key.startswith("year=2026/month=01/day=01/hour=09/20260101T093000Z_")


DESCRIBED: Mapping[str, Any] = {
    "FeatureGroupName": "patients",
    "FeatureGroupStatus": "Created",
    "RecordIdentifierFeatureName": "patient",
    "EventTimeFeatureName": "at",
    "FeatureDefinitions": [
        {"FeatureName": "patient", "FeatureType": "String"},
        {"FeatureName": "at", "FeatureType": "String"},
    ],
    "OfflineStoreConfig": {"S3StorageConfig": {"ResolvedOutputS3Uri": "s3://bucket/data", "KmsKeyId": "key"}},
}


def test_knows_a_group_by_its_description() -> None:
    group = Group.described(DESCRIBED)

    assert group.history == HistoryPlace("s3://bucket/data", "key", None, None)
    assert not group.online


def test_a_group_that_is_not_there_yet_takes_no_files() -> None:
    with pytest.raises(Refused, match="is Creating, it takes no records"):
        Group.described({**DESCRIBED, "FeatureGroupStatus": "Creating"})


def test_a_history_of_icebergs_is_left_to_the_store() -> None:
    offline = {**DESCRIBED["OfflineStoreConfig"], "TableFormat": "Iceberg"}

    group = Group.described({**DESCRIBED, "OfflineStoreConfig": offline})

    assert (group.history, group.written_by_store) == (None, True)


def test_what_the_store_writes_itself_gets_every_record_in_the_order_of_their_times(tmp_path: Path) -> None:
    put: list[Record] = []
    group = replace(GROUP, history=None, written_by_store=True)
    file = tmp_path / "records.csv"
    file.write_text("\n".join(["patient,at,bmi,visits", *reversed(LINES), LINES[0]]) + "\n")
    table = Table(group, [file], tmp_path)

    class Records:
        def put(self, record: Record) -> None:
            put.append(record)

    outcome = ingest(group, table, None, None, records=Records(), now=NOW, tell=lambda _: None)
    table.close()

    assert outcome.words == "8 records: 8 put one by one"
    assert sorted(str(record["visits"]) for record in put) == [str(number) for number in range(8)]


FACES = Group(
    "faces",
    "patient",
    "at",
    {"patient": "String", "at": "String", "face": "Fractional", "words": "String", "rooms": "Integral"},
    True,
    None,
    collections={
        "face": Collection("Vector", 2),
        "words": Collection("Set", None),
        "rooms": Collection("List", None),
    },
)


def latest_of(file: Path) -> Record:
    table = Table(FACES, [file], file.parent)
    ((_, record),) = next(table.latest(100))
    table.close()
    return record


def test_a_collection_is_an_array_of_jsons_in_a_column(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text('patient,at,face,words,rooms\np,2026-01-01T00:00:00Z,"[0.5, 2]","[""a"", ""b c""]",\n')

    assert latest_of(file) == {
        "patient": "p",
        "at": "2026-01-01T00:00:00Z",
        "face": ["0.5", "2"],
        "words": ["a", "b c"],
    }


def test_a_collection_is_a_list_in_parquet(tmp_path: Path) -> None:
    file = tmp_path / "records.parquet"
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(
            "COPY (SELECT 'p' AS patient, '2026-01-01T00:00:00Z' AS \"at\", [0.5, 2.0]::DOUBLE[] AS face,"
            f" ['a'] AS words, []::BIGINT[] AS rooms) TO '{file}' (FORMAT parquet)"
        )

    assert latest_of(file) == {
        "patient": "p",
        "at": "2026-01-01T00:00:00Z",
        "face": ["0.5", "2.0"],
        "words": ["a"],
        "rooms": [],
    }


@pytest.mark.parametrize(
    ("face", "words", "rooms", "says"),
    [
        ("0.5", "", "", "'face' is '0.5', give a JSON array of values that are Fractional, 2 of them"),
        ("[0.5]", "", "", "give a JSON array of values that are Fractional, 2 of them"),
        ("[0.5, much]", "", "", "give a JSON array of values that are Fractional, 2 of them"),
        ("", "[null]", "", "'words' is '[null]', give a JSON array of values that are String"),
        ("", "{}", "", "give a JSON array of values that are String"),
        ("", "", "[1.5]", "'rooms' is '[1.5]', give a JSON array of values that are Integral"),
    ],
)
def test_says_what_no_collection_is(face: str, words: str, rooms: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text(f'patient,at,face,words,rooms\np,2026-01-01T00:00:00Z,"{face}","{words}","{rooms}"\n')

    with pytest.raises(Refused, match=re.escape(says)):
        Table(FACES, [file], tmp_path)
