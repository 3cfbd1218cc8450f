"""What an environment costs a month, line by line: what is known, and what cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clary.pricing.table import Price

When = Literal["always", "working"]
"""Whether something is paid for all month, or while people work."""


@dataclass(frozen=True)
class Line:
    """Something that is paid for by the hour or the month. Without a price the table does not know it."""

    what: str
    when: When
    quantity: float
    """How many there are; of what is paid for while people work, how many hours they are there a month."""
    unit: str
    """One of them."""
    price: Price | None
    note: str = ""

    @property
    def monthly_usd(self) -> float | None:
        if self.quantity == 0:
            return 0.0
        if self.price is None:
            return None
        return self.quantity * (self.price.monthly_usd if self.when == "always" else self.price.usd)


@dataclass(frozen=True)
class Unknowable:
    """Something that is paid for by what happens, which no file says."""

    what: str
    because: str


@dataclass(frozen=True)
class Estimate:
    environment: str
    region: str
    hours_per_person: int
    """How long somebody's space is open in a month."""
    lines: Sequence[Line]
    unknowable: Sequence[Unknowable]
    budget_usd: int | None = None
    """What the file says that a month may cost."""

    @property
    def exceeds_budget(self) -> bool:
        return self.budget_usd is not None and self.at_least() > self.budget_usd

    def at_least(self, when: When | None = None) -> float:
        """In US dollars a month: the sum of what has a price."""
        lines = [line for line in self.lines if when in (None, line.when)]
        return sum(line.monthly_usd or 0.0 for line in lines)

    @property
    def without_price(self) -> list[Line]:
        """What is paid for, and not in the sum."""
        return [line for line in self.lines if line.monthly_usd is None]

    @property
    def oldest(self) -> str | None:
        """The day of the oldest price in the sum."""
        return min(
            (line.price.source.as_of for line in self.lines if line.price and line.monthly_usd), default=None
        )
