"""From an environment file to what runs, and back."""

from __future__ import annotations

import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clary import baselining, cdk, training
from clary.content import contents
from clary.difference import check_replacements
from clary.drift import mark_owned
from clary.errors import ClaryError
from clary.monitor_content import monitor_contents
from clary.outputs import STACKS, endpoint_states, stack_states
from clary.progress import Progress
from clary.protection import protect
from clary.self_service import check_in_use
from clary.target import Target
from clary.workspace import ROOT

FOUNDATIONS = ("Network", "Data", "Access")
"""What training needs, and what serving is built on."""


def deploy(target: Target, progress: Progress, *, lock: int) -> None:
    """Makes the environment what its file says. What is done already is not done again."""
    wanted, watching = contents(target.environment, ROOT), monitor_contents(target.environment, ROOT)
    with (
        progress.step(f"synthesising {target.environment.name}"),
        ThreadPoolExecutor() as pool,
    ):
        bootstrapping = pool.submit(_bootstrap, target, lock)
        assembly = synthesise(target, lock)
        bootstrapping.result()
        changes = check_replacements(target, assembly)
        if stack_states(target)["catalog"] is not None:
            check_in_use(target.client, target.environment, stays=True)
    for unit in no_longer_wanted(target):
        with progress.step(f"removing {target.environment.stack_name(unit)}: the file has it no more"):
            delete_stack(target, unit)
    trained = all(training.is_made(target, name, content) for name, content in wanted.items())
    if not trained or not all(baselining.is_made(target, *of, made) for of, made in watching.items()):
        with progress.step(f"deploying {', '.join(FOUNDATIONS)}") as tell:
            _cdk_deploy(target, assembly, FOUNDATIONS, lock, tell)
        for name, content in wanted.items():
            training.make(target, name, content, progress)
        for (name, kind), made in watching.items():
            baselining.make(target, name, kind, made, progress)
    else:
        for name in wanted:
            progress.done(f"{name}: image and training job")
    with progress.step("deploying every stack") as tell:
        _cdk_deploy(target, assembly, ("--all",), lock, tell)
        mark_owned(target, changes.new_profiles)
        protect(target)
    for name, (state, _) in endpoint_states(target).items():
        if state == "NotApproved":
            progress.done(f"{name}: waits for a version of its model package group to be approved")
            continue
        with progress.step(f"{name}: in service"):
            _wait_in_service(target, name)


def no_longer_wanted(target: Target) -> list[str]:
    """Stacks that the app has no more: CDK forgets them, and what they import could not be changed."""
    environment = target.environment
    unwanted = [] if environment.has_api else ["gateway"]
    unwanted += [] if environment.models else ["serving"]
    unwanted += [] if environment.catalog.portfolios else ["catalog"]
    unwanted += [] if environment.has_features else ["features"]
    if not environment.costs.watched:
        unwanted.append("operations")
    states = stack_states(target)
    wanted = {*STACKS, *environment.people_units}
    return [unit for unit in (*unwanted, *(each for each in states if each not in wanted)) if states[unit]]


def delete_stack(target: Target, unit: str) -> None:
    """Deletes a stack that the app has no more, and waits until it is gone."""
    from botocore.exceptions import WaiterError

    cloudformation, name = target.client("cloudformation"), target.environment.stack_name(unit)
    cloudformation.delete_stack(StackName=name)
    seconds = 0.2 if target.local else 10
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": seconds, "MaxAttempts": 360}
        )
    except WaiterError as error:
        raise ClaryError(f"the stack {name} could not be deleted: {error}") from error


def _fresh_assembly(target: Target) -> Path:
    """An empty folder for a synthesis, in place of all earlier ones.

    CDK marks the folder that it reads, and a mark whose process is dead but not yet collected by
    its parent (a container without an init) would keep us out of the same folder for good.
    """
    for earlier in target.folder.glob("cdk.out.*"):
        shutil.rmtree(earlier)
    return Path(tempfile.mkdtemp(prefix="cdk.out.", dir=target.folder))


def _bootstrap(target: Target, lock: int) -> None:
    """On AWS, bootstrapping an account is its owner's decision: said, not done."""
    from botocore.exceptions import ClientError

    try:
        target.client("cloudformation").describe_stacks(StackName="CDKToolkit")
        return
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
    environment = target.environment
    where = f"aws://{environment.account}/{environment.region}"
    if not target.local:
        raise ClaryError(f"{where} is not bootstrapped for the CDK, run `cdk bootstrap {where}` once")
    # In a folder without a cdk.json, or it would synthesise our app a second time.
    cdk.run(["bootstrap", where], target, lock=lock, folder=target.folder)


def synthesise(target: Target, lock: int, file: Path | None = None) -> Path:
    """The environment's assembly, in a folder that lasts until the next synthesis.

    `file` is another version of its file, of the same name.
    """
    assembly = _fresh_assembly(target)
    context = {"environment": target.environment.name}
    if file is not None:
        context["file"] = str(file)
    cdk.synthesise(target, assembly, context, lock=lock)
    return assembly


def _cdk_deploy(target: Target, assembly: Path, which: tuple[str, ...], lock: int, tell: Any) -> None:
    arguments = ["deploy", *which, "--app", str(assembly), "--output", str(assembly)]
    # Approval is for changes of rights, asked of a person at a terminal; here the file was the asking.
    cdk.run(
        [*arguments, "--require-approval", "never", "--progress", "events", "--concurrency", "3"],
        target,
        lock=lock,
        told=tell,
    )


def _wait_in_service(target: Target, name: str) -> None:
    while True:
        state, reason = endpoint_states(target)[name]
        if state == "InService":
            return
        if state not in ("Creating", "Updating", "SystemUpdating", "RollingBack"):
            raise ClaryError(f"the endpoint of '{name}' is {state}: {reason or 'no reason given'}")
        time.sleep(0.1 if target.local else 10)
