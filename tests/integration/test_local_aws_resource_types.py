"""Every resource type that AWS publishes deploys, answers its attributes, and is deleted again.

The properties are made from the schemas (`support/resource_example.py`). What the schemas cannot tell is
said type by type in `support/resource_world.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from local_aws.cloudformation.schema import ResourceType, resource_type, type_names
from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.resource_example import example_of
from support.resource_world import GIVEN, NOT_ALWAYS_THERE, needed

NOT_EXPECTED: Mapping[str, str] = {}
"""What does not deploy, and what is said instead. It can only shrink: what deploys must leave it."""

_BATCH = 40
_STACKS = {"CustomResource", "Stack", "WaitCondition", "WaitConditionHandle"}
"""CloudFormation's own: `test_local_aws_stacks.py` tries them."""

NAMES = [
    name for name in sorted(type_names()) if name not in {f"AWS::CloudFormation::{own}" for own in _STACKS}
]
EXPECTED = [
    name
    for name in NAMES
    if name not in NOT_EXPECTED and not name.startswith(("AWS::SageMaker::", "AWS::ServiceCatalog::"))
]
BATCHES = [EXPECTED[first : first + _BATCH] for first in range(0, len(EXPECTED), _BATCH)]


def logical_id(name: str) -> str:
    return name.replace("::", "")


def resource(name: str) -> dict[str, Any]:
    return {"Type": name, "Properties": example_of(resource_type(name), GIVEN.get(name))}


def attributes(type_: ResourceType, properties: Mapping[str, Any]) -> list[Any]:
    """`Ref`, and every attribute that is a text and not part of a property that is left out."""
    texts = [
        ".".join(pointer)
        for pointer in type_.read_only
        if "*" not in pointer
        and type_.definition(pointer).get("type") == "string"
        and (len(pointer) == 1 or pointer[0] in properties or _of_whole(type_, pointer[0]))
    ]
    wanted = [text for text in texts if text not in NOT_ALWAYS_THERE.get(type_.name, ())]
    return [{"Ref": logical_id(type_.name)}] + [
        {"Fn::GetAtt": [logical_id(type_.name), text]} for text in wanted
    ]


def _of_whole(type_: ResourceType, name: str) -> bool:
    """Nothing of the property can be set: it is a group of attributes."""
    inside = type_.definition((name,)).get("properties", {})
    return bool(inside) and all((name, part) in type_.read_only for part in inside)


@pytest.mark.parametrize("names", BATCHES, ids=lambda names: f"{names[0]}..{names[-1]}")
def test_every_type_deploys_answers_and_is_deleted(
    stacks: Stacks, local_aws: LocalAws, names: list[str]
) -> None:
    resources = {logical_id(name): resource(name) for name in names}
    asked = {
        logical_id(name): {
            "Fn::Join": ["\n", attributes(resource_type(name), resources[logical_id(name)]["Properties"])]
        }
        for name in names
    }

    stack = stacks.deploy({**needed(resources), **resources}, outputs=asked)

    cloudformation = local_aws.client("cloudformation")
    answered = stack.outputs
    assert all(answered[logical_id(name)].split("\n")[0] for name in names)
    identifier = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack.name)
    gone = type(stack)(local_aws, identifier)
    assert (gone.status, gone.failures) == ("DELETE_COMPLETE", [])


@pytest.mark.parametrize("name", NOT_EXPECTED)
def test_what_does_not_deploy_is_known_and_says_why(stacks: Stacks, name: str) -> None:
    with pytest.raises(DeploymentFailed) as refused:
        stacks.deploy({**needed({"It": resource(name)}), "It": resource(name)})

    assert NOT_EXPECTED[name] in str(refused.value)
