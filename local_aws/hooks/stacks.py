"""CloudFormation's stacks: what is done with them, what they tell, and what they export."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal

from ministack.services import cloudformation as _cloudformation
from ministack.services.cloudformation import changesets as _changesets
from ministack.services.cloudformation import handlers as _handlers
from ministack.services.cloudformation import helpers as _helpers
from ministack.services.cloudformation import provisioners as _provisioners
from ministack.services.cloudformation import stacks as _stacks

from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.server import Response
from local_aws.hooks.templates import stack_name_of

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.cloudformation": ("_exports", "_stack_events", "_stacks"),
    "ministack.services.cloudformation.handlers": (
        "_ACTION_HANDLERS",
        "_capabilities_enforced",
        "_delete_stack_async",
        "_deploy_stack_async",
        "_imported_export_names",
        "_roll_back_operation",
    ),
    "ministack.services.cloudformation.helpers": ("_error", "_xml"),
    "ministack.services.cloudformation.provisioners": ("_RESOURCE_HANDLERS",),
    "ministack.services.cloudformation.stacks": (
        "_add_event",
        "_delete_stack_async",
        "_deploy_stack_async",
        "_resolve_stack_outputs",
        "_roll_back_operation",
    ),
    "ministack.services.cloudformation.changesets": ("_deploy_stack_async",),
}


def check_exports(check: Callable[[str, Mapping[str, str]], None]) -> None:
    """Asks `check(stack id, exports)` when a stack's outputs are known; its `ValueError` fails the stack."""
    usual = _stacks._resolve_stack_outputs

    def resolve(*arguments: Any) -> Any:
        outputs, exports = usual(*arguments)
        check(arguments[-1], {name: export["Value"] for name, export in exports.items()})
        return outputs, exports

    _stacks._resolve_stack_outputs = resolve


def exports() -> dict[str, tuple[str, str]]:
    """The exports of the request's account and region: of which stack (its ARN), and their values."""
    return {
        str(name): (str(export["StackId"]), str(export["Value"]))
        for name, export in _cloudformation._exports.items()
    }


def importers(export: str) -> list[str]:
    """The names of the stacks that import an export."""
    return [
        name
        for name, stack in _cloudformation._stacks.items()
        if not str(stack.get("StackStatus", "")).startswith("DELETE")
        and export in _handlers._imported_export_names(stack, name)
    ]


def mend_importers() -> None:
    """A stack whose creation was rolled back, or is yet to begin, imports nothing."""
    usual = _handlers._imported_export_names

    def imported(stack: dict[str, Any], stack_name: str) -> Any:
        idle = stack.get("StackStatus") in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
        return set() if idle else usual(stack, stack_name)

    _handlers._imported_export_names = imported


def forget_export(name: str) -> None:
    _cloudformation._exports.pop(name, None)


def is_protected(stack_id: str) -> bool:
    """Whether a stack may not be deleted, so that there is another answer."""
    stack = _cloudformation._stacks.get(stack_id.split("/")[1]) or {}
    return bool(stack.get("EnableTerminationProtection"))


StackAction = Callable[[dict[str, Any]], Response]


def wrap_stack_action(action: str, wrapper: Callable[[StackAction, dict[str, Any]], Response]) -> None:
    """Answers one of CloudFormation's actions by `wrapper(the usual answer, parameters)`; a parameter is a
    list of texts."""
    usual: StackAction = _handlers._ACTION_HANDLERS[action]
    _handlers._ACTION_HANDLERS[action] = lambda parameters: wrapper(usual, parameters)


def deletion_given_up(stack_id: str, reason: str) -> Response:
    """A deletion that ends where it began: the stack is as before, and its last event says why."""
    name = stack_id.split("/")[1]
    stack = _cloudformation._stacks[name]
    kind, before = "AWS::CloudFormation::Stack", stack["StackStatus"]
    _stacks._add_event(stack_id, name, name, kind, "DELETE_IN_PROGRESS", "User Initiated", stack_id)
    _stacks._add_event(stack_id, name, name, kind, before, reason, stack_id)
    stack["StackStatusReason"] = reason
    response: Response = _helpers._xml(200, "DeleteStackResponse", "")
    return response


def stack_refusal(code: str, message: str, status: int = 400) -> Response:
    """CloudFormation's answer to a request that it refuses."""
    response: Response = _helpers._error(code, message, status)
    return response


def stack_status(stack_name: str) -> str:
    """The status of a stack of the request's account and region; empty where there is none."""
    return str((_cloudformation._stacks.get(stack_name) or {}).get("StackStatus", ""))


def stack_parameters(stack: str) -> frozenset[str] | None:
    """The names of the parameters of a stack, by its name or its ARN; None where there is no such stack."""
    found = _cloudformation._stacks.get(stack_name_of(stack))
    return None if found is None else frozenset(found.get("_resolved_params", {}))


