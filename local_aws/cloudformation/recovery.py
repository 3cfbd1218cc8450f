"""Stack operations that a killed server has left half done: they are rolled back by the next one.

While an operation is under way, a note of it is in the store: what it began with, and which resource is
just being made or changed. A server that takes up the state completes the stack's resources by these
notes and hands the operation to CloudFormation's own rollback; a deletion goes on; an update that had
only old resources left to remove is finished. A stack is then in a state that can be deployed to.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.registry import MADE, made
from local_aws.store import STORE, Record

_OPERATIONS = "CloudFormation.Operation"
_RESOURCES = "CloudFormation.ResourceUnderWay"
_REASON = "The local AWS ended while the operation was under way"
_NESTED = "AWS::CloudFormation::Stack"

Operation = Callable[..., Coroutine[Any, Any, None]]


def install() -> None:
    """Notes from here on what is under way. Before CloudFormation's own installation, which takes
    ministack's handlers as they are then."""
    for handlers in hooks.resources.resource_handlers().values():
        if "create" in handlers:
            handlers["create"] = _telling(handlers["create"])
    hooks.stacks.wrap_stack_operations(_noting)
    hooks.resources.wrap_resource_operations(_noting_creation, _noting_update, _noting_deletion)
    hooks.resources.on_resources_done(_note_resources_done)


