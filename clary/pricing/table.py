"""AWS's prices, as far as they are in `prices.json`: each with the page that has it, and a date.

On-demand, in US dollars, before taxes, discounts and free tiers. What is not in the table has no price here:
nothing is derived from another region, another use or another size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Use = Literal["hosting", "notebook", "processing", "studio", "training", "transform"]
"""What SageMaker runs an instance for: each use has a price of its own."""
Thing = Literal["alarm", "dashboard", "interface-endpoint", "key", "space-gib", "web-acl", "web-acl-rule"]
"""What is paid for by the hour or the month, besides instances."""

HOURS_A_MONTH = 730
"""As AWS's own calculator has it: https://docs.aws.amazon.com/pricing-calculator/"""
_FILE = Path(__file__).parent / "prices.json"


@dataclass(frozen=True)
class Source:
    page: str
    as_of: str
    """A date."""
    seen: str
    """How the figure got here."""


@dataclass(frozen=True)
class Price:
    usd: float
    per: Literal["hour", "month"]
    source: Source

    @property
    def monthly_usd(self) -> float:
        """For something that is there all month."""
        return self.usd * HOURS_A_MONTH if self.per == "hour" else self.usd


def instance(region: str, use: Use, instance_type: str) -> Price | None:
    """Of an hour, or None if the table does not know it."""
    return instances(region, use).get(instance_type)


@cache
def instances(region: str, use: Use) -> Mapping[str, Price]:
    """Of an hour of each instance type that the table knows."""
    return {
        instance_type: Price(usd, "hour", _sources()[each["source"]])
        for each in _content()["instances"]
        if (each["region"], each["use"]) == (region, use)
        for instance_type, usd in each["usd_per_hour"].items()
    }


def thing(region: str, what: Thing) -> Price | None:
    """Of one of them, or None if the table does not know it."""
    return next(
        (
            Price(each["usd"], each["per"], _sources()[each["source"]])
            for each in _content()["others"]
            if each["what"] == what and each["region"] in (region, None)
        ),
        None,
    )


@cache
def regions() -> tuple[str, ...]:
    """Where the table knows what instances cost."""
    return tuple(sorted({each["region"] for each in _content()["instances"]}))


@cache
def _sources() -> Mapping[str, Source]:
    return {name: Source(**each) for name, each in _content()["sources"].items()}


@cache
def _content() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return content
