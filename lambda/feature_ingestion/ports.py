"""What the rules need of a feature group, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

Record = Mapping[str, str | list[str]]
"""The features that have a value, each as text; a collection's values one by one."""


class NotTaken(Exception):
    """The store did not take a record."""


class Store(Protocol):
    def put(self, group: str, record: Record) -> None:
        """Writes a record; raises NotTaken. Writing it twice is as good as once."""
        ...
