"""What the local AWS remembers of the services it adds: one store, whoever asks.

Records are plain dicts, kept apart by account, region and family (`Endpoint`, `UserProfile`, or a
CloudFormation type's name). The API's handlers and CloudFormation's see the same ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from local_aws import hooks

Record = dict[str, Any]
Key = tuple[str, ...]


class Store:
    """Safe to use from several threads; a record itself belongs to whoever changes it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._records: dict[tuple[str, str, str], dict[Key, Record]] = {}
        self.looked_at: Callable[[], None] = lambda: None
        """Called whenever somebody looks into it, and may therefore change it."""

    def _family(self, family: str) -> dict[Key, Record]:
        self.looked_at()
        return self._records.setdefault((hooks.request.account_id(), hooks.request.region(), family), {})

    def get(self, family: str, key: Key) -> Record | None:
        with self._lock:
            return self._family(family).get(key)

    def add(self, family: str, key: Key, record: Record) -> bool:
        """Keeps a new record; False, and nothing changed, when there is one of that key."""
        with self._lock:
            records = self._family(family)
            if key in records:
                return False
            records[key] = record
            return True

    def remove(self, family: str, key: Key) -> Record | None:
        with self._lock:
            return self._family(family).pop(key, None)

    def all(self, family: str) -> list[tuple[Key, Record]]:
        """A copy of the listing, oldest first."""
        with self._lock:
            return list(self._family(family).items())

    def everywhere(self, family: str) -> Iterator[tuple[str, str, Key, Record]]:
        """Account, region, key and record, in all accounts and regions."""
        self.looked_at()
        with self._lock:
            found = [
                (account, region, key, record)
                for (account, region, name), records in self._records.items()
                if name == family
                for key, record in records.items()
            ]
        return iter(found)

    def clear(self) -> None:
        self.looked_at()
        with self._lock:
            self._records.clear()

    def records(self) -> dict[tuple[str, str, str, Key], Record]:
        """All there is, by account, region, family and key; to be read only."""
        with self._lock:
            return {
                (*place, key): record
                for place, records in self._records.items()
                for key, record in records.items()
            }

    def put_back(self, place: tuple[str, str, str, Key], record: Record) -> None:
        """Keeps a record of an earlier server, as `records` told it."""
        account, region, family, key = place
        with self._lock:
            self._records.setdefault((account, region, family), {})[key] = record


STORE = Store()
