"""CloudFormation's limits on templates and on trees of them, told before anything is deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import cx_api

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
RESOURCES = 500
OUTPUTS = 200
PARAMETERS = 200
TEMPLATE_BYTES = 1024 * 1024
TREE_RESOURCES = 2500
"""In one operation on a stack and all that is nested in it: making it, and deleting it, is one."""

_DIVIDE = "divide what the environment file holds among several environments"
_PEOPLE = (
    "give 'own_stacks' to a team that has nobody yet, and put into it who comes; people who are there"
    " already cannot move"
)


class TooLargeError(Exception):
    """A stack that CloudFormation would refuse."""


def check_limits(assembly: cx_api.CloudAssembly) -> None:
    """Raises TooLargeError with everything that is too much, in all stacks and what is nested in them."""
    found = [
        problem
        for stack in assembly.stacks
        for problem in problems_of_tree(stack.stack_name, Path(stack.template_full_path))
    ]
    if found:
        raise TooLargeError("\n".join(found))


def problems_of_tree(stack_name: str, template: Path) -> Iterator[str]:
    total = 0
    for name, text, content in tree(stack_name, template):
        total += len(content.get("Resources", {}))
        yield from problems(name, text, content, nested=name != stack_name)
    if total > TREE_RESOURCES:
        yield (
            f"the stack {stack_name} has {total:,} resources with all that is nested in it, CloudFormation"
            f" takes {TREE_RESOURCES:,} in one operation: {_PEOPLE}"
        )


def problems(
    stack_name: str, text: bytes, content: Mapping[str, Any], *, nested: bool = False
) -> Iterator[str]:
    for given, most, what in (
        (len(content.get("Resources", {})), RESOURCES, "resources"),
        (len(content.get("Outputs", {})), OUTPUTS, "outputs"),
        (len(content.get("Parameters", {})), PARAMETERS, "parameters"),
        (len(text), TEMPLATE_BYTES, "bytes"),
    ):
        if given > most:
            yield (
                f"the stack {stack_name} has {given:,} {what}, CloudFormation takes {most:,}:"
                f" {_PEOPLE if nested else _DIVIDE}"
            )


def tree(stack_name: str, template: Path) -> Iterator[tuple[str, bytes, Mapping[str, Any]]]:
    """A template of an assembly and those that are nested in it: what to call each, its text, its content."""
    text = template.read_bytes()
    content: Mapping[str, Any] = json.loads(text)
    yield stack_name, text, content
    for logical_id, resource in content.get("Resources", {}).items():
        if resource.get("Type") == "AWS::CloudFormation::Stack":
            nested = template.parent / resource["Metadata"]["aws:asset:path"]
            yield from tree(f"{stack_name}/{logical_id}", nested)
