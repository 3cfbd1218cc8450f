"""What a stack's events tell of an update, as AWS tells it.

ministack tells of every resource of the template that it is updated. On AWS what is new is created, what is
not changed is not told of, and what is no longer needed is deleted in a phase of its own, in which the stack
is `UPDATE_COMPLETE_CLEANUP_IN_PROGRESS`:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-monitor-stack.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from local_aws import hooks

logger = logging.getLogger("local_aws.cloudformation")

_STACK = "AWS::CloudFormation::Stack"
_CLEANUP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"


@dataclass
class _Update:
    """The update of a stack that is under way."""

    before: Mapping[str, Mapping[str, Any]]
    """The stack's resources as they were."""
    imported: Collection[str] = ()
    cleaning: bool = False
    """Whether what is deleted now is no longer needed; a rollback tells by itself what it deletes."""
    held: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Tells that the update of a resource (by logical id) has begun: never told of what is not changed."""

    def release(self, logical_id: str) -> None:
        tell = self.held.pop(logical_id, None)
        if tell is not None:
            tell()


_UPDATES: dict[str, _Update] = {}
"""By the stack's id."""


def install() -> None:
    hooks.stacks.wrap_stack_operations(_within)
    hooks.resources.wrap_resource_operations(lambda usual: usual, _updating, _deleting)
    hooks.stacks.wrap_events(_told)
    hooks.resources.on_resources_done(_clean_up)


def _within(operation: hooks.stacks.StackOperation, usual: Callable[..., Any]) -> Callable[..., Any]:
    if operation != "deploy":
        return usual

    @wraps(usual)
    def begin(stack_name: str, stack_id: str, *arguments: Any, **named: Any) -> Coroutine[Any, Any, None]:
        work = usual(stack_name, stack_id, *arguments, **named)
        previous = named.get("previous_stack")

        async def run() -> None:
            if previous:
                _UPDATES[stack_id] = _Update(previous.get("_resources", {}), named.get("imports") or ())
            try:
                await work
            except Exception as error:
                # Whatever it was, it would leave the stack in progress for ever.
                logger.exception("the operation on %s was given up", stack_name)
                hooks.stacks.change_stack_status(
                    stack_id, f"{'UPDATE' if previous else 'CREATE'}_FAILED", str(error)
                )
            finally:
                _UPDATES.pop(stack_id, None)

        return run()

    return begin


def _clean_up(stack_id: str) -> None:
    update = _UPDATES.get(stack_id)
    if update is not None and not update.cleaning:
        update.cleaning = True
        hooks.stacks.change_stack_status(stack_id, _CLEANUP)


def _told(tell: hooks.stacks.TellEvent) -> hooks.stacks.TellEvent:
    def add(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        kind: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        **more: Any,
    ) -> None:
        def told(status: str, physical_id: str = physical_id) -> None:
            tell(stack_id, stack_name, logical_id, kind, status, reason, physical_id, **more)

        update = _UPDATES.get(stack_id)
        if kind == _STACK and logical_id == stack_name:
            reason = _reason(stack_id, stack_name, status, reason)
            told(status)
            _follow_nested(stack_id, stack_name, status)
        elif update is None or logical_id in update.imported or not status.startswith("UPDATE_"):
            told(status)
        elif logical_id not in update.before:
            status = status.replace("UPDATE_", "CREATE_")
            told(status)
            if status == "CREATE_COMPLETE":
                _record(stack_name, logical_id).update(ResourceStatus=status)
            elif status == "CREATE_FAILED":
                _follow_nested(stack_id, stack_name, status)
        elif status == "UPDATE_IN_PROGRESS" and not reason and not physical_id:
            known = update.before[logical_id]
            update.held[logical_id] = lambda: told(status, str(known["PhysicalResourceId"]))
            if kind == _STACK:
                update.release(logical_id)
        elif status == "UPDATE_COMPLETE" and logical_id in update.held:
            del update.held[logical_id]
            known = update.before[logical_id]
            kept = {name: known[name] for name in ("ResourceStatus", "Timestamp") if name in known}
            _record(stack_name, logical_id).update(kept)
        else:
            update.release(logical_id)
            told(status)
            if status == "UPDATE_FAILED":
                _follow_nested(stack_id, stack_name, status)

    return add


