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
    JsonOption,
    LocalOption,
    changing,
    console,
    read_environment,
    target_of,
)

_CHANGED, _BLOCKED = 2, 3


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


def diff(
    environment: EnvironmentName,
    against: Annotated[
        str | None,
        typer.Option(help="Another version of the file, by its path or a git revision; asks no AWS."),
    ] = None,
    use_local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """What deploying the file would do, in words. Exit code 0: nothing, 2: changes, 3: refused."""
    from clary import deployment
    from clary.difference import deployed, difference, synthesised
    from clary.earlier import earlier_version
    from clary.target import Target
    from clary.workspace import state_folder

    with changing() as (_, lock):
        found = read_environment(environment)
        if against is None:
            target = target_of(found, use_local=use_local)
            old = deployed(target)
        else:
            target = Target(found, None, state_folder())
            with earlier_version(environment, against) as file:
                old = synthesised(deployment.synthesise(target, lock, file))
        new = synthesised(deployment.synthesise(target, lock))
    result = difference(old, new, found)
    if as_json:
        sys.stdout.write(json.dumps(result.as_data(), indent=2) + "\n")
    else:
        for sentence in result.sentences:
            console.print(f"• {escape(sentence)}", soft_wrap=True)
        for refusal in result.refusals:
            console.print(f"[red]refused:[/red] {escape(refusal)}", soft_wrap=True)
        if not result.changes:
            console.print(f"nothing changes: '{escape(found.name)}' is as its file says")
    if result.refusals:
        raise typer.Exit(_BLOCKED)
    if result.changes:
        raise typer.Exit(_CHANGED)


def drift(environment: EnvironmentName, use_local: LocalOption = False, as_json: JsonOption = False) -> None:
    """What was changed by hand since it was deployed. Exit code 0: nothing, 2: something."""
    from clary.drift import Kind
    from clary.drift import drift as find_drift

    findings = find_drift(target_of(read_environment(environment), use_local=use_local))
    drifted = [finding for finding in findings if finding.kind is Kind.DRIFT]
    marks = {Kind.DRIFT: "[red]✗[/red]", Kind.NOTE: "[dim]·[/dim]", Kind.UNKNOWN: "[yellow]?[/yellow]"}
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        for finding in findings:
            said = escape(f"{finding.subject}: {finding.message}")
            console.print(f"{marks[finding.kind]} {said}", soft_wrap=True)
        if not drifted:
            console.print("nothing was changed by hand, as far as AWS says")
    if drifted:
        raise typer.Exit(_CHANGED)
