"""What CloudFormation itself refuses, whoever deploys: also plain `cdk deploy`, which asks nobody.

A stack policy is for updates only: destroying an environment is not one.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from clary.difference import NEVER_REMOVED, PROTECTED
from clary.errors import ClaryError
from clary.outputs import stack_states
from clary.target import Target
from clary.templates import NESTED

POLICY = {
    "Statement": [
        {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "Update:Replace",
            "Principal": "*",
            "Resource": "*",
            "Condition": {"StringEquals": {"ResourceType": sorted(PROTECTED)}},
        },
        {
            "Effect": "Deny",
            "Action": "Update:Delete",
            "Principal": "*",
            "Resource": "*",
            "Condition": {"StringEquals": {"ResourceType": sorted(NEVER_REMOVED)}},
        },
    ]
}


def protect(target: Target) -> None:
    """Sets the policy on the environment's stacks, and on those within them; where it is set, it stays."""
    cloudformation = target.client("cloudformation")
    wanted = json.dumps(POLICY)
    try:
        for stack in _stacks(cloudformation, target):
            if cloudformation.get_stack_policy(StackName=stack).get("StackPolicyBody") != wanted:
                cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=wanted)
    except ClientError as error:
        raise ClaryError(
            f"deployed, but its stacks could not be protected from replacements: {error}"
        ) from error


def _stacks(cloudformation: Any, target: Target) -> Iterator[str]:
    waiting = [
        target.environment.stack_name(unit)
        for unit, state in stack_states(target).items()
        if state is not None
    ]
    while waiting:
        stack = waiting.pop()
        yield stack
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
            waiting += [
                each["PhysicalResourceId"]
                for each in page["StackResourceSummaries"]
                if each["ResourceType"] == NESTED
            ]
