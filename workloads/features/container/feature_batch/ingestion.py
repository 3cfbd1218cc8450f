"""How records get into the stores so that it can be killed at any time, and be run again."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from feature_batch.group import Group
from feature_batch.ports import History, Latest, Records
from feature_batch.table import Hour, Table

_KEYS_AT_ONCE = 100
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_BatchGetRecord.html"""
_FILES_AT_ONCE = 64
_RECORDS_AT_ONCE = 1000
_THREADS = 16

_Thing = TypeVar("_Thing")


@dataclass
class Outcome:
    """What there was to do, and what of it was done already."""

    records: int
    files_written: int = 0
    files_there: int = 0
    keys_put: int = 0
    keys_there: int = 0
    records_put: int = 0

    @property
    def words(self) -> str:
        if self.records_put:
            return f"{self.records:,} records: {self.records_put:,} put one by one"
        return (
            f"{self.records:,} records: {self.files_written:,} files written,"
            f" {self.files_there:,} there already; {self.keys_put:,} keys put,"
            f" {self.keys_there:,} up to date already"
        )


def ingest(
    group: Group,
    table: Table,
    history: History | None,
    latest: Latest | None,
    *,
    records: Records | None = None,
    now: datetime.datetime,
    tell: Callable[[str], None],
) -> Outcome:
    """Writes the history, then the latest records; `records` are for a store that writes its history itself.

    A file's name comes from its records, and it is written as a whole: what is there need not be written
    again, and written again it is the same. A latest record is put where there is none as late, and the
    store itself refuses to go back. So nothing is lost and nothing is there twice, wherever an earlier run
    has ended, and while another one does the same.

    What is put one by one is lost as little; but the store appends whatever it is given, and only who asks
    for each record once gets it once.
    """
    outcome = Outcome(table.records)
    with ThreadPoolExecutor(_THREADS) as pool:
        if records is not None:
            for some in table.every(_RECORDS_AT_ONCE):
                for _ in pool.map(records.put, some):
                    outcome.records_put += 1
                tell(f"{outcome.records_put:,} of {outcome.records:,} records")
        if history is not None:
            _write(table, history, outcome, pool, now, tell)
        if latest is not None:
            _put(group, table, latest, outcome, pool, tell)
    return outcome


def _write(
    table: Table,
    history: History,
    outcome: Outcome,
    pool: ThreadPoolExecutor,
    now: datetime.datetime,
    tell: Callable[[str], None],
) -> None:
    hours = table.hours()
    there = history.there(sorted({f"year={each.year}/month={each.month}/" for each in hours}))
    missing = [each for each in hours if each.key not in there]
    outcome.files_there = len(hours) - len(missing)

    for some in _some(table.write(missing, now), _FILES_AT_ONCE):
        for _ in pool.map(lambda written: _put_file(history, *written), some):
            outcome.files_written += 1
        tell(f"{outcome.files_written + outcome.files_there:,} of {len(hours):,} files")
    # those that are there as well: an earlier run may have ended in between
    history.find([(each.year, each.month, each.day, each.hour) for each in hours])


def _put_file(history: History, hour: Hour, file: Path) -> None:
    history.put(hour.key, file)
    file.unlink()


def _put(
    group: Group,
    table: Table,
    latest: Latest,
    outcome: Outcome,
    pool: ThreadPoolExecutor,
    tell: Callable[[str], None],
) -> None:
    for some in table.latest(_KEYS_AT_ONCE):
        keys = [str(record[group.identifier]) for _, record in some]
        there = latest.times(keys)
        newer = [
            record
            for key, (at, record) in zip(keys, some, strict=True)
            if key not in there or moment(there[key]) < at
        ]
        for _ in pool.map(latest.put, newer):
            outcome.keys_put += 1
        outcome.keys_there += len(some) - len(newer)
        tell(f"{outcome.keys_put + outcome.keys_there:,} keys")


def moment(event_time: str) -> datetime.datetime:
    """An event's time as a record has it: text of ISO 8601, or seconds since 1970."""
    if event_time.endswith("Z"):
        return datetime.datetime.fromisoformat(event_time[:-1])
    exact = datetime.timedelta(microseconds=round(float(event_time) * 1_000_000))
    return datetime.datetime(1970, 1, 1) + exact  # noqa: DTZ001 - as the table has it, in UTC


def _some(things: Iterator[_Thing], at_once: int) -> Iterator[list[_Thing]]:
    while some := list(islice(things, at_once)):
        yield some
