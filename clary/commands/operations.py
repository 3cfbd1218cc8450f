"""`clary doctor`, `diff`, `drift`: what there is to know before and after a deployment."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from clary.commands.shared import (
    EnvironmentName,
    LocalOption,
    changing,
    console,
    read_environment,
    target_of,
)

JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]

_BLOCKED = 3


def doctor(environment: EnvironmentName, use_local: LocalOption = False, as_json: JsonOption = False) -> None:
    """What would make a deployment fail: quotas, rights, region, names. Only reads. Exit code 3 if any."""
    import botocore.session

    from clary import deployment
    from clary.doctor import examine
    from clary.finding import Verdict

    with changing() as (_, lock):
        target = target_of(read_environment(environment), use_local=use_local)
        assembly = deployment.synthesise(target, lock)
        regions = botocore.session.get_session().get_available_regions
        findings = examine(target.environment, target.client, assembly, regions)
    marks = {
        Verdict.FINE: "[green]✓[/green]",
        Verdict.TIGHT: "[yellow]![/yellow]",
        Verdict.UNKNOWN: "[yellow]?[/yellow]",
        Verdict.BLOCKED: "[red]✗[/red]",
    }
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        for finding in findings:
            said = f"{marks[finding.verdict]} {escape(f'{finding.subject}: {finding.message}')}"
            console.print(said, soft_wrap=True)
            if finding.remedy is not None:
                console.print(f"  [dim]→[/dim] {escape(finding.remedy)}", soft_wrap=True)
    if any(finding.verdict is Verdict.BLOCKED for finding in findings):
        raise typer.Exit(_BLOCKED)
