"""What an environment file says of how much may be spent, and what happens beyond it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from clary.environment import membership
from clary.environment.part import Complaint, InstanceType, Part, name_of, no_such
from clary.environment.people import TeamName, profile_name
from clary.pricing import table

if TYPE_CHECKING:
    from clary.environment.model import Environment

ProfileName = Annotated[str, name_of("somebody's team and name", "research-ada", longest=63)]
Usd = Annotated[int, Ge(1), Le(10_000_000)]
UsdPerHour = Annotated[float, Ge(0), Le(10_000)]
CAP_PREFIX = "operations--cap/"
"""Where ledgers and lifts lie in the data bucket: two hyphens, because no team's part of it begins so."""
_USES: Sequence[table.Use] = ("hosting", "notebook", "processing", "studio", "training", "transform")


class Cap(Part):
    """How much of SageMaker's compute teams and people may use in a calendar month, in UTC, in US dollars.

    Beyond it, new compute is refused and what runs is stopped; data stay, and so do the endpoints of this
    file, which no cap is about. What has no price is refused under a cap. `docs/sweeper.md` has it all.
    """

    mode: Literal["dry-run", "act"] = "dry-run"
    """Whether anything is refused and stopped. By default, a report says what would be."""
    teams: Mapping[TeamName, Usd] = Field(default_factory=dict)
    """How much a team may use, all of its people and jobs together."""
    people: Mapping[ProfileName, Usd] = Field(default_factory=dict)
    """How much somebody may use, by their team and name: `research-ada`."""
    each_person: Usd | None = None
    """How much everybody may use who is not among `people`. By default, as much as their team."""
    every_minutes: int = Field(default=10, ge=5, le=60)
    """How often the meter is read. As much later, at most, is stopped what is over."""
    warn_percent: int = Field(default=80, ge=1, le=99)
    """At how much of a cap somebody is told."""
    blind_minutes: int = Field(default=60, ge=10, le=1440)
    """For how long new compute is let through when the meter does not see, or nobody reads it. Then it is
    refused."""
    usd_per_hour: Mapping[InstanceType, UsdPerHour] = Field(default_factory=dict)
    """What an hour of an instance type costs you, whatever it is used for. By default, as in Clary's small
    table of AWS's own prices; what is in neither is refused."""

    def gated(self, environment: Environment) -> list[str]:
        """The teams whose roles have a gate."""
        if self.each_person is not None:
            return list(environment.teams)
        people = {
            team
            for _, team, name, _ in membership.members(environment)
            if profile_name(team, name) in self.people
        }
        return [team for team in environment.teams if team in self.teams or team in people]

    def prices(self, region: str) -> dict[str, dict[str, float]]:
        """What an hour of each instance type costs, by what it is used for."""
        return {
            use: {name: price.usd for name, price in table.instances(region, use).items()}
            | dict(self.usd_per_hour)
            for use in _USES
        }


def misfits(environment: Environment) -> Iterator[Complaint]:
    cap, at = environment.costs.cap, ("costs", "cap")
    if cap is None:
        return
    if not cap.teams and not cap.people and cap.each_person is None:
        yield Complaint(at, "is about nobody, give 'teams', 'people' or 'each_person'")
    for team in cap.teams:
        if team not in environment.teams:
            yield Complaint((*at, "teams", team), no_such("team", team, list(environment.teams)))
    known = {profile_name(team, name): team for _, team, name, _ in membership.members(environment)}
    for person in cap.people:
        if person not in known:
            yield Complaint((*at, "people", person), no_such("person", person, list(known)))
    if cap.blind_minutes < 2 * cap.every_minutes:
        key = "blind_minutes" if "blind_minutes" in cap.model_fields_set else "every_minutes"
        message = f"'blind_minutes' is {cap.blind_minutes} and the meter is read every {cap.every_minutes}"
        yield Complaint((*at, key), f"{message} minutes, give at least {2 * cap.every_minutes}")
    studio = cap.prices(environment.region)["studio"]
    gated = cap.gated(environment)
    unknown = {
        of_type: None
        for path, of_type in membership.instance_types(environment)
        if path[1] in gated and of_type not in studio
    }
    for of_type in unknown:
        message = (
            f"nobody knows what an hour of '{of_type}' costs in {environment.region}, which spaces run on"
        )
        yield Complaint(at, f"{message}: give 'usd_per_hour: {{{of_type}: …}}' here")
