"""`clary local …`: the local AWS."""

from __future__ import annotations

import shlex
import shutil
import sys
from typing import Annotated

import typer
from rich.markup import escape

from clary.commands.shared import changing, console
from clary.errors import ClaryError

local = typer.Typer(no_args_is_help=True, help="The local AWS: it listens on 127.0.0.1 only.")


@local.command()
def start(
    port: Annotated[int | None, typer.Option(help="By default 4566, or a free one.")] = None,
    enforce_iam: Annotated[
        bool, typer.Option("--enforce-iam", help="Authorise every request as AWS does, over TLS.")
    ] = False,
    persist: Annotated[
        bool, typer.Option("--persist", help="Keep what is answered, and take up what was kept before.")
    ] = False,
) -> None:
    """Starts the local AWS in the background."""
    from clary.workspace import state_folder
    from local_aws import process

    running = process.start(state_folder(), port, persist=persist, enforce_iam=enforce_iam)
    console.print(f"the local AWS answers on {running.url} (process {running.pid}); for other tools:")
    where = f"AWS_ENDPOINT_URL={running.url} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1"
    console.print(f"  export {where}", soft_wrap=True)  # what is to be copied stays on a line
    console.print("  export AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=local")
    if running.environment:
        trust = " ".join(f"{name}={shlex.quote(value)}" for name, value in running.environment.items())
        console.print(f"  export {escape(trust)}", soft_wrap=True)


@local.command()
def stop() -> None:
    """Stops the local AWS: everything in it is gone, unless it was started with `--persist`."""
    from clary.workspace import state_folder
    from local_aws import process

    stopped = process.stop(state_folder())
    console.print("the local AWS is stopped" if stopped else "the local AWS is not running")


@local.command(name="status")
def local_status() -> None:
    """Whether the local AWS runs, and where. The exit code is 3 when it does not."""
    from clary.workspace import state_folder
    from local_aws import process

    running = process.running(state_folder())
    if running is None:
        console.print("the local AWS is not running")
        raise typer.Exit(3)
    console.print(f"the local AWS answers on {running.url} (process {running.pid})")


@local.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 50,
) -> None:
    """The last lines of the local AWS's own log."""
    from clary.workspace import state_folder
    from local_aws import process

    log = process.log_file(state_folder())
    if not log.exists():
        raise ClaryError("the local AWS has not run here yet, so there is no log")
    sys.stdout.write("".join(log.read_text(errors="replace").splitlines(keepends=True)[-lines:]))


@local.command()
def reset() -> None:
    """Stops the local AWS and removes what it kept on this machine: images, logs, assemblies."""
    from clary.workspace import state_folder
    from local_aws import process

    with changing() as (state, _):
        process.stop(state)
    shutil.rmtree(state_folder(), ignore_errors=True)
    console.print("the local AWS is stopped, and what it kept is removed")
