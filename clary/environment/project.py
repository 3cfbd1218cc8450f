"""What the environment file says of projects: workspaces that people make for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from clary.environment.costs import Budget
from clary.environment.features import OfflineStore, OnlineStore
from clary.environment.part import DIFFERENT, FROM_LIST, Complaint, Part, no_such, refusal
from clary.environment.people import Persona

if TYPE_CHECKING:
    from clary.environment.model import Environment

PROJECT_TAG = "clary:project"
"""Which project something is of, that was made for one."""

TEMPLATES = "clary--projects"
"""Below which templates lie that Studio lists, in the data bucket: a folder for each team."""

_LONGEST_NAME = 63
_LONGEST_PROJECT = 40


class ProjectFeatures(Part):
    """Where a project's feature group keeps its records. Its features are whoever's who launches it."""

    online: OnlineStore | None = None
    """By default, there is no online store."""
    offline: OfflineStore | None = OfflineStore()
    """By default, there is one; `null` for none."""

    @model_validator(mode="after")
    def _has_a_store(self) -> Self:
        if self.online is None and self.offline is None:
            raise refusal(Complaint(("offline",), "there is no online store either, give one of the two"))
        if self.online is not None and self.online.storage == "in-memory" and self.offline is not None:
            message = "'in-memory' keeps no history, give 'offline: null' beside"
            raise refusal(Complaint(("online", "storage"), message))
        return self


class ProjectBudget(Part):
    """What a month of a project may cost: whoever launches it says, up to `most_usd`.

    Told are the e-mail addresses of the team's budget or, where it has none, of the environment's, at the
    same percentages.
    """

    default_usd: int = Field(ge=1, le=100_000_000)
    """What it is unless somebody says another one, in US dollars."""
    most_usd: int = Field(ge=1, le=100_000_000)
    """How much may be said."""

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.default_usd > self.most_usd:
            message = f"{self.default_usd} is more than 'most_usd', {self.most_usd}: change one of the two"
            raise refusal(Complaint(("default_usd",), message))
        return self


class ProjectWorkspace(Part):
    """An image repository, a model package group and a place for files, for each project that people name."""

    untagged_days: int = Field(default=14, ge=1, le=365)
    """After how many days images are deleted that have no tag."""
    features: ProjectFeatures | None = None
    """`{}` for a feature group with a history. By default, a project has no feature group."""
    budget: ProjectBudget | None = None
    """By default, a project has no budget."""
    in_studio: Annotated[tuple[Persona, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=20)
    """Personas of the team that find it among Studio's own project templates, too, and make projects of it
    there. By default, it is in Service Catalog alone."""


def of_team(environment: Environment, team: str) -> ProjectWorkspace | None:
    """What a team's projects have, if there may be any."""
    portfolio = environment.catalog.portfolios.get(team)
    return None if portfolio is None else portfolio.products.project_workspace


def features_of_team(environment: Environment, team: str) -> ProjectFeatures | None:
    """Where the feature groups of a team's projects keep their records, if projects have any."""
    said = of_team(environment, team)
    return None if said is None else said.features


def keep_histories(environment: Environment, team: str) -> bool:
    """Whether a team's projects have feature groups with a history."""
    said = features_of_team(environment, team)
    return said is not None and said.offline is not None


def contacts(environment: Environment, team: str) -> Budget | None:
    """The budget whose e-mail addresses are told of a team's projects."""
    candidates = (environment.costs.team_budgets.get(team), environment.costs.budget)
    return next((each for each in candidates if each is not None and each.emails), None)


def longest_name(team: str) -> int:
    """How long a project's name may be: with the team's and two hyphens before it, it names a group."""
    return min(_LONGEST_PROJECT, _LONGEST_NAME - len(team) - 2)


def taken(environment: Environment, team: str) -> list[str]:
    """The names that no project of a team's can have: models and feature groups of the file have them.

    A feature group's table has the group's name in the file, without the environment's.
    """
    groups = {name for name, group in environment.features.items() if group.team == team}
    names = {*environment.model_package_groups.values(), *map(environment.feature_group_name, groups)}
    ours = {name.removeprefix(f"{team}--") for name in names if name.startswith(f"{team}--")}
    return sorted(ours | {name for name in groups if features_of_team(environment, team) is not None})


def in_studio(environment: Environment, team: str) -> tuple[Persona, ...]:
    """The personas of a team that find the template in Studio."""
    said = of_team(environment, team)
    return () if said is None else said.in_studio


def any_in_studio(environment: Environment) -> bool:
    return any(in_studio(environment, team) for team in environment.teams)


def misfits(environment: Environment) -> Iterator[Complaint]:
    """What does not go together with the rest of the file."""
    for team in environment.catalog.portfolios:
        said = of_team(environment, team)
        if said is None or team not in environment.teams:
            continue
        at = ("catalog", "portfolios", team, "products", "project_workspace")
        if said.budget is not None and contacts(environment, team) is None:
            message = f"nobody would be told: give 'emails' in 'costs.team_budgets.{team}' or 'costs.budget'"
            yield Complaint((*at, "budget"), message)
        known = environment.personas_of(team)
        for index, persona in enumerate(said.in_studio):
            if persona not in known:
                yield Complaint((*at, "in_studio", index), no_such("persona of the team", persona, known))
        if said.in_studio and environment.data.only_from_vpc:
            message = "is listed by people's browsers, which 'data.only_from_vpc' keeps out, remove one of"
            yield Complaint((*at, "in_studio"), f"{message} the two")
        if said.in_studio and environment.teams[team].role == "person":
            message = f"is for personas' roles but the team {team} has 'role: person', remove one of the two"
            yield Complaint((*at, "in_studio"), message)
