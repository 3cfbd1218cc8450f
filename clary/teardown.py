"""From what runs back to nothing, or to what the file says is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from clary import cdk
from clary.deployment import delete_stack, no_longer_wanted, synthesise
from clary.errors import ClaryError
from clary.outputs import stack_outputs, stack_states
from clary.progress import Progress
from clary.self_service import check_in_use
from clary.target import Target
from clary.templates import NESTED
from local_aws.cloudformation.schema import resource_type
from runtime_common.pause import growing_pause
from studio_remover.adapters import apps_of
from studio_remover.rules import remove, shortened

_NOT_ALLOWED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


@dataclass(frozen=True)
class Kept:
    """Something that outlives its stack, and under which names CloudFormation can take it back."""

    stack: str
    logical_id: str
    type: str
    physical_id: str

    @property
    def words(self) -> str:
        return f"{self.type} {self.physical_id}"

    def to_import(self) -> dict[str, Any]:
        """As `aws cloudformation create-change-set --resources-to-import` takes it."""
        names = resource_type(self.type).primary_identifier
        # Ref is the primary identifier, its parts joined
        parts = self.physical_id.split("|", len(names) - 1)
        return {
            "ResourceType": self.type,
            "LogicalResourceId": self.logical_id,
            "ResourceIdentifier": dict(zip(names, parts, strict=True)),
        }


@dataclass(frozen=True)
class Leftover:
    """What stays when an environment is destroyed, and where it is written down."""

    words: Sequence[str]
    folder: Path
    destroyed: bool = True
    """Whether there was anything to destroy."""


def destroy(target: Target, progress: Progress, *, lock: int) -> Leftover:
    """Destroys every stack, with the data if the file says so twice. Killed, it goes on when run again.

    Apps are stopped first, however long that takes: within a stack's deletion they have an hour. The
    environment is whole until then, they are nobody's but people's.
    """
    under_way = _folder(target) / "under-way"
    there = any(stack_states(target).values())
    if not there and not under_way.exists():
        return Leftover([], _folder(target), destroyed=False)
    if stack_states(target)["catalog"] is not None:
        check_in_use(target.client, target.environment, stays=False)
    if not under_way.exists():
        _put_aside(_folder(target))
        under_way.touch()
    if there:
        _write_down(target, list(_kept(target)))
        _stop_apps(target, progress)
        for unit in no_longer_wanted(target):
            with progress.step(f"destroying {target.environment.stack_name(unit)}"):
                delete_stack(target, unit)
        with progress.step(f"synthesising {target.environment.name}"):
            assembly = synthesise(target, lock)
        _destroy_stacks(target, progress, assembly, lock)
    left = _written_down(target)
    under_way.unlink()
    return left


def _destroy_stacks(target: Target, progress: Progress, assembly: Path, lock: int) -> None:
    arguments = ["destroy", "--all", "--force", "--app", str(assembly), "--output", str(assembly)]
    try:
        with progress.step("destroying every stack", telling=True) as tell:
            cdk.run(arguments, target, lock=lock, told=lambda line: tell(_news(line)))
    except ClaryError as error:
        raise ClaryError(f"{error}\nwhat is gone is gone, run this again to go on") from error
    left = [unit for unit, state in stack_states(target).items() if state is not None]
    if left:
        raise ClaryError(
            f"these stacks are still there: {', '.join(left)}; see the events in the log, and run this again"
        )


def _news(line: str) -> str:
    """Of CDK's lines about resources, the stacks that are done; all else is for the log."""
    done = "destroyed" in line and line.lstrip().startswith("✅")
    return line.strip() if done else ""


def _stop_apps(target: Target, progress: Progress) -> None:
    domain_id = stack_outputs(target, "studio").get("DomainId")
    if domain_id is None:
        return
    apps = apps_of(target.client("sagemaker"), domain_id)
    try:
        running = apps.left()
        if not running:
            return
        with progress.step(f"stopping apps: {shortened(running)}", telling=True) as tell:
            remove(
                [apps],
                time_is_up=lambda: False,
                pause=growing_pause(1 if target.local else 10),
                tell=lambda _, left: tell(f"still stopping: {shortened(left)}" if left else ""),
            )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFound":
            return
        if code not in _NOT_ALLOWED:
            raise ClaryError(f"the apps in Studio could not be stopped: {error}") from error
        progress.note(f"apps are left to the stack's own function: {error}")


# --- what stays -------------------------------------------------------------------------------------


def _kept(target: Target) -> Iterator[Kept]:
    """What is retained of each stack and of those within it, as the deployed templates say."""
    for unit, state in stack_states(target).items():
        if state is not None:
            name = target.environment.stack_name(unit)
            yield from _kept_of(target.client("cloudformation"), name, name)


def _kept_of(cloudformation: Any, stack: str, said: str) -> Iterator[Kept]:
    body = cloudformation.get_template(StackName=stack)["TemplateBody"]
    template: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            logical_id, physical_id = resource["LogicalResourceId"], resource.get("PhysicalResourceId")
            defined = template.get("Resources", {}).get(logical_id, {})
            if not physical_id or resource["ResourceStatus"] == "DELETE_COMPLETE":
                continue
            if str(defined.get("DeletionPolicy", "")).startswith("Retain"):
                yield Kept(said, logical_id, resource["ResourceType"], physical_id)
            elif resource["ResourceType"] == NESTED:
                yield from _kept_of(cloudformation, physical_id, f"{said}/{logical_id}")


def _folder(target: Target) -> Path:
    return target.folder / "kept"


def _put_aside(folder: Path) -> None:
    """What an earlier tear-down has kept is not this one's, and may still be there."""
    if folder.exists():
        folder.rename(next(free for n in count(1) if not (free := folder.with_name(f"kept.{n}")).exists()))
    folder.mkdir()


def _write_down(target: Target, kept: Sequence[Kept]) -> None:
    """A file for each stack, before anything goes: who is killed half-way finds them complete the next time.

    A stack is written down while it is whole, so what was written of it first stays.
    """
    folder = _folder(target)
    for stack in dict.fromkeys(each.stack for each in kept):
        here = [each for each in kept if each.stack == stack]
        file = folder / f"{stack.replace('/', '.')}.json"
        known = json.loads(file.read_text()) if file.exists() else []
        wanted = [each.to_import() for each in here]
        file.write_text(json.dumps(_merged(known, wanted), indent=2) + "\n")
    home = _home(target)
    if home and any(each.type == "AWS::SageMaker::Domain" for each in kept):
        (folder / "home.txt").write_text(home + "\n")


def _merged(known: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> list[Any]:
    def key(one: Mapping[str, Any]) -> str:
        return json.dumps(one, sort_keys=True)

    return list({key(one): one for one in [*known, *found]}.values())


def _home(target: Target) -> str | None:
    """Nobody's resource: SageMaker has made it with the domain."""
    domain_id = stack_outputs(target, "studio").get("DomainId")
    if domain_id is None:
        return None
    with suppress(ClientError):
        found = target.client("sagemaker").describe_domain(DomainId=domain_id)
        home = found.get("HomeEfsFileSystemId")
        return f"home directories: file system {home} of the domain {domain_id}" if home else None
    return None


def _written_down(target: Target) -> Leftover:
    folder, words = _folder(target), []
    for file in sorted(folder.glob("*.json")):
        for each in json.loads(file.read_text()):
            names = "|".join(each["ResourceIdentifier"].values())
            words.append(f"{each['ResourceType']} {names}")
    home = folder / "home.txt"
    if home.exists():
        words.append(home.read_text().strip())
    return Leftover(words, folder)
