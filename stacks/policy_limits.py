"""IAM's limits on policies, told before anything is deployed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import cx_api

from stacks.limits import TooLargeError

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
CHARACTERS = 6144
POLICIES = 10

_REFERENCE = "x" * 80
"""What a reference becomes when it is deployed, at the longest: a key's ARN has 75 characters."""


def check_policies(assembly: cx_api.CloudAssembly) -> None:
    """Raises TooLargeError with every policy that IAM would refuse, in all stacks."""
    found = [
        problem
        for stack in assembly.stacks
        for problem in problems(stack.stack_name, Path(stack.template_full_path).read_bytes())
    ]
    if found:
        raise TooLargeError("\n".join(found))


def problems(stack_name: str, template: bytes) -> Iterator[str]:
    resources: Mapping[str, Any] = json.loads(template).get("Resources", {})
    attached: Counter[str] = Counter()
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            attached.update(str(role.get("Ref", role)) for role in properties.get("Roles", ()))
            characters = size(properties["PolicyDocument"])
            if characters > CHARACTERS:
                yield (
                    f"the policy {logical_id} of the stack {stack_name} has up to {characters:,} characters,"
                    f" IAM takes {CHARACTERS:,}: list fewer instance types, regions or statements"
                )
        elif resource["Type"] == "AWS::IAM::Role":
            attached[logical_id] += len(properties.get("ManagedPolicyArns", ()))
    for role, count in attached.items():
        if count > POLICIES:
            yield f"the role {role} of the stack {stack_name} has {count} policies, IAM takes {POLICIES}"


def size(document: Mapping[str, Any]) -> int:
    """The characters of a policy when its references are what they refer to; IAM counts no white space."""
    return len(json.dumps(_written_out(document), separators=(",", ":")).replace(" ", ""))


def _written_out(value: Any) -> Any:
    match value:
        case {"Fn::Join": [str(separator), [*items]]} if len(value) == 1:
            return separator.join(str(_written_out(item)) for item in items)
        case {**only} if len(only) == 1 and str(next(iter(only))).startswith(("Fn::", "Ref")):
            return _REFERENCE
        case dict():
            return {key: _written_out(item) for key, item in value.items()}
        case list():
            return [_written_out(item) for item in value]
        case _:
            return value
