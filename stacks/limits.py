"""CloudFormation's limits on one template, told before anything is deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from aws_cdk import cx_api

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
RESOURCES = 500
OUTPUTS = 200
TEMPLATE_BYTES = 1024 * 1024


class TooLargeError(Exception):
    """A stack that CloudFormation would refuse."""


def check_limits(assembly: cx_api.CloudAssembly) -> None:
    """Raises TooLargeError with everything that is too much, in all stacks."""
    found = [
        problem
        for stack in assembly.stacks
        for problem in problems(stack.stack_name, Path(stack.template_full_path).read_bytes())
    ]
    if found:
        raise TooLargeError("\n".join(found))


def problems(stack_name: str, template: bytes) -> Iterator[str]:
    content = json.loads(template)
    for given, most, what in (
        (len(content.get("Resources", {})), RESOURCES, "resources"),
        (len(content.get("Outputs", {})), OUTPUTS, "outputs"),
        (len(template), TEMPLATE_BYTES, "bytes"),
    ):
        if given > most:
            yield (
                f"the stack {stack_name} has {given:,} {what}, CloudFormation takes {most:,}:"
                " divide what the environment file holds among several environments"
            )
