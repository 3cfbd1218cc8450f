"""What the rules need of Studio, in its own words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol


class App(NamedTuple):
    """Something that runs, and is billed."""

    name: str
    """One in the domain."""
    going: bool
    """Whether it is on its way, and needs no asking."""


class Space(NamedTuple):
    name: str
    owner: str
    private: bool
    going: bool = False


class Domain(Protocol):
    """A Studio domain."""

    def spaces(self) -> Sequence[Space]:
        """All spaces that have an owner."""
        ...

    def apps(self, *, profiles: Collection[str], spaces: Collection[str]) -> Sequence[App]:
        """What runs for these profiles without a space, and what runs in these spaces."""
        ...

    def stop(self, app: App) -> None:
        """Asks for the end of an app. One that is gone is none."""
        ...

    def delete_space(self, name: str) -> None:
        """Asks for the deletion of a space, which may have to be asked again. One that is gone is none."""
        ...

    def take_rights(self, profile: str) -> bool:
        """Makes a profile work as the role that may do nothing. False when it takes no change now."""
        ...
