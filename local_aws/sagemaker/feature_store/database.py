"""Where records are: the online store, and what waits to be written to the offline store.

Not in `local_aws.store`: that is compared as a whole after each request that has looked into it, and a
group may have a million records. An SQLite database of its own keeps them: in memory, or, on a server that
keeps what it answers, in a file beside it, with a commit before each answer.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.sagemaker.feature_store.destination import Destination, of_told
from local_aws.sagemaker.feature_store.values import Values, Written

FILE = "features.sqlite"

_SCHEMA = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=OFF",
    "CREATE TABLE IF NOT EXISTS online (store TEXT, identifier TEXT, event REAL, expires REAL, record TEXT,"
    " PRIMARY KEY (store, identifier)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS destination (store TEXT PRIMARY KEY, told TEXT)",
    "CREATE INDEX IF NOT EXISTS online_by_expiry ON online (expires) WHERE expires IS NOT NULL",
    # The file that a row goes to is known before it is written: whoever writes it again writes the same one.
    "CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY, store TEXT, due REAL, event REAL, row TEXT,"
    " file TEXT)",
    "CREATE INDEX IF NOT EXISTS waiting_by_store ON waiting (store, file)",
)
_ALIVE = "(online.expires IS NULL OR online.expires > :now)"
_PUT = (
    "INSERT INTO online VALUES (:store, :identifier, :event, :expires, :record)"
    " ON CONFLICT (store, identifier) DO UPDATE SET event = excluded.event, expires = excluded.expires,"
    " record = excluded.record WHERE excluded.event > online.event"
    " OR (online.expires IS NOT NULL AND online.expires <= :now)"
)


@dataclass(frozen=True)
class Kept:
    """A record of the online store."""

    event: float
    expires: float | None
    values: Values | None
    """None of a record that is deleted, and whose event time still counts."""


@dataclass(frozen=True)
class Row:
    """A record for the offline store."""

    event: float
    values: Values
    invoked: float
    deleted: bool


class Database:
    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        for statement in _SCHEMA:
            self._connection.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; what is done inside may be several of the methods below."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    # --- the online store ----------------------------------------------------------------------------

    def put(self, store: str, record: Written, now: float) -> None:
        """Keeps a record, unless there is one whose event was at that time or later."""
        self._execute(_PUT, _members(store, record.identifier, record, record.values, now))

    def replace(self, store: str, record: Written) -> None:
        with self.transaction():
            self.remove(store, record.identifier)
            self.put(store, record, 0)

    def mark_deleted(self, store: str, identifier: str, event: float, now: float) -> None:
        """As a record without values, by the same order of events."""
        marker = Written(identifier, event, None, {})
        self._execute(_PUT, _members(store, identifier, marker, None, now))

    def get(self, store: str, identifier: str, now: float) -> Kept | None:
        found = self._execute(
            f"SELECT event, expires, record FROM online WHERE store = :store AND identifier = :identifier AND {_ALIVE}",  # noqa: E501, S608 - constants
            {"store": store, "identifier": identifier, "now": now},
        )
        if not found:
            return None
        event, expires, record = found[0]
        return Kept(event, expires, json.loads(record))

    def remove(self, store: str, identifier: str) -> None:
        self._execute("DELETE FROM online WHERE store = ? AND identifier = ?", (store, identifier))

    def identifiers(self, store: str, after: str, count: int, now: float, *, deleted: bool) -> list[str]:
        """Some of a store's records, in the order of their identifiers."""
        found = self._execute(
            f"SELECT identifier FROM online WHERE store = :store AND identifier > :after AND {_ALIVE}"  # noqa: S608 - constants
            " AND (:deleted OR record <> 'null') ORDER BY identifier LIMIT :count",
            {"store": store, "after": after, "now": now, "deleted": deleted, "count": count},
        )
        return [identifier for (identifier,) in found]

    def next_expiry(self) -> float | None:
        found = self._execute("SELECT min(expires) FROM online WHERE expires IS NOT NULL")
        return None if found[0][0] is None else float(found[0][0])

    def take_expired(self, now: float, count: int) -> list[tuple[str, str, float]]:
        """Removes what nobody sees any more: stores, identifiers, and when each has expired."""
        with self.transaction():
            found = self._execute(
                "SELECT store, identifier, expires FROM online WHERE expires <= ? ORDER BY expires LIMIT ?",
                (now, count),
            )
            for store, identifier, _ in found:
                self.remove(store, identifier)
        return found

    def drop(self, store: str) -> None:
        """Forgets a group's online store. What waits was accepted: it is written now."""
        with self.transaction():
            self._execute("DELETE FROM online WHERE store = ?", (store,))
            self._execute("UPDATE waiting SET due = 0 WHERE store = ?", (store,))

    # --- what waits for the offline store ------------------------------------------------------------

    def direct(self, destination: Destination) -> None:
        """Keeps where a group's records are written to, even when the group is gone."""
        told = json.dumps(destination.told())
        self._execute("INSERT OR REPLACE INTO destination VALUES (?, ?)", (destination.store, told))

    def destination(self, store: str) -> Destination | None:
        found = self._execute("SELECT told FROM destination WHERE store = ?", (store,))
        return of_told(json.loads(found[0][0])) if found else None

    def enqueue(self, store: str, row: Row, due: float) -> None:
        told = json.dumps([row.values, row.invoked, row.deleted])
        self._execute(
            "INSERT INTO waiting (store, due, event, row) VALUES (?, ?, ?, ?)", (store, due, row.event, told)
        )

    def due(self) -> list[tuple[str, float]]:
        """The stores that something waits for, and when the oldest of it is to be written."""
        return self._execute("SELECT store, min(due) FROM waiting GROUP BY store")

    def unassigned(self, store: str, count: int) -> list[tuple[int, float]]:
        """The ids and event times of rows that no file is meant to have yet."""
        return self._execute(
            "SELECT id, event FROM waiting WHERE store = ? AND file IS NULL ORDER BY id LIMIT ?",
            (store, count),
        )

    def assign(self, ids: Sequence[int], file: str) -> None:
        with self.transaction():
            self._connection.executemany(
                "UPDATE waiting SET file = ? WHERE id = ?", [(file, one) for one in ids]
            )

    def files(self, store: str) -> list[str]:
        """The files that are to be written."""
        found = self._execute(
            "SELECT DISTINCT file FROM waiting WHERE store = ? AND file IS NOT NULL ORDER BY file", (store,)
        )
        return [file for (file,) in found]

    def rows(self, store: str, file: str) -> list[Row]:
        found = self._execute(
            "SELECT event, row FROM waiting WHERE store = ? AND file = ? ORDER BY id", (store, file)
        )
        return [Row(event, *json.loads(row)) for event, row in found]

    def done(self, store: str, files: Sequence[str]) -> None:
        with self.transaction():
            self._connection.executemany(
                "DELETE FROM waiting WHERE store = ? AND file = ?", [(store, file) for file in files]
            )

    # --- all of it -----------------------------------------------------------------------------------

    def clear(self) -> None:
        with self.transaction():
            for table in ("online", "destination", "waiting"):
                self._execute(f"DELETE FROM {table}")  # noqa: S608 - a constant

    def close(self) -> None:
        self._connection.close()

    def _execute(self, statement: str, values: Any = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


def _members(store: str, identifier: str, record: Written, values: Values | None, now: float) -> Any:
    return {
        "store": store,
        "identifier": identifier,
        "event": record.event,
        "expires": record.expires,
        "record": json.dumps(values),
        "now": now,
    }


_LOCK = threading.Lock()
_PLACE: dict[str, Path] = {}
_OPEN: dict[str, Database] = {}


def keep_in(folder: Path) -> None:
    """Keeps records in a file of this folder, from the first use on."""
    _PLACE["folder"] = folder


def database() -> Database:
    with _LOCK:
        if "database" not in _OPEN:
            folder = _PLACE.get("folder")
            _OPEN["database"] = Database(folder / FILE if folder else None)
        return _OPEN["database"]


def in_use() -> bool:
    """Whether there may be anything in it."""
    return bool(_OPEN) or bool(_PLACE and (_PLACE["folder"] / FILE).exists())
