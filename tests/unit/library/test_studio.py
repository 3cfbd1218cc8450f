"""A Studio domain that stays in its VPC, and the people who work in it."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from clary.environment.model import Environment
from clary_constructs import StudioDomain
from stacks.access import AccessStack
from stacks.data import DataStack
from stacks.network import NetworkStack
from stacks.studio import StudioStack

ENV = cdk.Environment(account="111122223333", region="eu-west-1")
ADA_AND_GRACE = {"ada": "data-scientist", "grace": "mlops-engineer"}


def domain(stack: cdk.Stack, **kwargs: Any) -> StudioDomain:
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["eu-west-1a"],
        isolated_subnet_ids=["subnet-1"],
        isolated_subnet_route_table_ids=["rtb-1"],
    )
    return StudioDomain(
        stack,
        "Studio",
        domain_name="clary-dev",
        vpc=vpc,
        subnets=ec2.SubnetSelection(subnets=vpc.isolated_subnets),
        security_group=ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-workload"),
        encryption_key=kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/1"),
        **kwargs,
    )


def role(stack: cdk.Stack) -> iam.IRole:
    return iam.Role.from_role_arn(stack, "Ada", "arn:aws:iam::111122223333:role/ada")


def studio_stack(members: dict[str, str], **changes: Any) -> assertions.Template:
    environment = Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {"members": members}},
        }
        | changes
    )
    app = cdk.App()
    network = NetworkStack(app, "Network", environment=environment, env=ENV)
    data = DataStack(app, "Data", environment=environment, env=ENV)
    access = AccessStack(app, "Access", environment=environment, network=network, data=data, env=ENV)
    return assertions.Template.from_stack(
        StudioStack(
            app, "Studio", environment=environment, network=network, data=data, access=access, env=ENV
        )
    )


@pytest.fixture(scope="module")
def alone() -> assertions.Template:
    stack = cdk.Stack(env=ENV)
    ada = domain(stack).add_user("Ada", name="research-ada", execution_role=role(stack))
    ada.add_private_space("Space", instance_type="ml.t3.large", storage_gib=20)
    return assertions.Template.from_stack(stack)


@pytest.fixture(scope="module")
def two() -> assertions.Template:
    return studio_stack(ADA_AND_GRACE)


def test_stays_in_the_vpc_with_a_key_of_ours(alone: assertions.Template) -> None:
    alone.has_resource_properties(
        "AWS::SageMaker::Domain",
        {
            "AppNetworkAccessType": "VpcOnly",
            "AuthMode": "IAM",
            "KmsKeyId": "arn:aws:kms:eu-west-1:111122223333:key/1",
            "DomainSettings": {"ExecutionRoleIdentityConfig": "USER_PROFILE_NAME"},
        },
    )


def test_stops_what_idles_and_hides_the_classic_studio(alone: assertions.Template) -> None:
    alone.has_resource_properties(
        "AWS::SageMaker::Domain",
        {
            "DefaultUserSettings": {
                "StudioWebPortalSettings": {"HiddenAppTypes": ["JupyterServer"]},
                "JupyterLabAppSettings": {
                    "AppLifecycleManagement": {
                        "IdleSettings": {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 60}
                    }
                },
            }
        },
    )


def test_gives_whoever_has_no_role_one_without_rights(alone: assertions.Template) -> None:
    ((name, default),) = alone.find_resources("AWS::IAM::Role").items()
    alone.has_resource_properties(
        "AWS::SageMaker::Domain", {"DefaultUserSettings": {"ExecutionRole": {"Fn::GetAtt": [name, "Arn"]}}}
    )
    alone.resource_count_is("AWS::IAM::Policy", 0)
    alone.resource_count_is("AWS::IAM::ManagedPolicy", 0)
    assert not {"Policies", "ManagedPolicyArns"} & set(default["Properties"])


def test_gives_a_user_a_private_space_with_a_disk_of_its_own(alone: assertions.Template) -> None:
    alone.has_resource_properties(
        "AWS::SageMaker::Space",
        {
            "SpaceName": "research-ada",
            "OwnershipSettings": {"OwnerUserProfileName": "research-ada"},
            "SpaceSharingSettings": {"SharingType": "Private"},
            "SpaceSettings": {
                "JupyterLabAppSettings": {"DefaultResourceSpec": {"InstanceType": "ml.t3.large"}},
                "SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": 20}},
            },
        },
    )


def test_lets_a_users_apps_speak_to_each_other_only(alone: assertions.Template) -> None:
    ((group, _),) = alone.find_resources("AWS::EC2::SecurityGroup").items()
    own = {"Fn::GetAtt": [group, "GroupId"]}
    alone.has_resource_properties(
        "AWS::EC2::SecurityGroupIngress",
        {"GroupId": own, "SourceSecurityGroupId": own, "FromPort": 8192, "ToPort": 65535},
    )
    alone.has_resource_properties(
        "AWS::SageMaker::UserProfile", {"UserSettings": {"SecurityGroups": ["sg-workload", own]}}
    )


def test_refuses_two_users_of_one_name() -> None:
    stack = cdk.Stack(env=ENV)
    studio, ada = domain(stack), role(stack)
    studio.add_user("First", name="a-b-c", execution_role=ada)
    with pytest.raises(ValueError, match="the domain has a user 'a-b-c' already"):
        studio.add_user("Second", name="a-b-c", execution_role=ada)


def test_refuses_an_idle_time_that_sagemaker_does_not_take() -> None:
    with pytest.raises(ValueError, match="idle_minutes is 5, SageMaker takes 60 to 525600"):
        domain(cdk.Stack(env=ENV), idle_minutes=5)


def test_keeps_the_domain_and_everybodys_work_by_default(two: assertions.Template) -> None:
    kept = {name for name, it in two.to_json()["Resources"].items() if it.get("DeletionPolicy") == "Retain"}
    # these ids are what is kept: a new one would be a new, empty home
    assert kept == {
        "StudioDomain20F5E462",
        "StudioResearchAdaApps9733FDA9",
        "StudioResearchAdaProfileC93D3466",
        "StudioResearchAdaSpaceDC83A668",
        "StudioResearchGraceApps74CDFDF0",
        "StudioResearchGraceProfile3529B2D0",
        "StudioResearchGraceSpaceA85AC3CD",
    }


def test_changes_nobody_when_somebody_joins(two: assertions.Template) -> None:
    three = studio_stack({"aaron": "data-scientist"} | ADA_AND_GRACE).to_json()["Resources"]
    assert two.to_json()["Resources"].items() <= three.items()


def test_imports_nobodys_role() -> None:
    # a role that Studio imported could not be deleted by Access when its last user leaves
    profiles = studio_stack(ADA_AND_GRACE).find_resources("AWS::SageMaker::UserProfile").values()
    assert [str(each["Properties"]["UserSettings"]["ExecutionRole"]) for each in profiles] == [
        str(
            {
                "Fn::Join": [
                    "",
                    ["arn:", {"Ref": "AWS::Partition"}, f":iam::111122223333:role/clary/dev/{name}"],
                ]
            }
        )
        for name in ("clary-dev-research-data-scientist", "clary-dev-research-mlops-engineer")
    ]


def test_names_what_others_look_for(two: assertions.Template) -> None:
    two.has_output("UserProfileNames", {"Value": "research-ada,research-grace"})
    two.has_output("DomainId", {"Value": {"Fn::GetAtt": ["StudioDomain20F5E462", "DomainId"]}})
    two.has_output("DomainUrl", {"Value": {"Fn::GetAtt": ["StudioDomain20F5E462", "Url"]}})
