"""Something that runs, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Kind = Literal["app", "cluster", "endpoint", "job", "notebook-instance", "tracking-server"]

ENVIRONMENT_TAG = "clary:environment"
TEAM_TAG = "clary:team"
PERSON_TAG = "sagemaker:user-profile-arn"
"""What Studio writes on what people make in it:
https://docs.aws.amazon.com/sagemaker/latest/dg/domain-multiple.html"""


class CannotSee(Exception):
    """What something is, or does, is not to be known now. Nothing is done to what is not seen."""


@dataclass(frozen=True)
class Thing:
    """Compute that runs now, and is paid for until it is stopped."""

    kind: Kind
    name: str
    since: datetime
    """When it began to run."""
    arn: str = ""
    instances: Mapping[str, int] = field(default_factory=dict)
    """How many of which type it runs on."""
    team: str | None = None
    person: str | None = None
    """The name of somebody's user profile."""
    declared: bool = False
    """Whether the environment file has it."""
    protected: str = ""
    """Why it cannot be stopped without losing something, if so."""
    tags: Mapping[str, str] = field(default_factory=dict)
    handle: Mapping[str, str] = field(default_factory=dict)
    """What the service's requests call it."""
    comes_back_by: str = "start it anew"
    """What brings it back once it is stopped."""

    @property
    def key(self) -> str:
        """The same for as long as it runs: what is started again is another one."""
        return f"{self.kind} {self.name} {self.since.isoformat()}"


@dataclass(frozen=True)
class Unseen:
    """Something that may be there, and that nobody can say more of."""

    kind: Kind
    name: str
    """Empty where all of its kind are meant."""
    reason: str


class Source(Protocol):
    """Where things of one kind are found, and stopped."""

    kind: Kind

    def things(self, before: datetime) -> Iterator[Thing | Unseen]:
        """What runs now and has begun before that. Raises CannotSee when it is not to be known."""
        ...

    def stop(self, thing: Thing) -> None:
        """Asks for its end; what it has kept stays. One that is gone is none."""
        ...


@dataclass(frozen=True)
class Place:
    """An environment, and by which names things belong to it."""

    environment: str
    domain_id: str
    teams: tuple[str, ...]
    people: Mapping[str, str]
    """The team of each user profile."""
    endpoints: Mapping[str, str]
    """The team of each endpoint that the file has."""

    @classmethod
    def read(cls, said: Mapping[str, Any], domain_id: str) -> Place:
        """From the settings that are deployed beside a function."""
        return cls(
            environment=said["environment"],
            domain_id=domain_id,
            teams=tuple(said["teams"]),
            people=said["people"],
            endpoints=said["endpoints"],
        )

    def team_by_name(self, name: str) -> str | None:
        """Two hyphens, because a team `risk` must not own what is a team's called `risk-europe`."""
        return next((team for team in self.teams if name.startswith(f"{team}--")), None)

    def has(self, name: str, tags: Mapping[str, str]) -> bool:
        """By its tag, and without one by its name, as the roles of people know what is theirs."""
        if ENVIRONMENT_TAG in tags:
            return tags[ENVIRONMENT_TAG] == self.environment
        return name.startswith(f"clary-{self.environment}-") or self.team_by_name(name) is not None

    def person(self, tags: Mapping[str, str]) -> str | None:
        """Who has made it, if they are of this environment's Studio."""
        domain, _, profile = tags.get(PERSON_TAG, "").partition(":user-profile/")[2].partition("/")
        return profile if domain == self.domain_id and profile else None

    def team(self, name: str, tags: Mapping[str, str], person: str | None) -> str | None:
        if tags.get(TEAM_TAG) in self.teams:
            return tags[TEAM_TAG]
        return self.endpoints.get(name) or self.team_by_name(name) or self.team_of_person(person)

    def team_of_person(self, person: str | None) -> str | None:
        """Of those that the file knows, and of those who came otherwise by what their names begin with."""
        if person is None:
            return None
        known = self.people.get(person) or self.team_by_name(person)
        fitting = [team for team in self.teams if person.startswith(f"{team}-")]
        return known or (fitting[0] if len(fitting) == 1 else None)
