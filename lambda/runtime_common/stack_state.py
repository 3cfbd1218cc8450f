"""Whether a custom resource is deleted because its stack goes, or only because an edit took it away."""

from __future__ import annotations

from typing import Any

_GOING = ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
"""The second is a stack that could not be created. Updates, and their rollbacks, have other names."""


def is_going(cloudformation: Any, stack_id: str) -> bool:
    """Whether the stack, by its ARN, is being deleted.

    CloudFormation sends the same request when an update has removed a resource from the template: an
    environment whose data is to be kept from now on must not lose it then.
    """
    (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    return stack["StackStatus"] in _GOING