def stack_tags(stack: str) -> dict[str, str]:
    """The tags of a stack, by its name or its ARN; none where there is no such stack."""
    found = _cloudformation._stacks.get(stack_name_of(stack)) or {}
    return {str(tag["Key"]): str(tag["Value"]) for tag in found.get("Tags", ())}


def ask_for_capabilities() -> None:
    """Has IAM's resources and macros in templates acknowledged: ministack asks only where it enforces IAM."""
    _handlers._capabilities_enforced = lambda: True


def stack_identifier(stack_name: str) -> str:
    """The ARN of a stack of the request's account and region."""
    return str((_cloudformation._stacks.get(stack_name) or {}).get("StackId", ""))


StackOperation = Literal["deploy", "roll back", "delete"]
_STACK_OPERATIONS: dict[StackOperation, str] = {
    "deploy": "_deploy_stack_async",
    "roll back": "_roll_back_operation",
    "delete": "_delete_stack_async",
}


def wrap_stack_operations(
    wrapper: Callable[[StackOperation, Callable[..., Coroutine[Any, Any, None]]], Callable[..., Any]],
) -> None:
    """Puts a function around each operation on a stack.

    `deploy(stack_name, stack_id, template, parameters, disable_rollback, tags, is_update, previous_stack,
    retain_except_on_create, imports)`, the last four by keyword; `roll back(stack_name, stack_id, stack,
    operation)`; `delete(stack_name, stack_id, retained, force)`. They are called while the request is
    answered, and what they return is awaited afterwards.
    """
    for operation, name in _STACK_OPERATIONS.items():
        wrapped = wrapper(operation, getattr(_stacks, name))
        for module in (_stacks, _handlers, _changesets):
            if hasattr(module, name):
                setattr(module, name, wrapped)


def stack_operation(operation: StackOperation) -> Callable[..., Coroutine[Any, Any, None]]:
    """The function that does an operation, as `wrap_stack_operations` tells."""
    found: Callable[..., Coroutine[Any, Any, None]] = getattr(_stacks, _STACK_OPERATIONS[operation])
    return found


def delete_nested_stacks_as_others() -> None:
    """Deletes a nested stack as any other: what is to be retained stays, what fails fails its parent.

    ministack deletes all that is in it, whatever its deletion policy, and passes over what cannot be deleted.
    """

    def delete(physical_id: str, _: Any) -> None:
        known = ((name, one) for name, one in _cloudformation._stacks.items())
        name, stack = next(((n, s) for n, s in known if physical_id in (n, s["StackId"])), ("", None))
        if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
            return
        # ministack calls this on a thread of its own, which has no event loop
        asyncio.run(_stacks._delete_stack_async(name, stack["StackId"]))
        if stack["StackStatus"] != "DELETE_COMPLETE":
            reason = stack.get("StackStatusReason", "")
            raise RuntimeError(f"Embedded stack {stack['StackId']} was not successfully deleted: {reason}")

    _provisioners._RESOURCE_HANDLERS["AWS::CloudFormation::Stack"]["delete"] = delete


TellEvent = Callable[..., None]
"""`tell(stack id, stack name, logical id, type, status, reason="", physical id="")`."""


def wrap_events(wrapper: Callable[[TellEvent], TellEvent]) -> None:
    """Puts a function around the telling of a stack's events."""
    _stacks._add_event = wrapper(_stacks._add_event)


def tell_event(*event: str) -> None:
    """Tells an event of a stack, as `TellEvent` has them."""
    _stacks._add_event(*event)


def change_stack_status(stack_id: str, status: str, reason: str = "") -> None:
    """Puts a stack into another status, and tells so."""
    name = stack_id.split("/")[1]
    _cloudformation._stacks[name].update(StackStatus=status, StackStatusReason=reason)
    _stacks._add_event(stack_id, name, name, "AWS::CloudFormation::Stack", status, reason, stack_id)


def stack_resources(stack_name: str) -> dict[str, dict[str, Any]]:
    """The resources of a stack of the request's account and region by their logical ids."""
    found: dict[str, dict[str, Any]] = (_cloudformation._stacks.get(stack_name) or {}).get("_resources", {})
    return found


def events_of(stack_id: str) -> list[dict[str, Any]]:
    """What a stack's events tell, oldest first."""
    found: list[dict[str, Any]] = _cloudformation._stack_events.get(stack_id) or []
    return found


def explain_stack(stack_name: str, reason: str) -> None:
    """Says why a stack is in the state that it is in."""
    _cloudformation._stacks[stack_name]["StackStatusReason"] = reason


def is_nested(stack_name: str) -> bool:
    return "ParentId" in (_cloudformation._stacks.get(stack_name) or {})


def stacks() -> list[tuple[str, str, dict[str, Any]]]:
    """Account, region and record of all stacks there are."""
    from ministack.services.cloudformation import _stacks as records

    return [(account, region, stack) for (account, region, _), stack in records.all_items()]
