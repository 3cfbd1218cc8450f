"""Stack policies: which updates of which resources of a stack are refused.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.registry import ResourceFailed
from local_aws.cloudformation.schema import UnknownTypeError, resource_type, value_at

Policy = Mapping[str, Any]

_Key = tuple[str, str, str]
"""An account, a region and a stack's name."""

_overriding: dict[_Key, str] = {}
"""The policy that an update brings for itself, until the update begins."""
_at_work: dict[_Key, tuple[Policy, Mapping[str, str]]] = {}
"""The policy of the update at hand, and the types of what it removes."""


def install() -> None:
    hooks.stacks.wrap_stack_action("UpdateStack", _remember_override)
    hooks.stacks.wrap_stack_operations(_around)
    hooks.resources.wrap_resource_operations(lambda usual: usual, _around_update, lambda usual: usual)
    hooks.resources.on_resources_done(_check_removed)


def refusal(policy: Policy, action: str, logical_id: str, type_name: str) -> str | None:
    """Why the policy forbids `Update:Modify`, `Update:Replace` or `Update:Delete`; None where it does not.

    Where there is a policy, what it does not allow is denied.
    """
    allowed = False
    for number, statement in enumerate(_statements(policy), start=1):
        if _speaks_of(statement, action, logical_id, type_name):
            if statement.get("Effect") == "Deny":
                return (
                    f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for"
                    f" resource [{logical_id}];"
                )
            allowed = True
    return None if allowed else f"Action not allowed by stack policy: [{action}] for resource [{logical_id}];"


def _statements(policy: Policy) -> Iterator[Mapping[str, Any]]:
    found = policy.get("Statement", [])
    yield from found if isinstance(found, list) else [found]


def _speaks_of(statement: Mapping[str, Any], action: str, logical_id: str, type_name: str) -> bool:
    resource = f"LogicalResourceId/{logical_id}"
    return (
        _named(statement, "Action", action)
        and _named(statement, "Resource", resource)
        and all(
            any(fnmatchcase(type_name, pattern) for pattern in _listed(keys.get("ResourceType", [])))
            for keys in statement.get("Condition", {}).values()
        )
    )


def _named(statement: Mapping[str, Any], element: str, value: str) -> bool:
    if f"Not{element}" in statement:
        return not any(fnmatchcase(value, pattern) for pattern in _listed(statement[f"Not{element}"]))
    return any(fnmatchcase(value, pattern) for pattern in _listed(statement.get(element, [])))


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _remember_override(usual: hooks.stacks.StackAction, request: dict[str, Any]) -> hooks.server.Response:
    key = _key(str(request.get("StackName", [""])[0]))
    body = str(request.get("StackPolicyDuringUpdateBody", [""])[0])
    _overriding.pop(key, None)
    if body:
        _overriding[key] = body
    return usual(request)


def _key(stack: str) -> _Key:
    name = stack.split("/")[1] if stack.startswith("arn:") else stack
    return hooks.request.account_id(), hooks.request.region(), name


def _around(
    operation: hooks.stacks.StackOperation, usual: Callable[..., Coroutine[Any, Any, None]]
) -> Callable[..., Any]:
    if operation != "deploy":
        return usual

    def deploy(
        stack_name: str, stack_id: str, template: Mapping[str, Any], *more: Any, **options: Any
    ) -> Any:
        key = _key(stack_name)
        override = _overriding.pop(key, None)
        previous = options.get("previous_stack") or {}
        _at_work.pop(key, None)
        body = override or _policy_of(stack_id)
        if body:
            before = previous.get("_template", {}).get("Resources", {})
            removed = {
                name: each["Type"] for name, each in before.items() if name not in template["Resources"]
            }
            _at_work[key] = json.loads(body), removed
        return _ended(usual(stack_name, stack_id, template, *more, **options), key)

    return deploy


def _policy_of(stack_id: str) -> str | None:
    return next(
        (stack.get("_stack_policy") for *_, stack in hooks.stacks.stacks() if stack["StackId"] == stack_id),
        None,
    )


async def _ended(work: Coroutine[Any, Any, None], key: _Key) -> None:
    try:
        await work
    finally:
        _at_work.pop(key, None)


def _around_update(usual: Callable[..., Any]) -> Callable[..., Any]:
    def update(
        kind: str,
        physical_id: str,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        stack_name: str,
        logical_id: str | None = None,
        *more: Any,
    ) -> Any:
        at_work = _at_work.get(_key(stack_name))
        if at_work is not None and old != new:
            action = "Update:Replace" if _replaces(kind, old, new) else "Update:Modify"
            reason = refusal(at_work[0], action, logical_id or "", kind)
            if reason is not None:
                raise ResourceFailed(reason)
        return usual(kind, physical_id, old, new, stack_name, logical_id, *more)

    return update


def _replaces(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    try:
        pointers = resource_type(kind).create_only
    except UnknownTypeError:
        return False
    return any(value_at(old, pointer) != value_at(new, pointer) for pointer in pointers)


def _check_removed(stack_id: str) -> None:
    policy, removed = _at_work.get(_key(stack_id), ({}, {}))
    for logical_id, kind in removed.items():
        reason = refusal(policy, "Update:Delete", logical_id, kind)
        if reason is not None:
            raise ResourceFailed(reason)
