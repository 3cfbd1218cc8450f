"""`clary users …`: who works in an environment, as its file says."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from clary.commands.shared import (
    EnvironmentName,
    JsonOption,
    console,
    environment_file,
    file_errors,
    table_of,
)

if TYPE_CHECKING:
    from clary.users import Edit

users = typer.Typer(no_args_is_help=True, help="Who works in an environment: edits its file.")

MemberName = Annotated[str, typer.Argument(help="The member's name, as it will be in the file.")]
TeamOption = Annotated[str | None, typer.Option(help="By default, the only one.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the edit, and write nothing.")]


@users.command(name="list")
def list_users(environment: EnvironmentName, as_json: JsonOption = False) -> None:
    """The members of the teams, and what their profiles are called."""
    from dataclasses import asdict

    from clary.commands.shared import read_environment
    from clary.users import users as members

    found = members(read_environment(environment))
    if as_json:
        sys.stdout.write(json.dumps([asdict(user) for user in found], indent=2) + "\n")
        return
    table = table_of("team", "member", "persona", "profile", "private space")
    for user in found:
        persona = f"{user.persona} (left)" if user.left else user.persona
        table.add_row(user.team, user.name, persona, user.profile, user.space or "-")
    console.print(table)


@users.command()
def add(
    environment: EnvironmentName,
    name: MemberName,
    team: TeamOption = None,
    persona: Annotated[str, typer.Option(help="What they do.")] = "data-scientist",
    no_space: Annotated[bool, typer.Option("--no-space", help="Without a private space.")] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Adds somebody to a team in the file, or takes them back; `clary deploy` then makes their profile."""
    from clary.users import add as added

    path = environment_file(environment)
    with file_errors():
        edit = added(path, name, team=team, persona=persona, with_space=not no_space)
    _show(edit, environment, dry_run)


@users.command()
def remove(
    environment: EnvironmentName,
    name: MemberName,
    team: TeamOption = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Take them out of the file also where data is retained.")
    ] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Lets somebody leave their team in the file; `clary diff` says what that does.

    Where data is retained, the file says from then on that they have left: their profile and spaces stay,
    without rights, and `clary users add` takes them back.
    """
    from clary.users import remove as removed

    path = environment_file(environment)
    with file_errors():
        edit = removed(path, name, team=team, forget=forget)
    _show(edit, environment, dry_run)


def _show(edit: Edit, environment: str, dry_run: bool) -> None:
    sys.stdout.write(edit.as_diff())
    if dry_run:
        console.print("nothing was written")
        return
    edit.write()
    console.print(
        f"{escape(edit.path.name)} is written; `clary diff {escape(environment)}` says what it does,"
        f" `clary deploy {escape(environment)}` does it",
        soft_wrap=True,
    )
