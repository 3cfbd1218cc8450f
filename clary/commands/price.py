"""`clary price`: what an environment costs a month, before it is deployed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from clary.commands.shared import EnvironmentName, JsonOption, changing, console, read_environment

if TYPE_CHECKING:
    from clary.pricing.estimate import Estimate, Line, When

HoursOption = Annotated[
    int, typer.Option(min=0, max=730, help="How many hours a month somebody has a space open.")
]
_SECTIONS: tuple[tuple[When, str], ...] = (
    ("always", "Runs always"),
    ("working", "Runs while people work"),
)


def price(environment: EnvironmentName, hours: HoursOption = 120, as_json: JsonOption = False) -> None:
    """What the file costs a month at least, from a small, dated table of AWS's prices. Asks no AWS."""
    from clary import deployment
    from clary.difference import synthesised
    from clary.pricing.capacity import of_models, of_people
    from clary.pricing.estimate import Estimate, Line, Unknowable
    from clary.pricing.resources import of_templates
    from clary.target import Target
    from clary.workspace import state_folder

    with changing() as (_, lock):
        found = read_environment(environment)
        templates = synthesised(deployment.synthesise(Target(found, None, state_folder()), lock))
    every = [*of_models(found), *of_people(found, hours), *of_templates(templates, found.region)]
    estimate = Estimate(
        found.name,
        found.region,
        hours,
        [each for each in every if isinstance(each, Line)],
        [each for each in every if isinstance(each, Unknowable)],
        None if found.costs.budget is None else found.costs.budget.monthly_usd,
    )
    if as_json:
        sys.stdout.write(json.dumps(_for_programs(estimate), indent=2) + "\n")
    else:
        _show(estimate)


def _show(estimate: Estimate) -> None:
    from clary.pricing import table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("", "left"), ("how many", "right"), ("price", "right"), ("USD a month", "right")):
        shown.add_column(name, justify=justify)  # type: ignore[arg-type] # rich's literals
    for when, title in _SECTIONS:
        lines = [line for line in estimate.lines if line.when == when]
        if not lines:
            continue
        shown.add_row(f"[bold]{title}[/bold]")
        for line in lines:
            shown.add_row(f"  {escape(line.what)}", _quantity(line), _price(line), _usd(line.monthly_usd))
        shown.add_row("  [dim]together, at least[/dim]", "", "", f"{estimate.at_least(when):,.2f}")
    console.print(shown)
    console.print("[bold]Cannot be known[/bold]")
    for each in estimate.unknowable:
        console.print(f"  {escape(each.what)}: [dim]{escape(each.because)}[/dim]", soft_wrap=True)
    console.print(
        f"\nat least [bold]${estimate.at_least():,.2f} a month[/bold] in {estimate.region},"
        f" if everybody works {estimate.hours_per_person} hours; list prices, without taxes and free tiers",
        soft_wrap=True,
    )
    if estimate.exceeds_budget:
        console.print(f"[yellow]more than the file's budget[/yellow] of ${estimate.budget_usd:,} a month")
    if estimate.oldest is not None:
        console.print(f"the oldest price is of {estimate.oldest}, look before you rely on it (docs/costs.md)")
    if estimate.without_price:
        names = ", ".join(line.what for line in estimate.without_price)
        console.print(
            f"[yellow]no price known[/yellow] in {estimate.region}, not in the sum: {escape(names)}"
        )
    if estimate.region not in table.regions():
        known = ", ".join(table.regions())
        console.print(f"[yellow]the table knows instances in {known} only[/yellow]")


def _quantity(line: Line) -> str:
    unit = line.unit if line.quantity == 1 or line.unit == "GiB" else f"{line.unit}s"
    if line.unit == "endpoint in a zone" and line.quantity != 1:
        unit = "endpoints in zones"
    return f"{line.quantity:,g} {unit}"


def _price(line: Line) -> str:
    return "[yellow]not known[/yellow]" if line.price is None else f"${line.price.usd:g} / {line.price.per}"


def _usd(monthly: float | None) -> str:
    return "[yellow]?[/yellow]" if monthly is None else f"{monthly:,.2f}"


def _for_programs(estimate: Estimate) -> dict[str, Any]:
    return {
        "environment": estimate.environment,
        "region": estimate.region,
        "currency": "USD",
        "hours_per_person": estimate.hours_per_person,
        "at_least_per_month": {
            **{when: round(estimate.at_least(when), 2) for when, _ in _SECTIONS},
            "together": round(estimate.at_least(), 2),
        },
        "budget": estimate.budget_usd,
        "exceeds_budget": estimate.exceeds_budget,
        "oldest_price": estimate.oldest,
        "lines": [_line_for_programs(line) for line in estimate.lines],
        "without_price": [line.what for line in estimate.without_price],
        "cannot_be_known": [{"what": each.what, "because": each.because} for each in estimate.unknowable],
    }


def _line_for_programs(line: Line) -> dict[str, Any]:
    monthly = line.monthly_usd
    return {
        "what": line.what,
        "when": line.when,
        "quantity": line.quantity,
        "unit": line.unit,
        "price": None
        if line.price is None
        else {
            "usd": line.price.usd,
            "per": line.price.per,
            "page": line.price.source.page,
            "as_of": line.price.source.as_of,
        },
        "usd_per_month": None if monthly is None else round(monthly, 2),
        **({"note": line.note} if line.note else {}),
    }
