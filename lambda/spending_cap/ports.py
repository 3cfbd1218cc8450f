"""What the rules need to know, in their own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from compute_common.thing import Thing

Account = tuple[str, str]
"""Whose money: `("team", "research")` or `("person", "research-ada")`."""


@dataclass(frozen=True)
class Run:
    """Something that runs, or has run, and what an hour of it costs."""

    thing: Thing
    usd_per_hour: float | None
    """None where nobody knows."""
    ended: datetime | None = None


@dataclass(frozen=True)
class Sight:
    """What one kind of compute was seen to be."""

    kind: str
    runs: Sequence[Run]
    unseen: str = ""
    """Why not all of it was seen, if so."""


@dataclass(frozen=True)
class Charge:
    """What one run has cost so far this month."""

    usd: float
    usd_per_hour: float
    until: datetime
    """Until when that is."""
    kind: str
    team: str | None = None
    person: str | None = None
    running: bool = True


@dataclass(frozen=True)
class Ledger:
    """A month's charges, and what is remembered from one look to the next."""

    month: str
    """`2026-11`, in UTC."""
    charges: Mapping[str, Charge] = field(default_factory=dict)
    """By the key of what has run."""
    seen: Mapping[str, datetime] = field(default_factory=dict)
    """When each kind of compute was last seen whole."""
    told: Sequence[str] = ()
    """Of which marks somebody has been told."""


@dataclass(frozen=True)
class Lift:
    """An administrator's word that somebody may spend more, for a while."""

    account: Account
    until: date
    """Its last day, in UTC."""
    usd: float | None = None
    """Up to how much. By default, as much as they like."""


@dataclass(frozen=True)
class Settings:
    """What the environment file says of caps."""

    acts: bool
    """Whether anything is refused and stopped, or it is only said what would be."""
    teams: Mapping[str, float]
    people: Mapping[str, float]
    each_person: float | None
    """Of those who are not among `people`."""
    warn_percent: int
    blind_minutes: int
    """For how long new compute is let through by a meter that does not see."""
    new_compute: Sequence[str] = ()
    """The actions that start something."""


@dataclass(frozen=True)
class Standing:
    """How somebody stands in a month."""

    account: Account
    usd: float
    cap: float | None
    """None where it has been lifted altogether."""
    lifted_until: date | None = None

    @property
    def over(self) -> bool:
        return self.cap is not None and self.usd >= self.cap


class Book(Protocol):
    """Where charges are kept, and an administrator's word."""

    def ledger(self, month: str) -> Ledger | None:
        """None where the month has none. Raises when it cannot be read: charges must not be forgotten."""
        ...

    def keep(self, ledger: Ledger) -> None: ...

    def lifts(self) -> tuple[Sequence[Lift], Sequence[str]]:
        """Those that are readable, and what is wrong with the others."""
        ...

    def report(self, name: str, text: str, content_type: str) -> None: ...


class Gate(Protocol):
    """What refuses new compute: a policy for each team."""

    def write(self, team: str, document: str) -> None: ...
