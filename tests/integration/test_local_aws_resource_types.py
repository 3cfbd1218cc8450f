"""Every resource type that AWS publishes deploys, answers its attributes, and is deleted again.

The properties are made from the schemas (`support/resource_example.py`). What the schemas cannot tell is
said type by type in `support/resource_world.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local_aws.cloudformation.not_kept import NOT_KEPT
from local_aws.cloudformation.schema import ResourceType, resource_type, type_names
from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.resource_example import Maker, NoExampleError, another, example_of
from support.resource_world import GIVEN, NOT_ALWAYS_THERE, PRODUCT_TEMPLATE, needed

NOT_EXPECTED: Mapping[str, str] = {
    # Somebody of another account shares it first, or it must be shared with whoever provisions.
    "AWS::ServiceCatalog::AcceptedPortfolioShare": "not found",
    "AWS::ServiceCatalog::CloudFormationProvisionedProduct": "Either ProductId or ProductName must",
    # There are no stack sets.
    "AWS::ServiceCatalog::StackSetConstraint": "the local AWS does not emulate it",
}
"""What does not deploy, and what is said instead. It can only shrink: what deploys must leave it."""

_BATCH = 40
_STACKS = {"CustomResource", "Stack", "WaitCondition", "WaitConditionHandle"}
"""CloudFormation's own: `test_local_aws_stacks.py` tries them."""

NAMES = [
    name for name in sorted(type_names()) if name not in {f"AWS::CloudFormation::{own}" for own in _STACKS}
]
# SageMaker's types have a test like this one: `test_sagemaker_types.py`.
EXPECTED = [name for name in NAMES if name not in NOT_EXPECTED and not name.startswith("AWS::SageMaker::")]
BATCHES = [EXPECTED[first : first + _BATCH] for first in range(0, len(EXPECTED), _BATCH)]


@pytest.fixture(scope="module", autouse=True)
def _product(local_aws: LocalAws) -> None:
    """The template that the world's product is made of."""
    s3 = local_aws.client("s3")
    bucket, key = PRODUCT_TEMPLATE.split("/")[-2:]
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({"Resources": {"It": {"Type": "AWS::SNS::Topic"}}}))


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


# --- replacement --------------------------------------------------------------------------------------

_SPARSE = 1 if os.environ.get("CLARY_ALL_TYPES") else 30
"""All of them take minutes: by default, one type in so many is tried."""

SAME_IDENTIFIER = {
    ("AWS::ApiGatewayV2::Stage", "ApiId"),
    ("AWS::AppConfig::HostedConfigurationVersion", "ApplicationId"),
    ("AWS::AppConfig::HostedConfigurationVersion", "ConfigurationProfileId"),
    ("AWS::EC2::Route", "DestinationIpv6CidrBlock"),
    ("AWS::EC2::Route", "DestinationPrefixListId"),
    ("AWS::ServiceCatalog::PortfolioPrincipalAssociation", "AcceptLanguage"),
    ("AWS::ServiceCatalog::PortfolioProductAssociation", "AcceptLanguage"),
}
"""Where `Ref` answers the same for what replaces a resource: the rest of its identity is elsewhere."""


def create_only() -> Iterator[tuple[str, str, Any, Any]]:
    """Type, property that cannot be changed in place, a value and another."""
    for name in EXPECTED[::_SPARSE]:
        type_ = resource_type(name)
        for pointer in type_.create_only:
            told = (name, pointer[0]) in SAME_IDENTIFIER or pointer[0] in NOT_KEPT.get(name, ())
            if len(pointer) > 1 or told:
                continue
            try:
                fewest = example_of(type_, GIVEN.get(name))
                value = fewest.get(
                    pointer[0], Maker(type_.schema, name, {}).value(type_.definition(pointer), 1, pointer[0])
                )
            except NoExampleError:
                continue
            if isinstance(value, str | int) and (other := another(type_, pointer, value)) is not None:
                yield name, pointer[0], value, other


@pytest.mark.parametrize(
    ("name", "changed", "value", "other"),
    list(create_only()),
    ids=lambda part: part if isinstance(part, str) and "::" in part else None,
)
def test_what_cannot_be_changed_in_place_is_replaced(
    stacks: Stacks, local_aws: LocalAws, name: str, changed: str, value: object, other: object
) -> None:
    """Or refused, where there cannot be two of them. Nothing is changed in place without a word."""

    def resources(wanted: object) -> dict[str, Any]:
        it = {"Type": name, "Properties": {**resource(name)["Properties"], changed: wanted}}
        return {**needed({"It": it}), "It": it}

    try:
        stack = stacks.deploy(resources(value), name=f"{logical_id(name)}-{changed}")
    except DeploymentFailed:
        pytest.skip("the value that was made is none for this service")
    before = stack.physical_id("It")
    cloudformation = local_aws.client("cloudformation")
    cloudformation.create_change_set(
        StackName=stack.name,
        ChangeSetName="next",
        TemplateBody=json.dumps({"Resources": resources(other)}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    changes = cloudformation.describe_change_set(StackName=stack.name, ChangeSetName="next")["Changes"]
    told = {item["ResourceChange"]["LogicalResourceId"]: item["ResourceChange"] for item in changes}
    assert told["It"]["Replacement"] == "True"

    cloudformation.execute_change_set(StackName=stack.name, ChangeSetName="next")

    status = stack.status
    assert stack.physical_id("It") != before or status == "UPDATE_ROLLBACK_COMPLETE"
