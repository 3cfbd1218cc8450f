"""A Studio domain that stays in its VPC, and the people who work in it."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from clary_constructs import (
    LICENCE_ACTIONS,
    DockerAccess,
    ExperimentTracking,
    IdleShutdown,
    PermissionsBoundary,
    RStudioServer,
    SharedSpaceDefaults,
    StudioDomain,
    StudioImage,
)

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


@pytest.fixture(scope="module")
def alone() -> assertions.Template:
    stack = cdk.Stack(env=ENV)
    domain(stack)
    return assertions.Template.from_stack(stack)


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
                "StudioWebPortalSettings": {
                    "HiddenAppTypes": ["Canvas", "JupyterServer", "RStudioServerPro", "TensorBoard"]
                },
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


def test_refuses_an_idle_time_that_sagemaker_does_not_take() -> None:
    with pytest.raises(ValueError, match="least 5, after 5 and most 60 minutes have to be in this order"):
        IdleShutdown(after_minutes=5, least_minutes=5)


def test_says_what_there_is_none_of(alone: assertions.Template) -> None:
    # SageMaker keeps what an update leaves out: what is taken away has to be said
    (properties,) = (one["Properties"] for one in alone.find_resources("AWS::SageMaker::Domain").values())
    lab = properties["DefaultUserSettings"]["JupyterLabAppSettings"]
    assert (lab["CustomImages"], lab["CodeRepositories"], lab["LifecycleConfigArns"]) == ([], [], [])
    assert properties["DefaultUserSettings"]["StudioWebPortalSettings"]["HiddenInstanceTypes"] == []
    assert properties["DomainSettings"]["DockerSettings"] == {
        "EnableDockerAccess": "DISABLED",
        "VpcOnlyTrustedAccounts": [],
    }


def test_r_studio_checks_its_licence_out_within_a_boundary_that_lets_it() -> None:
    stack = cdk.Stack(env=ENV)
    boundary = PermissionsBoundary(stack, "Boundary", role_path="/clary/dev/", anywhere=LICENCE_ACTIONS)
    domain(stack, r_studio=RStudioServer(), permissions_boundary=boundary.policy)
    template = assertions.Template.from_stack(stack)

    roles = template.find_resources("AWS::IAM::Role").values()
    (let_through,) = (
        each["Properties"]["PolicyDocument"]["Statement"]
        for name, each in template.find_resources("AWS::IAM::ManagedPolicy").items()
        if name.startswith("Boundary")
    )
    assert all("PermissionsBoundary" in role["Properties"] for role in roles)
    # the licence is Posit's: what is let through on this account's alone would be denied
    without_condition = [
        action for each in let_through if "Condition" not in each for action in each["Action"]
    ]
    assert {*LICENCE_ACTIONS} <= {*without_condition}


def test_is_of_another_kind_on_request() -> None:
    stack = cdk.Stack(env=ENV)
    domain(
        stack,
        sign_in="SSO",
        reaches_internet=True,
        docker=DockerAccess(),
        r_studio=RStudioServer(connect_url="https://connect.example.org"),
        shared_spaces=SharedSpaceDefaults(storage_gib=20, most_storage_gib=50, idle=None),
    )
    template = assertions.Template.from_stack(stack)
    (role,) = (name for name in template.find_resources("AWS::IAM::Role") if "RStudio" in name)
    template.has_resource_properties(
        "AWS::SageMaker::Domain",
        {
            "AuthMode": "SSO",
            "AppNetworkAccessType": "PublicInternetOnly",
            "AppSecurityGroupManagement": "Service",
            "DomainSettings": {
                "DockerSettings": {"EnableDockerAccess": "ENABLED", "VpcOnlyTrustedAccounts": []},
                "RStudioServerProDomainSettings": {
                    "DomainExecutionRoleArn": {"Fn::GetAtt": [role, "Arn"]},
                    "RStudioConnectUrl": "https://connect.example.org",
                },
            },
            "DefaultSpaceSettings": {
                "JupyterLabAppSettings": {
                    "AppLifecycleManagement": {"IdleSettings": {"LifecycleManagement": "DISABLED"}}
                },
                "SpaceStorageSettings": {
                    "DefaultEbsStorageSettings": {
                        "DefaultEbsVolumeSizeInGb": 20,
                        "MaximumEbsVolumeSizeInGb": 50,
                    }
                },
            },
        },
    )


def test_in_a_vpc_docker_pulls_from_our_own_registry_and_those_that_are_trusted() -> None:
    stack = cdk.Stack(env=ENV)
    domain(stack, docker=DockerAccess(trusted_accounts=["444455556666", ENV.account or ""]))
    assertions.Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::Domain",
        {"DomainSettings": {"DockerSettings": {"VpcOnlyTrustedAccounts": ["111122223333", "444455556666"]}}},
    )


def test_offers_an_image_by_its_version() -> None:
    stack = cdk.Stack(env=ENV)
    image = StudioImage(
        stack,
        "Maps",
        name="maps",
        repository=ecr.Repository.from_repository_name(stack, "Repository", "geo"),
        tag="v1",
        applications=["JupyterLab", "CodeEditor"],
        entrypoint=["jupyter-lab"],
        environment={"PROJ_NETWORK": "OFF"},
    )
    domain(stack, images=[image])
    template = assertions.Template.from_stack(stack)
    (version,) = template.find_resources("AWS::SageMaker::ImageVersion")
    offered = {"ImageName": "maps", "ImageVersionNumber": {"Fn::GetAtt": [version, "Version"]}}
    for settings in ("JupyterLabAppSettings", "CodeEditorAppSettings"):
        template.has_resource_properties(
            "AWS::SageMaker::Domain",
            {"DefaultUserSettings": {settings: {"CustomImages": [assertions.Match.object_like(offered)]}}},
        )
    template.has_resource_properties(
        "AWS::SageMaker::AppImageConfig",
        {
            "CodeEditorAppImageConfig": {
                "ContainerConfig": {
                    "ContainerEntrypoint": ["jupyter-lab"],
                    "ContainerEnvironmentVariables": [{"Key": "PROJ_NETWORK", "Value": "OFF"}],
                }
            }
        },
    )


def experiments(prefix: str) -> assertions.Template:
    stack = cdk.Stack(env=ENV)
    ExperimentTracking(
        stack,
        "Experiments",
        name="clary-dev-research",
        team="research",
        bucket=s3.Bucket.from_bucket_name(stack, "Bucket", "data"),
        prefix=prefix,
        encryption_key=kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/1"),
    )
    return assertions.Template.from_stack(stack)


def test_writes_experiments_below_a_prefix_of_their_own() -> None:
    template = experiments("/research/mlflow/")
    template.has_resource(
        "AWS::SageMaker::MlflowApp",
        {
            "Properties": {
                "ArtifactStoreUri": "s3://data/research/mlflow",
                "Tags": [{"Key": "clary:team", "Value": "research"}],
            },
            "DeletionPolicy": "Retain",
        },
    )
    assert "data/research/mlflow/*" in json.dumps(template.find_resources("AWS::IAM::ManagedPolicy"))


def test_refuses_to_write_experiments_all_over_a_bucket() -> None:
    with pytest.raises(ValueError, match="no prefix, give the app a part of the bucket to itself"):
        experiments("/")


GROUP = "94482488-3041-7026-18f3-be45837cd0e4"


def test_lets_groups_of_identity_center_in() -> None:
    stack = cdk.Stack(env=ENV)
    domain(stack, sign_in="SSO").admit(GROUP)
    template = assertions.Template.from_stack(stack)
    (studio,) = template.find_resources("AWS::SageMaker::Domain")
    template.has_resource_properties(
        "AWS::SSO::ApplicationAssignment",
        {
            "ApplicationArn": {"Fn::GetAtt": [studio, "SingleSignOnApplicationArn"]},
            "PrincipalId": GROUP,
            "PrincipalType": "GROUP",
        },
    )


def test_knows_no_groups_where_people_sign_in_with_iam() -> None:
    with pytest.raises(ValueError, match="the domain is opened with IAM, which knows no group '94482488"):
        domain(cdk.Stack(env=ENV)).admit(GROUP)
