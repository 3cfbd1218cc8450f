"""`clary guardrails`: what nobody may in an environment, for whoever looks after the organization."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clary.commands.shared import EnvironmentName, console, read_environment

OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="A folder for the files. By default, this one.")
]


def guardrails(environment: EnvironmentName, output: OutputOption = None) -> None:
    """Writes the guardrails as service control policies, to attach where the account may not do it itself."""
    from clary.environment.guardrail import control_policies

    found = read_environment(environment)
    folder = output or Path()
    folder.mkdir(parents=True, exist_ok=True)
    for number, document in enumerate(control_policies(found), 1):
        path = folder / f"clary-{found.name}-guardrails-{number}.json"
        path.write_text(document + "\n", encoding="utf-8")
        console.print(f"{path}: {len(document):,} characters", soft_wrap=True)
