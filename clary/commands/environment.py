"""`clary up`, `deploy`, `destroy` and what else there is to do with an environment."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from clary.commands.shared import (
    EnvironmentName,
    EnvironmentOption,
    JsonOption,
    LocalOption,
    changing,
    console,
    read_environment,
    target_of,
)
from clary.errors import ClaryError

if TYPE_CHECKING:
    from clary.target import Target
    from clary.teardown import Leftover

_SHOWN = 20
"""How many user profiles are listed of many."""
_UNKNOWN_KEY = b'"urn:clary:problem:unknown-key"'
"""What the API answers where a model needs features of which there are none for its example."""


def up(
    port: Annotated[
        int | None, typer.Option(help="Of the local AWS; by default 4566, or a free one.")
    ] = None,
) -> None:
    """The whole way on this machine: local AWS, stacks, training, endpoint, and one answer."""
    from clary import toolchain
    from clary.deployment import deploy as deploy_environment
    from clary.outputs import outputs as read_outputs
    from clary.progress import Progress
    from local_aws import process

    environment = read_environment("local")
    progress = Progress(console)
    with changing() as (state, lock), toolchain.warm_jsii():
        with progress.step("starting the local AWS") as tell:
            running = process.start(state, port)
            tell(running.url)
        target = target_of(environment, use_local=True)
        deploy_environment(target, progress, lock=lock)
        found = read_outputs(target)
        _show_first_prediction(target, found)
        _show_made(found)


def down() -> None:
    """Destroys the local environment and stops the local AWS."""
    from clary.progress import Progress
    from clary.teardown import destroy as destroy_environment
    from local_aws import process

    progress = Progress(console)
    with changing() as (state, lock):
        if process.running(state) is None:
            console.print("the local AWS is not running: nothing to destroy, nothing to stop")
            return
        try:
            _show_kept(
                destroy_environment(target_of(read_environment("local"), use_local=True), progress, lock=lock)
            )
        finally:
            with progress.step("stopping the local AWS"):
                process.stop(state)


def deploy(environment: EnvironmentName, use_local: LocalOption = False) -> None:
    """Makes an environment what its file says: stacks, images, training jobs, endpoints."""
    from clary.deployment import deploy as deploy_environment
    from clary.outputs import outputs as read_outputs
    from clary.progress import Progress

    with changing() as (_, lock):
        target = target_of(read_environment(environment), use_local=use_local)
        deploy_environment(target, Progress(console), lock=lock)
        _show_made(read_outputs(target))


def destroy(
    environment: EnvironmentName,
    use_local: LocalOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Destroys an environment's stacks, and says what was kept and where."""
    from clary.progress import Progress
    from clary.teardown import destroy as destroy_environment

    with changing() as (_, lock):
        found = read_environment(environment)
        target = target_of(found, use_local=use_local)
        where = target.endpoint_url or f"account {found.account}, {found.region}"
        fate = "kept" if found.retain_data else "[bold]deleted[/bold]"
        console.print(f"destroying '{found.name}' ({where}); its data will be {fate}")
        if not yes and typer.prompt(f"type '{found.name}' to go on") != found.name:
            raise ClaryError("that was not its name, nothing was destroyed")
        _show_kept(destroy_environment(target, Progress(console), lock=lock))


def validate(environment: EnvironmentName) -> None:
    """Reads an environment's file and says what is wrong with it, if anything."""
    found = read_environment(environment)
    people = sum(len(team.members) for team in found.teams.values())
    console.print(
        f"[green]✓[/green] {escape(found.name)}: account {found.account}, {found.region};"
        f" teams {len(found.teams)}, people {people}, models {len(found.models)}; data is"
        f" {'retained' if found.retain_data else 'deleted'} when it is destroyed",
        soft_wrap=True,
    )


def status(environment: EnvironmentOption = "local", use_local: LocalOption = False) -> None:
    """The state of the stacks and of the endpoints."""
    from rich.table import Table

    from clary.launched import launched_models
    from clary.outputs import endpoint_states, stack_states

    target = target_of(read_environment(environment), use_local=use_local)
    table = Table(
        "what", "state", title=f"{environment} on {target.endpoint_url or 'AWS'}", title_justify="left"
    )
    for unit, state in stack_states(target).items():
        table.add_row(target.environment.stack_name(unit), state or "[dim]not there[/dim]")
    for name, (state, reason) in endpoint_states(target).items():
        what = target.environment.component_name(name)
        shown = f"endpoint {target.environment.endpoint_name(name)}" if what is None else f"component {what}"
        table.add_row(shown, escape(f"{state} {reason}"))
    for name, launched in launched_models(target).items():
        table.add_row(f"launched {name}", launched.status)
    console.print(table)


def outputs(
    environment: EnvironmentOption = "local",
    use_local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """What was made: URLs, domain, user profiles, endpoints, and what lets a client in."""
    from clary.outputs import outputs as read_outputs

    found = read_outputs(target_of(read_environment(environment), use_local=use_local))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _show_made(found)


def predict(
    model: Annotated[
        str,
        typer.Argument(help="The model's name in the environment file, or of its launch: research--churn."),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="The body; @FILE reads a file, - the standard input. By default, the example."),
    ] = None,
    content_type: Annotated[str | None, typer.Option(help="By default, the model's first one.")] = None,
    artifact: Annotated[
        str | None,
        typer.Option("--target", help="Of many models in one folder: which one, like nearby.tar.gz."),
    ] = None,
    environment: EnvironmentOption = "local",
    use_local: LocalOption = False,
) -> None:
    """Asks a deployed model through its API, and prints the answer."""
    from clary.outputs import outputs as read_outputs
    from clary.prediction import predict as ask

    target = target_of(read_environment(environment), use_local=use_local)
    found = read_outputs(target)
    answer = ask(target, found, model, _body(data, found, model), content_type, artifact)
    sys.stdout.buffer.write(answer.body)
    if not answer.body.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    if answer.status >= 300:
        raise ClaryError(f"the API answered {answer.status}")


