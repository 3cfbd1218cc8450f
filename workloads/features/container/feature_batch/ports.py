"""What bringing records in needs of the stores, in its own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

Record = Mapping[str, str | list[str]]
"""The features that have a value, as text; a collection's values one by one."""


class History(Protocol):
    """The files of a history, by their names below its place."""

    def there(self, folders: Sequence[str]) -> set[str]:
        """The files below each of the folders."""
        ...

    def put(self, name: str, file: Path) -> None:
        """Writes a file as a whole, or not at all."""
        ...

    def find(self, hours: Sequence[tuple[str, str, str, str]]) -> None:
        """Lets queries find these hours; told twice, it is done once."""
        ...


class Latest(Protocol):
    """The latest record of each key."""

    def times(self, identifiers: Sequence[str]) -> Mapping[str, str]:
        """The time of the record of each key that has one; at most 100 keys."""
        ...

    def put(self, record: Record) -> None:
        """Writes a record unless there is a later one."""
        ...


class Records(Protocol):
    """Every record, where the store itself writes its history."""

    def put(self, record: Record) -> None:
        """Writes a record; the second time, the history has it twice."""
        ...
