"""SageMaker's resources from templates, on a running local AWS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.sagemaker import Workshop


@pytest.fixture(scope="module")
def workshop(stacks_workshop: Workshop) -> Workshop:
    return stacks_workshop


def serving(workshop: Workshop, factor: float, name: str) -> dict[str, Any]:
    """A model whose configuration gets a new name with each content, and an endpoint that keeps its own."""
    suffix = str(factor).replace(".", "-")
    return {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ExecutionRoleArn": workshop.role,
                "PrimaryContainer": {"Image": workshop.image, "ModelDataUrl": workshop.artifact(factor)},
            },
        },
        "Configuration": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "EndpointConfigName": f"{name}-{suffix}",
                "ProductionVariants": [
                    workshop.variant("AllTraffic", "unset")
                    | {"ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}, "InitialVariantWeight": 1}
                ],
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": name,
                "EndpointConfigName": {"Fn::GetAtt": ["Configuration", "EndpointConfigName"]},
                "Tags": [{"Key": "team", "Value": "research"}],
            },
        },
    }


@pytest.fixture(scope="module")
def studio(local_aws: LocalAws) -> dict[str, Any]:
    """A domain, a profile and a space, in a VPC that outlives them: their home keeps it from going."""
    ec2 = local_aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    return {
        "Domain": {
            "Type": "AWS::SageMaker::Domain",
            "Properties": {
                "AuthMode": "IAM",
                "DomainName": "studio",
                "VpcId": vpc,
                "SubnetIds": [subnet],
                "DefaultUserSettings": {"ExecutionRole": "arn:aws:iam::000000000000:role/worker"},
            },
        },
        "Profile": {
            "Type": "AWS::SageMaker::UserProfile",
            "Properties": {"DomainId": {"Ref": "Domain"}, "UserProfileName": "research-ada"},
        },
        "Space": {
            "Type": "AWS::SageMaker::Space",
            "DependsOn": "Profile",
            "Properties": {
                "DomainId": {"Ref": "Domain"},
                "SpaceName": "research-ada",
                "OwnershipSettings": {"OwnerUserProfileName": "research-ada"},
                "SpaceSharingSettings": {"SharingType": "Private"},
                "SpaceSettings": {"AppType": "JupyterLab"},
            },
        },
    }


def test_completes_when_the_endpoint_answers(workshop: Workshop, stacks: Stacks) -> None:
    stacks.deploy(serving(workshop, 2, "from-template"))

    assert workshop.invoke("from-template", "21") == "42.0"


def test_moves_the_endpoint_to_a_new_model(workshop: Workshop, stacks: Stacks) -> None:
    stack = stacks.deploy(serving(workshop, 2, "moving"))

    stacks.deploy(serving(workshop, 3, "moving"), name=stack.name)

    assert workshop.invoke("moving", "1") == "3.0"
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        workshop.sagemaker.describe_endpoint_config(EndpointConfigName="moving-2")


def test_rolls_back_to_the_model_that_worked(workshop: Workshop, stacks: Stacks) -> None:
    stack = stacks.deploy(serving(workshop, 2, "steadfast"))

    with pytest.raises(DeploymentFailed, match="UPDATE_ROLLBACK_COMPLETE") as raised:
        stacks.deploy(serving(workshop, 0, "steadfast"), name=stack.name)

    assert "a factor of 0 is of no use" in str(raised.value)
    assert workshop.invoke("steadfast", "21") == "42.0"


def test_leaves_nothing_of_an_endpoint_that_never_worked(workshop: Workshop, stacks: Stacks) -> None:
    with pytest.raises(DeploymentFailed, match="ROLLBACK_COMPLETE"):
        stacks.deploy(serving(workshop, 0, "hopeless"))

    with pytest.raises(ClientError, match="Could not find endpoint"):
        workshop.sagemaker.describe_endpoint(EndpointName="hopeless")


def test_tags_what_it_makes(workshop: Workshop, stacks: Stacks) -> None:
    stacks.deploy(serving(workshop, 2, "tagged"))

    arn = workshop.sagemaker.describe_endpoint(EndpointName="tagged")["EndpointArn"]
    tags = workshop.sagemaker.list_tags(ResourceArn=arn)["Tags"]

    assert {"Key": "team", "Value": "research"} in tags


def test_puts_no_tags_of_its_own_on_types_that_take_none(
    workshop: Workshop, stacks: Stacks, studio: dict[str, Any]
) -> None:
    studio["Domain"]["Properties"]["Tags"] = [{"Key": "team", "Value": "research"}]
    studio["Registry"] = {
        "Type": "AWS::SageMaker::ModelPackageGroup",
        "Properties": {"ModelPackageGroupName": "system-tagged"},
    }
    stack = stacks.deploy(studio)

    def tags(arn: str) -> dict[str, str]:
        found = workshop.sagemaker.list_tags(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    domain = stack.physical_id("Domain")
    described = workshop.sagemaker.describe_domain(DomainId=domain)
    profile = workshop.sagemaker.describe_user_profile(DomainId=domain, UserProfileName="research-ada")
    space = workshop.sagemaker.describe_space(DomainId=domain, SpaceName="research-ada")
    assert tags(described["DomainArn"]) == {"team": "research"}
    assert (tags(profile["UserProfileArn"]), tags(space["SpaceArn"])) == ({}, {})
    assert tags(stack.physical_id("Registry"))["aws:cloudformation:logical-id"] == "Registry"


def test_refers_to_studio_as_aws_does(workshop: Workshop, stacks: Stacks, studio: dict[str, Any]) -> None:
    stack = stacks.deploy(
        studio,
        outputs={
            "Url": {"Fn::GetAtt": ["Domain", "Url"]},
            "Home": {"Fn::GetAtt": ["Domain", "HomeEfsFileSystemId"]},
        },
    )

    domain = stack.physical_id("Domain")
    homes = workshop.client("efs").describe_file_systems()["FileSystems"]
    assert stack.physical_id("Profile") == f"research-ada|{domain}"
    assert stack.physical_id("Space") == f"{domain}|research-ada"
    assert stack.outputs["Url"] == f"https://{domain}.studio.us-east-1.sagemaker.aws"
    assert stack.outputs["Home"] in [home["FileSystemId"] for home in homes]


def test_keeps_a_domain_while_it_has_profiles(
    workshop: Workshop, stacks: Stacks, studio: dict[str, Any]
) -> None:
    domain = stacks.deploy(studio).physical_id("Domain")

    with pytest.raises(ClientError, match="ResourceInUse"):
        workshop.sagemaker.delete_domain(DomainId=domain)


def test_updates_a_domain_in_place(workshop: Workshop, stacks: Stacks, studio: dict[str, Any]) -> None:
    stack = stacks.deploy(studio)
    before = stack.physical_id("Domain")
    settings = {"ExecutionRole": "arn:aws:iam::000000000000:role/other"}
    domain = {
        **studio["Domain"],
        "Properties": {**studio["Domain"]["Properties"], "DefaultUserSettings": settings},
    }

    stacks.deploy({**studio, "Domain": domain}, name=stack.name)

    assert stack.physical_id("Domain") == before
    assert workshop.sagemaker.describe_domain(DomainId=before)["DefaultUserSettings"] == settings