def _body(data: str | None, found: dict[str, Any], model: str) -> bytes:
    if data == "-":
        return sys.stdin.buffer.read()
    if data is not None and data.startswith("@"):
        try:
            return Path(data[1:]).read_bytes()
        except OSError as error:
            raise ClaryError(f"cannot read '{data[1:]}': {error.strerror}") from error
    if data is not None:
        return data.encode()
    if model in found["launched"]:
        raise ClaryError(f"'{model}' was launched, and brings no example: give --data")
    example = found["models"].get(model, {}).get("example")
    if example is None and model in found["models"]:
        raise ClaryError(f"the model '{model}' has no api.example in its file, give --data")
    return (example or "").encode()


def _show_first_prediction(target: Target, found: dict[str, Any]) -> None:
    from clary.outputs import endpoint_states
    from clary.prediction import predict as ask

    states = endpoint_states(target)
    for name in _tried_at_once(found):
        if states.get(name, ("", ""))[0] == "NotApproved":
            continue  # there is no version of it yet
        model = found["models"][name]
        answer = ask(target, found, name, model["example"].encode(), None)
        if answer.status == 422 and _UNKNOWN_KEY in answer.body:
            continue  # its feature group has no record of the example's key, as when it was just made
        if answer.status != 200:
            raise ClaryError(f"the API answered {answer.status}: {answer.body.decode(errors='replace')}")
        said = answer.body.decode(errors="replace").strip()
        console.print(f"\n[bold]question[/bold]  POST {escape(model['url'])}", soft_wrap=True)
        console.print(f"          {escape(model['example'])}", soft_wrap=True)
        console.print(f"[bold]answer[/bold]    {escape(said)}", soft_wrap=True)


def _tried_at_once(found: dict[str, Any]) -> list[str]:
    """The models that a program may ask, with an example and nothing else to say."""
    return [
        name
        for name, model in found["models"].items()
        if model["example"] is not None and model["access"] is not None and not model["targets"]
    ]


def _show_made(found: dict[str, Any]) -> None:
    from rich.table import Table

    from clary.prediction import curl
    from clary.target import LOCAL_ACCOUNT

    table = Table("what", "where", show_lines=False, title=f"\n{found['environment']}", title_justify="left")
    table.columns[1].overflow = "fold"
    if found["aws_endpoint_url"]:
        table.add_row("local AWS", found["aws_endpoint_url"])
    for authorization, api in found["apis"].items():
        table.add_row(f"API ({authorization})", api["url"])
        if "page" in api:
            table.add_row("page to try the models", api["page"])
    table.add_row("Studio domain", found["studio"]["domain_id"] or "-")
    profiles = found["studio"]["user_profiles"]
    for profile in profiles[:_SHOWN]:
        table.add_row("user profile", profile)
    if len(profiles) > _SHOWN:
        table.add_row("user profiles", f"and {len(profiles) - _SHOWN:,} more, as `clary users list` says")
    for name, model in found["models"].items():
        if model["endpoint_name"] is not None:
            table.add_row(f"endpoint of {name}", model["endpoint_name"])
    for name, model in found["launched"].items():
        table.add_row(f"launched {name}", model["url"] or "-")
    for team, policy in found["catalog"].items():
        table.add_row(f"policy to launch ({team})", policy)
    console.print(table)
    to_try = _tried_at_once(found)
    if found["api"] and to_try:
        name = to_try[0]
        console.print("\nwhat to try next")
        local_hint = "" if found["environment"] == "local" else f" -e {found['environment']}"
        if found["aws_endpoint_url"] and found["account"] != LOCAL_ACCOUNT:
            local_hint += " --local"
        console.print(f"  {_own_name()} predict {name}{local_hint}", soft_wrap=True)
        console.print(f"  {_own_name()} outputs --json{local_hint}", soft_wrap=True)
        console.print(f"  {escape(curl(found, name, found['models'][name]['example']))}", soft_wrap=True)


def _own_name() -> str:
    """How to call this command line from where one is: `clary` where PATH finds it, else its path."""
    ours = Path(sys.argv[0])
    found = shutil.which("clary")
    if found is not None and Path(found).resolve() == ours.resolve():
        return "clary"
    return os.path.relpath(ours) if ours.name == "clary" else "python -m clary"


def _show_kept(left: Leftover) -> None:
    if not left.destroyed:
        console.print("there is nothing to destroy")
        if left.folder.exists():
            console.print(f"what was kept earlier is listed in {escape(str(left.folder))}", soft_wrap=True)
        return
    if not left.words:
        console.print("everything is destroyed, nothing was kept")
        return
    console.print("kept, because the environment file says that data is retained:")
    for words in left.words:
        console.print(f"  {escape(words)}", soft_wrap=True)
    console.print(
        f"listed in {escape(str(left.folder))}, for CloudFormation to take it back: docs/administrator.md",
        soft_wrap=True,
    )
