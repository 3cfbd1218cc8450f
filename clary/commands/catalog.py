"""`clary catalog …`: what Service Catalog's console does, with the rights of whoever asks."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from clary.commands.shared import EnvironmentName, JsonOption, LocalOption, console
from clary.errors import ClaryError

if TYPE_CHECKING:
    from clary.catalog import Catalog

catalog = typer.Typer(no_args_is_help=True, help="What people set up for themselves, in Service Catalog.")

RoleOption = Annotated[
    str | None, typer.Option("--role", help="The ARN of a role to do it as. By default, as oneself.")
]
LaunchName = Annotated[str, typer.Argument(help="What the launch was called.")]
Values = Annotated[list[str] | None, typer.Argument(help="What the product asks for: Name=ada")]


@catalog.command(name="list")
def list_products(
    environment: EnvironmentName,
    local: LocalOption = False,
    role: RoleOption = None,
    as_json: JsonOption = False,
) -> None:
    """What one may launch, and what each product asks for."""
    from dataclasses import asdict

    seen = _seen(environment, local, role)
    found = [(each, seen.form(each)) for each in seen.offered()]
    if as_json:
        told = [{"product": each.short, "about": each.about, **asdict(form)} for each, form in found]
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    if not found:
        console.print("nothing is offered to whoever asks: see whose rights these are")
    for each, form in found:
        asked = {**{field.given: field.told for field in form.fields}, **_choices(form.tags)}
        _tell_one(each.short, [each.about], asked)


@catalog.command()
def launch(
    environment: EnvironmentName,
    product: Annotated[str, typer.Argument(help="As `clary catalog list` has it.")],
    values: Values = None,
    name: Annotated[
        str | None, typer.Option(help="What to call it. By default, after its first value.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to choose a value of: purpose=trial")] = None,
    local: LocalOption = False,
    role: RoleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Launches a product, and waits until it is there."""
    seen = _seen(environment, local, role)
    record = seen.launch(seen.product(product), _pairs(values or []), name=name, tags=_pairs(tag or []))
    ended = seen.ended(record)
    _tell(ended.outputs, f"{escape(ended.name)} is there", as_json)


@catalog.command()
def status(
    environment: EnvironmentName,
    name: Annotated[str | None, typer.Argument(help="By default, everything one has launched.")] = None,
    local: LocalOption = False,
    role: RoleOption = None,
    as_json: JsonOption = False,
) -> None:
    """What one has launched, and how it is."""
    from dataclasses import asdict

    seen = _seen(environment, local, role)
    launched = seen.launched() if name is None else [seen.mine(name)]
    found = [(each, seen.outputs(each)) for each in launched]
    if as_json:
        told = [{**asdict(each), "outputs": dict(outputs)} for each, outputs in found]
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    if not found:
        console.print("whoever asks has launched nothing: see whose rights these are")
    for each, outputs in found:
        how = f"{each.status}: {each.why}" if each.why else each.status
        _tell_one(each.name, [how, f"{each.product}, version {each.version}"], outputs)


@catalog.command()
def update(
    environment: EnvironmentName,
    name: LaunchName,
    values: Values = None,
    local: LocalOption = False,
    role: RoleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes something to the newest version of its product, and keeps what it holds."""
    seen = _seen(environment, local, role)
    ended = seen.update(seen.mine(name), _pairs(values or []))
    _tell(ended.outputs, f"{escape(ended.name)} is at its product's newest version", as_json)


@catalog.command()
def terminate(
    environment: EnvironmentName, name: LaunchName, local: LocalOption = False, role: RoleOption = None
) -> None:
    """Removes what one has launched. Where data is retained, that stays."""
    seen = _seen(environment, local, role)
    ended = seen.ended(seen.terminate(seen.mine(name)))
    console.print(f"{escape(ended.name)} is gone")


def _seen(name: str, local: bool, role: str | None) -> Catalog:
    from clary.catalog import Catalog
    from clary.commands.shared import read_environment, target_of

    target = target_of(read_environment(name), use_local=local)
    client = target.client_as("servicecatalog", role)
    return Catalog(client, target.environment, longest_pause_seconds=0.2 if target.local else 5.0)


def _pairs(given: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise ClaryError(f"'{each}' is no name and value, write it like Name=ada")
        if key in found:
            raise ClaryError(f"'{key}' is given twice, leave one of them out")
        found[key] = value
    return found


def _choices(tags: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    from clary.catalog_field import one_of

    return {f"--tag {name}=…": one_of(values) for name, values in tags.items()}


def _tell_one(name: str, about: Sequence[str], facts: Mapping[str, str]) -> None:
    """On unbroken lines, however narrow the terminal is: names and facts are there to be copied."""
    console.print(f"[bold]{escape(name)}[/bold]", soft_wrap=True)
    for each in about:
        console.print(f"  {escape(each)}", soft_wrap=True)
    for fact, value in facts.items():
        console.print(f"    {escape(': '.join(filter(None, [fact, value])))}", soft_wrap=True)


def _tell(outputs: Mapping[str, str], words: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(outputs, indent=2) + "\n")
        return
    console.print(words)
    for key, value in outputs.items():
        console.print(f"  {escape(key)}: {escape(value)}", soft_wrap=True)
