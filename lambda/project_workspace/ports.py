"""What the rules need of a feature group, in their own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Definition(NamedTuple):
    """What a feature group knows, and by which key and time."""

    identifier: str
    event_time: str
    features: Mapping[str, str]
    """The type of each, those two included: `String`, `Integral` or `Fractional`."""


class State(NamedTuple):
    """How a feature group is now."""

    status: str
    """`Created` once it is there."""
    update: str
    """How its last update went, `Successful` where there was none."""
    definition: Definition
    ours: bool = True
    """Whether this workspace has made it."""
    failure: str = ""


class Group(Protocol):
    """A feature group of one name."""

    def look(self) -> State | None:
        """How it is, or None where there is none."""
        ...

    def make(self, definition: Definition) -> None: ...

    def add(self, features: Mapping[str, str]) -> None: ...

    def remove(self) -> None: ...
