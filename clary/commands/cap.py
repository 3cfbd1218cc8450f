"""`clary cap …`: what teams and people have spent, and how a cap is lifted."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from clary.commands.shared import (
    EnvironmentName,
    JsonOption,
    LocalOption,
    console,
    read_environment,
    target_of,
)
from clary.errors import ClaryError

cap = typer.Typer(no_args_is_help=True, help="What is spent, and what may be: the caps of `costs.cap`.")


@cap.command()
def status(environment: EnvironmentName, use_local: LocalOption = False, as_json: JsonOption = False) -> None:
    """How teams and people stand this month, as the latest look at the meter has it."""
    from clary.spending import standing

    found = standing(target_of(read_environment(environment), use_local=use_local))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _show(found)


@cap.command()
def lift(
    environment: EnvironmentName,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day, in UTC.")],
    team: Annotated[str | None, typer.Option(help="Whose cap, if it is a team's.")] = None,
    person: Annotated[str | None, typer.Option(help="Whose cap, if it is somebody's: research-ada.")] = None,
    usd: Annotated[
        int | None, typer.Option(help="Up to how much. By default, without a limit.", min=1)
    ] = None,
    use_local: LocalOption = False,
) -> None:
    """Lets a team or somebody spend more for some days, from now on. A day that is over ends it."""
    from clary.spending import Lifted
    from clary.spending import lift as lift_cap

    if (team is None) == (person is None):
        raise ClaryError("whose cap is to be lifted? give --team or --person, and not both")
    lifted = Lifted("team" if person is None else "person", team or person or "", until.date(), usd)
    _show(lift_cap(target_of(read_environment(environment), use_local=use_local), lifted))


def _show(found: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table(
        "who", "spent", "cap", "", title=f"{found['month']}, as of {found['at']}", title_justify="left"
    )
    for each in found["standing"]:
        limit = "lifted" if each["cap"] is None else f"{each['cap']:,.2f} USD"
        notes = ["[red]over[/red]"] * each["over"]
        if each["lifted_until"] is not None:
            notes.append(f"lifted until {each['lifted_until']}")
        table.add_row(each.get("team") or each["person"], f"{each['usd']:,.2f} USD", limit, ", ".join(notes))
    console.print(table)
    if not found["acts"]:
        console.print("it is a dry run: nothing is refused or stopped")
    elif found["open_until"] is None:
        console.print("no new compute is let through: not everything has been seen yet")
    for kind, why in found["not_seen"].items():
        console.print(f"[yellow]?[/yellow] {kind}: {why}", soft_wrap=True, markup=True)
