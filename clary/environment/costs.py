"""What an environment file says of money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from annotated_types import Ge, Le
from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from clary.environment.cap import Cap
from clary.environment.part import DIFFERENT, FROM_LIST, Complaint, EmailAddress, Part, no_such, refusal
from clary.environment.people import TeamName
from clary.environment.sweeper import Sweeper

_NOTIFICATIONS = 5
"""Of one budget: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-budgets-budget.html"""
_ADDRESSES = 10


Percents = Annotated[tuple[Annotated[int, Ge(1), Le(1000)], ...], FROM_LIST, DIFFERENT]


class Budget(Part):
    """What a month may cost, and who is told when. `budget: 2000` is short for `{monthly_usd: 2000}`.

    A budget tells, and stops nothing. AWS looks at it up to three times a day, at costs that are hours old.
    """

    monthly_usd: int = Field(ge=1, le=100_000_000)
    """How much, in US dollars: a calendar month, in UTC."""
    spent_percent: Percents = (80, 100)
    """At how much of it somebody is told, when so much is spent."""
    forecast_percent: Percents = (100,)
    """At how much of it somebody is told, when AWS expects the month to end so."""
    emails: Annotated[tuple[EmailAddress, ...], FROM_LIST, DIFFERENT] = Field(
        default=(), max_length=_ADDRESSES
    )
    """Who gets an e-mail, besides what subscribes to the topic of the Operations stack."""

    @model_validator(mode="before")
    @classmethod
    def _from_a_number(cls, value: object) -> object:
        return {"monthly_usd": value} if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _fits_a_budget(self) -> Self:
        count = len(self.spent_percent) + len(self.forecast_percent)
        if not 1 <= count <= _NOTIFICATIONS:
            key = "spent_percent" if "spent_percent" in self.model_fields_set else "forecast_percent"
            message = f"{count} notifications in 'spent_percent' and 'forecast_percent', give 1 to"
            raise refusal(Complaint((key,), f"{message} {_NOTIFICATIONS} in both"))
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        long = handler.resolve_ref_schema(handler(schema))
        return {"description": long["description"], "anyOf": [long["properties"]["monthly_usd"], long]}


class Costs(Part):
    """What the environment may cost."""

    budget: Budget | None = None
    """What all of the environment may cost. By default, nobody is told of anything."""
    team_budgets: Mapping[TeamName, Budget] = Field(default_factory=dict)
    """What each team may cost, by its name: what carries the team's tag."""
    require_tags: bool = False
    """Whether people may start jobs, endpoints and notebook instances only with the tags of the environment
    and of their team. By default, the SageMaker SDK puts both on what it starts, and the rest is in nobody's
    budget. Canvas puts none on its jobs."""
    sweeper: Sweeper | None = None
    """What becomes of compute that nobody uses. By default, nobody looks."""
    cap: Cap | None = None
    """What teams and people may spend at most. By default, whatever their rights let them."""

    @property
    def budgeted(self) -> bool:
        """Whether there are budgets."""
        return self.budget is not None or bool(self.team_budgets)

    @property
    def watched(self) -> bool:
        """Whether something is deployed that looks at what things cost."""
        return self.budgeted or self.sweeper is not None or self.cap is not None

    def misfits(self, teams: Sequence[str]) -> Iterator[Complaint]:
        for name in self.team_budgets:
            if name not in teams:
                yield Complaint(("costs", "team_budgets", name), no_such("team", name, teams))
