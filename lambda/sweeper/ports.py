"""What the rules need to know, in their own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from compute_common.thing import Kind, Thing, Unseen

Verdict = Literal["in use", "exempt", "left alone", "warned", "waiting", "due", "would be warned", "not seen"]


@dataclass(frozen=True)
class Seen:
    """Something that runs, and how it is used."""

    thing: Thing
    idle_since: datetime | None
    """Since when nobody has used it, at least. None when somebody has, or when nobody can tell."""
    note: str = ""
    """What is to be known of that, besides."""


Observation = Seen | Unseen


class Limit(NamedTuple):
    """How long something may be idle, and how long it may run at all. None: for ever."""

    idle_hours: int | None
    age_hours: int | None


@dataclass(frozen=True)
class Settings:
    """What the environment file says of sweeping."""

    acts: bool
    """Whether anything is stopped, or it is only said what would be."""
    grace_hours: int
    longest_exemption_days: int
    sweeps_declared: bool
    """Whether what the environment file has is swept as everything else."""
    limits: Mapping[Kind, Limit]
    """Of each kind that is swept at all."""


@dataclass(frozen=True)
class Decision:
    """What becomes of something, and why."""

    kind: Kind
    name: str
    verdict: Verdict
    reason: str
    thing: Thing | None = None
    acts_at: datetime | None = None
    """When it is stopped, if nobody does anything about it."""
    problem: str = ""
    """What somebody should put right, whatever the verdict is."""


class Usage(Protocol):
    """How things of one kind are used."""

    def idle_since(self, thing: Thing, hours: int, now: datetime) -> tuple[datetime | None, str]:
        """Since when nobody has used it, if that is for so many hours now; and what is to be known besides.

        Raises CannotSee when that is not to be known, as when measurements are missing.
        """
        ...


class Memory(Protocol):
    """What is remembered from one time to the next."""

    def warned(self) -> Mapping[str, datetime]:
        """Whose owner was told, and when, by the key of the thing."""
        ...

    def remember(self, warned: Mapping[str, datetime]) -> None: ...

    def report(self, name: str, text: str, content_type: str) -> None: ...


class Teller(Protocol):
    """Who is told."""

    def tell(self, team: str | None, person: str | None, subject: str, text: str) -> None: ...

    def count(self, counts: Mapping[str, int]) -> None:
        """Numbers that alarms look at."""
        ...


Decisions = Sequence[Decision]
