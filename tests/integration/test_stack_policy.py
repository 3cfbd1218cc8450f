"""Stack policies are kept: an update that a policy denies rolls back, and says which statement denied it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.cloudformation.stack_policy import refusal
from support.deployed import DeploymentFailed, Stack, Stacks

_EVERYTHING = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
_NO_REPLACEMENT = {
    "Effect": "Deny",
    "Action": "Update:Replace",
    "Principal": "*",
    "Resource": "*",
    "Condition": {"StringEquals": {"ResourceType": ["AWS::SageMaker::Domain", "AWS::SSM::Parameter"]}},
}
_NO_DELETION = {
    "Effect": "Deny",
    "Action": "Update:Delete",
    "Principal": "*",
    "Resource": "LogicalResourceId/Kept*",
}


def _parameter(name: str, value: str = "one") -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": value}}


def _protect(stack: Stack, *statements: dict[str, Any]) -> None:
    policy = json.dumps({"Statement": list(statements)})
    stack.local_aws.client("cloudformation").set_stack_policy(StackName=stack.name, StackPolicyBody=policy)


def test_a_denied_replacement_rolls_back_and_the_resource_stays(stacks: Stacks) -> None:
    stack = stacks.deploy({"It": _parameter("policy-before")})
    _protect(stack, _EVERYTHING, _NO_REPLACEMENT)

    with pytest.raises(DeploymentFailed, match=r"Statement \[#2\] does not allow \[Update:Replace\]"):
        stacks.deploy({"It": _parameter("policy-after")}, name=stack.name)

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.physical_id("It") == "policy-before"


def test_what_the_policy_allows_is_updated(stacks: Stacks) -> None:
    stack = stacks.deploy({"It": _parameter("policy-allowed")})
    _protect(stack, _EVERYTHING, _NO_REPLACEMENT)

    stacks.deploy({"It": _parameter("policy-allowed", "two")}, name=stack.name)

    assert stack.status == "UPDATE_COMPLETE"


def test_a_denied_deletion_rolls_back(stacks: Stacks) -> None:
    both = {"Kept": _parameter("policy-kept"), "Other": _parameter("policy-other")}
    stack = stacks.deploy(both)
    _protect(stack, _EVERYTHING, _NO_DELETION)

    with pytest.raises(DeploymentFailed):
        stacks.deploy({"Other": both["Other"]}, name=stack.name)

    assert stack.physical_id("Kept") == "policy-kept"


def test_an_update_can_bring_a_policy_of_its_own_once(stacks: Stacks) -> None:
    stack = stacks.deploy({"It": _parameter("policy-once")})
    _protect(stack, _EVERYTHING, _NO_REPLACEMENT)
    template = {"Resources": {"It": _parameter("policy-then")}}

    stack.local_aws.client("cloudformation").update_stack(
        StackName=stack.name,
        TemplateBody=json.dumps(template),
        StackPolicyDuringUpdateBody=json.dumps({"Statement": [_EVERYTHING]}),
    )

    assert stack.status == "UPDATE_COMPLETE"
    assert stack.physical_id("It") == "policy-then"


def test_deleting_the_stack_is_no_update(stacks: Stacks) -> None:
    stack = stacks.deploy({"Kept": _parameter("policy-deleted")})
    _protect(stack, _EVERYTHING, _NO_DELETION)
    cloudformation = stack.local_aws.client("cloudformation")

    cloudformation.delete_stack(StackName=stack.name)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack.name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
    )

    found = stack.local_aws.client("ssm").get_parameters(Names=["policy-deleted"])
    assert found["Parameters"] == []


@pytest.mark.parametrize(
    ("statement", "denied"),
    [
        ({"Effect": "Allow", "NotAction": "Update:Replace", "Resource": "*"}, True),
        ({"Effect": "Allow", "Action": "Update:*", "NotResource": "LogicalResourceId/It"}, True),
        ({"Effect": "Allow", "Action": ["Update:Modify", "Update:Replace"], "Resource": "*"}, False),
        (
            {
                "Effect": "Allow",
                "Action": "Update:*",
                "Resource": "*",
                "Condition": {"StringLike": {"ResourceType": ["AWS::SSM::*"]}},
            },
            False,
        ),
    ],
)
def test_what_a_policy_does_not_allow_is_denied(statement: dict[str, Any], denied: bool) -> None:
    found = refusal({"Statement": statement}, "Update:Replace", "It", "AWS::SSM::Parameter")

    assert (found is not None) is denied