def _reason(stack_id: str, stack_name: str, status: str, reason: str) -> str:
    """Why a stack is rolled back, or has failed, in AWS's words."""
    if reason == "Rollback complete":
        return ""
    if status in ("CREATE_FAILED", "UPDATE_FAILED") and reason.startswith("Resource "):
        made = [event["LogicalResourceId"] for event in _failed(stack_id, "CREATE_FAILED")]
        changed = [event["LogicalResourceId"] for event in _failed(stack_id, "UPDATE_FAILED")]
        words = _failed_to("create", made) + _failed_to("update", changed)
        hooks.stacks.explain_stack(stack_name, words)
        return words
    if reason != "Rollback requested":
        return reason
    made = [event["LogicalResourceId"] for event in _failed(stack_id, "CREATE_FAILED")]
    own = [event["ResourceStatusReason"] for event in _failed(stack_id) if _is_own(event)]
    if status != "ROLLBACK_IN_PROGRESS":
        return str(own[-1]) if own else reason
    words = _failed_to("create", made).strip() if made and not own else f"{own[-1]}." if own else ""
    return f"{words} Rollback requested by user.".strip()


def _failed_to(verb: str, logical_ids: list[str]) -> str:
    names = ", ".join(logical_ids)
    return f"The following resource(s) failed to {verb}: [{names}]. " if logical_ids else ""


def _failed(stack_id: str, *statuses: str) -> list[Mapping[str, Any]]:
    """What was told of failures since the operation at hand began."""
    found: list[Mapping[str, Any]] = []
    for event in reversed(hooks.stacks.events_of(stack_id)):
        if _is_own(event) and event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            break
        if event["ResourceStatus"] in (statuses or ("CREATE_FAILED", "UPDATE_FAILED")):
            found.insert(0, event)
    return found


def _is_own(event: Mapping[str, Any]) -> bool:
    """Whether an event is about the stack itself."""
    return bool(event["ResourceType"] == _STACK and event["LogicalResourceId"] == event["StackName"])


def _follow_nested(stack_id: str, stack_name: str, status: str) -> None:
    """A nested stack's update is nobody's operation: its own events tell when it begins and ends."""
    if not hooks.stacks.is_nested(stack_name):
        return
    if status == "UPDATE_IN_PROGRESS":
        _UPDATES[stack_id] = _Update(dict(hooks.stacks.stack_resources(stack_name)), cleaning=True)
    elif status in ("UPDATE_COMPLETE", "UPDATE_FAILED", "CREATE_FAILED"):
        _UPDATES.pop(stack_id, None)


def _updating(usual: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(usual)
    def update(
        resource_type: str,
        physical_id: str,
        old: Any,
        new: Any,
        stack_name: str,
        logical_id: str,
        attributes: Any = None,
    ) -> Any:
        known = _UPDATES.get(hooks.stacks.stack_identifier(stack_name))
        if known is not None and old != new:
            known.release(logical_id)
        if attributes is None:
            # ministack forgets those of what is not changed in a nested stack.
            attributes = _record(stack_name, logical_id).get("Attributes")
        return usual(resource_type, physical_id, old, new, stack_name, logical_id, attributes)

    return update


def _deleting(usual: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(usual)
    def delete(
        resource_type: str, physical_id: str, properties: Any, stack_name: str = "", logical_id: str = ""
    ) -> Any:
        stack_id = hooks.stacks.stack_identifier(stack_name)
        known = _UPDATES.get(stack_id)
        told = known is not None and known.cleaning and bool(logical_id)
        place = (stack_id, stack_name, logical_id, resource_type)
        if told:
            hooks.stacks.tell_event(*place, "DELETE_IN_PROGRESS", "", physical_id)
        answer = usual(resource_type, physical_id, properties, stack_name, logical_id)
        if told:
            hooks.stacks.tell_event(*place, "DELETE_COMPLETE", "", physical_id)
        return answer

    return delete


def _record(stack_name: str, logical_id: str) -> dict[str, Any]:
    return hooks.stacks.stack_resources(stack_name).get(logical_id) or {}
