"""IAM's limits on policies, told before anything is deployed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
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
    templates = {each.stack_name: Path(each.template_full_path).read_bytes() for each in assembly.stacks}
    elsewhere = attached_by_name(templates.values())
    found = [
        problem for name, template in templates.items() for problem in problems(name, template, elsewhere)
    ]
    if found:
        raise TooLargeError("\n".join(found))


def attached_by_name(templates: Iterable[bytes]) -> Mapping[str, int]:
    """How many policies roles get that are another stack's, by the names of the roles."""
    found: Counter[str] = Counter()
    for template in templates:
        for resource in json.loads(template).get("Resources", {}).values():
            if resource["Type"] == "AWS::IAM::ManagedPolicy":
                roles = resource.get("Properties", {}).get("Roles", ())
                found.update(role for role in roles if isinstance(role, str))
    return found


def problems(
    stack_name: str, template: bytes, elsewhere: Mapping[str, int] = MappingProxyType({})
) -> Iterator[str]:
    """`elsewhere` says how many policies other stacks attach to a role, by its name."""
    resources: Mapping[str, Any] = json.loads(template).get("Resources", {})
    attached: Counter[str] = Counter()
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            roles = [role for role in properties.get("Roles", ()) if not isinstance(role, str)]
            attached.update(str(role.get("Ref", role)) for role in roles)
            characters = size(properties["PolicyDocument"])
            if characters > CHARACTERS:
                yield (
                    f"the policy {logical_id} of the stack {stack_name} has up to {characters:,} characters,"
                    f" IAM takes {CHARACTERS:,}: list fewer instance types, regions or statements"
                )
        elif resource["Type"] == "AWS::IAM::Role":
            by_name = elsewhere.get(str(properties.get("RoleName")), 0)
            attached[logical_id] += len(properties.get("ManagedPolicyArns", ())) + by_name
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
