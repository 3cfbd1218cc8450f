"""What commands have in common: who is told, which environment is meant, and where it lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from clary.errors import ClaryError

if TYPE_CHECKING:
    from clary.environment.model import Environment
    from clary.target import Target

console = Console(highlight=False, emoji=False)
complaints = Console(stderr=True, highlight=False, emoji=False)
"""Without emoji: `tag_options.aws:x: …` is about a tag, and would become a picture."""

EnvironmentName = Annotated[str, typer.Argument(help="The name of a file in environments/, without .yaml.")]
EnvironmentOption = Annotated[
    str, typer.Option("--environment", "-e", help="The name of a file in environments/, without .yaml.")
]
LocalOption = Annotated[
    bool, typer.Option("--local", help="On the local AWS, whatever account the file names.")
]

JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]


def table_of(*columns: str) -> Table:
    """However narrow the terminal is, a name is told to its end: it is there to be used."""
    return Table(*(Column(each, overflow="fold") for each in columns))


@contextmanager
def changing() -> Iterator[tuple[Path, int]]:
    """The state folder and its lock, for a command that changes something."""
    from clary.workspace import only_one, state_folder

    state = state_folder()
    busy = "another clary is at work here, waiting until it is done (Ctrl-C stops waiting)"
    with only_one(state, waiting=lambda: console.print(busy)) as lock:
        yield state, lock


def read_environment(name: str) -> Environment:
    from clary.environment.loader import check_folders, find, load
    from clary.workspace import ROOT

    with file_errors():
        environment = load(find(name, ROOT))
        check_folders(environment, ROOT)
    return environment


def environment_file(name: str) -> Path:
    from clary.environment.loader import find
    from clary.workspace import ROOT

    with file_errors():
        return find(name, ROOT)


@contextmanager
def file_errors() -> Iterator[None]:
    """What is wrong with an environment's file, as an error of the command line."""
    from clary.environment.loader import EnvironmentFileError

    try:
        yield
    except EnvironmentFileError as error:
        raise ClaryError(str(error)) from error


def target_of(environment: Environment, *, use_local: bool) -> Target:
    from clary.target import LOCAL_ACCOUNT, Target
    from clary.workspace import state_folder
    from local_aws import process

    state = state_folder()
    if not use_local and environment.account != LOCAL_ACCOUNT:
        return Target(environment, None, state)
    running = process.running(state)
    if running is None:
        raise ClaryError("the local AWS is not running, start it with `clary up` or `clary local start`")
    return Target(environment, running.url, state, running.ca)
