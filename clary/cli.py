"""The command line. Each command imports what it needs when it runs: `clary --help` starts at once."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import typer
from rich.markup import escape

from clary.commands import environment, operations
from clary.commands.cap import cap
from clary.commands.catalog import catalog
from clary.commands.features import features
from clary.commands.guardrails import guardrails
from clary.commands.local import local
from clary.commands.price import price
from clary.commands.shared import complaints
from clary.commands.users import users
from clary.errors import ClaryError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A data science environment on Amazon SageMaker from one YAML file, on AWS or on this machine.",
)
for command in (
    environment.up,
    environment.down,
    environment.deploy,
    environment.destroy,
    environment.validate,
    environment.status,
    environment.outputs,
    environment.predict,
    operations.doctor,
    operations.diff,
    operations.drift,
    price,
    guardrails,
):
    app.command()(command)
app.add_typer(users, name="users")
app.add_typer(features, name="features")
app.add_typer(cap, name="cap")
app.add_typer(catalog, name="catalog")
app.add_typer(local, name="local")

_INTERRUPTED = 130
"""What Typer makes of a KeyboardInterrupt: 128 and the number of SIGINT, as shells have it."""


def main() -> None:
    """Runs the command line. Errors are a sentence and exit code 1, wrong usage 2, an interruption 130."""
    signal.signal(signal.SIGTERM, _as_interruption)
    try:
        app()
    except ClaryError as error:
        _complain(error)
    except SystemExit as leave:
        if leave.code == _INTERRUPTED:
            complaints.print("\nstopped, nothing is lost: run it again to go on")
        raise
    except Exception as error:
        from botocore.exceptions import BotoCoreError, ClientError

        from local_aws.process import LocalAwsFailed

        if not isinstance(error, (BotoCoreError, ClientError, LocalAwsFailed)):
            raise
        _complain(error)


def _complain(error: Exception) -> NoReturn:
    complaints.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
    sys.exit(1)


def _as_interruption(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
