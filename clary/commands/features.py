"""`clary features …`: what teams know of things, in and out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from clary.commands.shared import (
    EnvironmentName,
    JsonOption,
    LocalOption,
    console,
    read_environment,
    table_of,
    target_of,
)

features = typer.Typer(
    no_args_is_help=True, help="The feature groups of an environment: records in, training sets out."
)

GroupName = Annotated[str, typer.Argument(help="A feature group, as the file has it.")]


@features.command(name="list")
def list_groups(environment: EnvironmentName, as_json: JsonOption = False) -> None:
    """The feature groups of the file, and what they are called in SageMaker and in Athena."""
    from clary.environment.features import FeatureGroup, database_name, table_name, view_name

    found = read_environment(environment)

    def in_athena(group: FeatureGroup, relation: str) -> str | None:
        return None if group.offline is None else f"{database_name(found.name)}.{relation}"

    rows = [
        {
            "group": name,
            "team": group.team,
            "feature_group": found.feature_group_name(name),
            "table": in_athena(group, table_name(group.team, name)),
            "view": in_athena(group, view_name(group.team, name)),
            "online": None if group.online is None else group.online.storage,
            "features": len(group.features),
        }
        for name, group in found.features.items()
    ]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    table = table_of("group", "team", "in SageMaker", "in Athena", "online", "features")
    for row in rows:
        table.add_row(*(str(value or "-") for key, value in row.items() if key != "table"))
    console.print(table)


@features.command()
def ingest(
    environment: EnvironmentName,
    group: GroupName,
    files: Annotated[
        list[str],
        typer.Argument(help="CSV and Parquet files, or folders of them; for a job also addresses of S3."),
    ],
    only: Annotated[
        Literal["online", "offline"] | None, typer.Option(help="One of the stores; by default, both.")
    ] = None,
    job: Annotated[
        bool, typer.Option("--job", help="By a processing job, in the team's role, as the file says.")
    ] = False,
    use_local: LocalOption = False,
) -> None:
    """Brings records into a group: its history as files, the latest of each key one by one.

    Nothing is written when anything is wrong with the files. Killed, it goes on when it is run again, and
    what is there already is not written twice. A job works on without this command, which finds it again.
    """
    from clary.features import ingest as brought_in

    target = target_of(read_environment(environment), use_local=use_local)
    if job:
        from clary.feature_job import ingest as brought_in_by_a_job
        from clary.progress import Progress

        console.print(brought_in_by_a_job(target, group, files, only, Progress(console)), soft_wrap=True)
        return
    code = brought_in(target, group, files, only)
    if code:
        raise typer.Exit(code)


@features.command(name="training-set")
def training_set(
    environment: EnvironmentName,
    labels: Annotated[Path, typer.Argument(help="A CSV or Parquet file: a line for each example.")],
    out: Annotated[Path, typer.Argument(help="The file to write: CSV, or Parquet by its name.")],
    of: Annotated[list[str], typer.Option("--features", help="A group, or some of it: patients:bmi,visits.")],
    time: Annotated[str, typer.Option("--time", help="The labels' column that says when.")] = "time",
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key", help="patients=id: the labels' column with a group's keys, if it is called otherwise."
        ),
    ] = None,
    team: Annotated[
        str | None, typer.Option(help="Who asks. By default, the team that owns the first group.")
    ] = None,
    max_age_days: Annotated[
        int | None, typer.Option(min=1, help="How old what is known may be. By default, as old as it is.")
    ] = None,
    use_local: LocalOption = False,
) -> None:
    """Writes the labels with what was known of each thing at its time, and nothing of what came later."""
    from clary.errors import ClaryError
    from clary.features import Labels, Wanted
    from clary.features import training_set as made
    from clary.progress import Progress

    keys = {}
    for said in key or []:
        group, equals, column = said.partition("=")
        if not equals:
            raise ClaryError(f"'{said}' does not say which column, give it like patients=id")
        keys[group] = column
    target = target_of(read_environment(environment), use_local=use_local)
    with Progress(console).step("asking Athena") as tell:
        rows = made(
            target,
            Labels(labels, time),
            [Wanted.parsed(said, keys) for said in of],
            out,
            team=team,
            max_age_seconds=None if max_age_days is None else max_age_days * 86_400,
            tell=tell,
        )
    console.print(f"{out} has {rows:,} lines", soft_wrap=True)