def take_up() -> None:
    """Begins to bring every operation that is under way in the store to its end."""
    noted = {key[0]: note for _, _, key, note in STORE.everywhere(_OPERATIONS)}
    for account, region, stack in hooks.stacks.stacks():
        note = noted.get(stack["StackId"])
        with hooks.request.scope(account, region):
            if note is not None:
                # A task keeps the account and the region that it was made in.
                task = asyncio.get_running_loop().create_task(_settle(stack, note))
                _TASKS.add(task)
                task.add_done_callback(_TASKS.discard)
            elif stack["StackStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS":
                # Of a rollback that somebody had continued: it can be continued again.
                stack.update(StackStatus="UPDATE_ROLLBACK_FAILED", StackStatusReason=_REASON)


_TASKS: set[asyncio.Task[None]] = set()
"""Held: the event loop itself does not."""


# --- what is under way ------------------------------------------------------------------------------


def _noting(operation: hooks.stacks.StackOperation, usual: Operation) -> Operation:
    notes: dict[hooks.stacks.StackOperation, Callable[..., Record]]
    notes = {"deploy": _deployment, "roll back": _rollback, "delete": _deletion}

    @wraps(usual)
    def begin(stack_name: str, stack_id: str, *arguments: Any, **named: Any) -> Coroutine[Any, Any, None]:
        # While the request is answered: nobody hears of an operation that is not noted.
        outermost = STORE.add(_OPERATIONS, (stack_id,), notes[operation](*arguments, **named))

        async def run() -> None:
            await usual(stack_name, stack_id, *arguments, **named)
            # Not when it is cancelled, which happens when the server stops.
            if outermost:
                STORE.remove(_OPERATIONS, (stack_id,))
                _forget_resources(stack_name)

        return run()

    return begin


def _deployment(
    template: dict[str, Any],
    parameters: dict[str, Any],
    disable_rollback: bool,
    tags: list[Any],
    *,
    is_update: bool = False,
    previous_stack: dict[str, Any] | None = None,
    retain_except_on_create: bool = False,
    imports: dict[str, Any] | None = None,
) -> Record:
    return {
        "deploy": [template, parameters, disable_rollback, tags],
        "removing": False,
        "operation": {
            "is_update": is_update,
            "previous_stack": copy.deepcopy(previous_stack),
            "template": template,
            "param_values": parameters,
            # What a creation has left behind would be in the way of the next one.
            "retain_except_on_create": retain_except_on_create or not is_update,
            "stack_tags": tags,
            "previous_tags": (previous_stack or {}).get("Tags") or [],
            "imports": imports or {},
        },
    }


def _rollback(stack: dict[str, Any], operation: dict[str, Any], *_: Any, **__: Any) -> Record:  # noqa: ARG001 - as it is called
    return {"operation": copy.deepcopy(operation)}


def _deletion(retained: Any = (), force: bool = False) -> Record:
    return {"delete": [list(retained), force]}


def _note_resources_done(stack_id: str) -> None:
    note = STORE.get(_OPERATIONS, (stack_id,))
    if note is not None:
        note["removing"] = True


def _telling(usual: Callable[..., Any]) -> Callable[..., Any]:
    """A handler's create that tells what it has made before a reconciler goes on with it."""

    @wraps(usual)
    def create(*arguments: Any) -> Any:
        answer = usual(*arguments)
        made(answer[0])
        return answer

    return create


def _noting_creation(usual: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(usual)
    def create(resource_type: str, logical_id: str, properties: Any, stack_name: str) -> Any:
        def note(physical_id: str) -> None:
            _note_resource(stack_name, logical_id, resource_type, physical_id, properties)

        token = MADE.set(note)
        try:
            answer = usual(resource_type, logical_id, properties, stack_name)
            note(answer[0])
        except BaseException:
            STORE.remove(_RESOURCES, (stack_name, logical_id))
            raise
        finally:
            MADE.reset(token)
        return answer

    return create


def _noting_update(usual: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(usual)
    def update(
        resource_type: str,
        physical_id: str,
        old: Any,
        new: Any,
        stack_name: str,
        logical_id: str,
        *attributes: Any,
    ) -> Any:
        if old != new:
            _note_resource(stack_name, logical_id, resource_type, physical_id, new)
        answer = usual(resource_type, physical_id, old, new, stack_name, logical_id, *attributes)
        if answer[0] != physical_id:
            _note_resource(stack_name, logical_id, resource_type, answer[0], new)
        return answer

    return update


def _noting_deletion(usual: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(usual)
    def delete(
        resource_type: str, physical_id: str, properties: Any, stack_name: str = "", logical_id: str = ""
    ) -> Any:
        answer = usual(resource_type, physical_id, properties, stack_name, logical_id)
        noted = STORE.get(_RESOURCES, (stack_name, logical_id))
        if noted is not None and noted["physical_id"] == physical_id:
            STORE.remove(_RESOURCES, (stack_name, logical_id))
        return answer

    return delete


def _note_resource(
    stack_name: str, logical_id: str, resource_type: str, physical_id: str, properties: Any
) -> None:
    STORE.remove(_RESOURCES, (stack_name, logical_id))
    note = {"type": resource_type, "physical_id": physical_id, "properties": properties}
    STORE.add(_RESOURCES, (stack_name, logical_id), note)


def _forget_resources(stack_name: str) -> None:
    for key, _ in STORE.all(_RESOURCES):
        if key[0] == stack_name:
            STORE.remove(_RESOURCES, key)


# --- bringing it to its end -------------------------------------------------------------------------


async def _settle(stack: dict[str, Any], note: Record) -> None:
    name, identifier = stack["StackName"], stack["StackId"]
    STORE.remove(_OPERATIONS, (identifier,))  # what comes now notes itself
    if "delete" in note:
        await hooks.stacks.stack_operation("delete")(name, identifier, *note["delete"])
        return
    _complete(stack)
    _forget_resources(name)
    operation = note["operation"]
    before = operation.get("previous_stack")
    resources = stack.get("_resources", {})
    if before is not None and note.get("removing"):
        # All is made, and some of the old may be gone: from here on there is no way back.
        await hooks.stacks.stack_operation("deploy")(
            name,
            identifier,
            *note["deploy"],
            is_update=True,
            previous_stack={**before, "_resources": copy.deepcopy(resources)},
        )
        return
    had = before.get("_resources", {}) if before is not None else {}
    operation["created"] = [logical_id for logical_id, one in resources.items() if one != had.get(logical_id)]
    stack["StackStatusReason"] = _REASON
    await hooks.stacks.stack_operation("roll back")(
        name, identifier, stack, operation, reason_override=_REASON
    )


def _complete(stack: dict[str, Any]) -> None:
    """Adds to a stack's resources what was made for it, and not yet written down."""
    resources = stack.setdefault("_resources", {})
    for (stack_name, logical_id), note in STORE.all(_RESOURCES):
        known = resources.get(logical_id)
        if stack_name == stack["StackName"] and not (
            known
            and known["PhysicalResourceId"] == note["physical_id"]
            and known["Properties"] == note["properties"]
        ):
            resources[logical_id] = {
                "Attributes": {},
                **(known or {}),
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": note["physical_id"],
                "Properties": note["properties"],
                "ResourceType": note["type"],
            }
    for _, _, child in hooks.stacks.stacks():
        if child.get("ParentId") != stack["StackId"] or not child["StackStatus"].endswith("_IN_PROGRESS"):
            continue
        _complete(child)
        _forget_resources(child["StackName"])
        # Deployed by its parent: the parent's rollback deletes it, or brings it back.
        ended = "UPDATE_FAILED" if child["StackStatus"].startswith("UPDATE") else "CREATE_FAILED"
        child.update(StackStatus=ended, StackStatusReason=_REASON)
        logical_id = _logical_id_of(child, stack)
        if logical_id not in resources:
            resources[logical_id] = {
                "Attributes": {},
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": child["StackId"],
                "Properties": {},
                "ResourceType": _NESTED,
            }


def _logical_id_of(child: dict[str, Any], parent: dict[str, Any]) -> str:
    """ministack names a nested stack <parent>-<logical id>-<twelve digits>."""
    return str(child["StackName"]).removeprefix(f"{parent['StackName']}-").rpartition("-")[0]
