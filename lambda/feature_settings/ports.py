"""What the rules need of a feature group, in its own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Collection(NamedTuple):
    """A feature that has several values at once."""

    name: str
    type: str
    kind: str
    dimension: int | None = None


class State(NamedTuple):
    """How a feature group is now."""

    status: str
    """`Created` once it is there."""
    update: str
    """How its last update went, `Successful` where there was none."""
    collections: Mapping[str, Collection | None]
    """Its features by name; None stands for one that has a single value."""
    failure: str = ""


class Group(Protocol):
    """A feature group."""

    def look(self) -> State | None:
        """How it is, or None where there is none."""
        ...

    def add(self, collections: Sequence[Collection]) -> None: ...

    def tag(self, tags: Mapping[str, str]) -> None: ...

    def untag(self, names: Sequence[str]) -> None: ...
