"""Every resource type of SageMaker's deploys, answers its attributes, and goes again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local_aws.cloudformation.schema import resource_type, type_names
from support.deployed import LocalAws, Stack, Stacks
from support.resource_example import example_of

PREFIX = "AWS::SageMaker::"
OTHERS_TEST = {
    *("Endpoint", "EndpointConfig", "InferenceComponent", "InferenceExperiment", "Model"),
    *("ProcessingJob", "Project"),
}
"""They run something, or need an image or a product for it: tests of their own deploy them."""
TYPES = sorted(name.removeprefix(PREFIX) for name in type_names() if name.startswith(PREFIX))
DEPLOYED = [name for name in TYPES if name not in OTHERS_TEST]

DOMAIN = {"Fn::GetAtt": ["Domain", "DomainId"]}
PARENTS: Mapping[str, tuple[str, ...]] = {
    "App": ("Domain", "UserProfile"),
    "ImageVersion": ("Image",),
    "Space": ("Domain",),
    "UserProfile": ("Domain",),
}
BATCHES = {
    "BatchTransformInput": {
        "DataCapturedDestinationS3Uri": "s3://bucket/captured",
        "DatasetFormat": {"Csv": {"Header": True}},
        "LocalPath": "/opt/ml/processing/input",
    }
}
MONITORED = {"EndpointInput": {"EndpointName": "sample", "LocalPath": "/opt/ml/processing/input"}}
RESOURCES = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}
GIVEN: Mapping[str, Mapping[str, Any]] = {
    "App": {"DomainId": DOMAIN, "UserProfileName": "ada", "AppType": "KernelGateway", "AppName": "a"},
    "FeatureGroup": {
        "FeatureDefinitions": [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "time")],
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "time",
        "OnlineStoreConfig": {"EnableOnlineStore": True},
    },
    "HumanTaskUi": {"UiTemplate": {"Content": "<p>Which is it?</p>"}},
    "Image": {"ImageName": "sample"},
    "ImageVersion": {"ImageName": {"Fn::GetAtt": ["Image", "ImageName"]}},
    "ModelPackage": {"ModelPackageName": "sample"},
    "MonitoringSchedule": {
        "MonitoringScheduleConfig": {
            "MonitoringJobDefinition": {
                "MonitoringAppSpecification": {"ImageUri": "analyzer"},
                "MonitoringInputs": [BATCHES],
                "MonitoringOutputConfig": {
                    "MonitoringOutputs": [{"S3Output": {"LocalPath": "/a", "S3Uri": "s3://bucket/key"}}]
                },
                "MonitoringResources": RESOURCES,
                "RoleArn": "arn:aws:iam::000000000000:role/worker",
            }
        }
    },
    "Pipeline": {"PipelineDefinition": {"PipelineDefinitionBody": '{"Version": "2020-12-01", "Steps": []}'}},
    "Space": {"DomainId": DOMAIN, "SpaceName": "lab"},
    "UserProfile": {"DomainId": DOMAIN, "UserProfileName": "ada"},
    **{
        f"{kind}JobDefinition": {
            f"{kind}JobInput": MONITORED
            | (
                {"GroundTruthS3Input": {"S3Uri": "s3://bucket/key"}}
                if kind in ("ModelBias", "ModelQuality")
                else {}
            ),
            "JobResources": RESOURCES,
        }
        for kind in ("DataQuality", "ModelBias", "ModelExplainability", "ModelQuality")
    },
}
"""What the schemas do not say of a resource."""
NOT_ALWAYS_THERE = {
    "App": {"BuiltInLifecycleConfigArn"},
    "Cluster": {"FailureMessage"},
    "Domain": {
        "SecurityGroupIdForDomainBoundary",
        "SingleSignOnApplicationArn",
        "SingleSignOnManagedApplicationInstanceId",
    },
    "MlflowApp": {"MlflowVersion"},
    "ModelCard": {"ModelCardProcessingStatus"},
    "PartnerApp": {"BaseUrl", "CurrentVersionEolDate"},
    "TrialComponent": {"LineageGroupArn"},
}
"""Attributes that a resource has only where something else is there."""


def resource(name: str) -> dict[str, Any]:
    given = dict(GIVEN.get(name, {}))
    references = {
        key: value for key, value in given.items() if isinstance(value, dict) and "Fn::GetAtt" in value
    }
    texts = given | dict.fromkeys(references, "d-sample")
    return {"Type": PREFIX + name, "Properties": example_of(resource_type(PREFIX + name), texts) | references}


def template(name: str, network: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for one in (*PARENTS.get(name, ()), name):
        made[one] = resource(one)
        if one == "Domain":
            made[one]["Properties"] |= network
        before = list(made)[:-1]
        if before:
            made[one]["DependsOn"] = before
    return made


def attributes(name: str) -> Iterator[Any]:
    yield {"Ref": name}
    type_ = resource_type(PREFIX + name)
    for pointer in type_.read_only:
        text = ".".join(pointer)
        simple = len(pointer) == 1 and type_.definition(pointer).get("type") == "string"
        if simple and text not in NOT_ALWAYS_THERE.get(name, ()):
            yield {"Fn::GetAtt": [name, text]}


@pytest.fixture(scope="module")
def network(local_aws: LocalAws) -> dict[str, Any]:
    ec2 = local_aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.4.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.4.0.0/24")["Subnet"]["SubnetId"]
    return {"VpcId": vpc, "SubnetIds": [subnet]}


@pytest.mark.parametrize("name", DEPLOYED)
def test_deploys_answers_and_is_deleted(
    local_aws: LocalAws, stacks: Stacks, network: dict[str, Any], name: str
) -> None:
    asked = {"All": {"Fn::Join": ["\n", list(attributes(name))]}}

    stack = stacks.deploy(template(name, network), name=f"types-{name}", outputs=asked)

    assert all(stack.outputs["All"].split("\n"))
    cloudformation = local_aws.client("cloudformation")
    identifier = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack.name)
    gone = Stack(local_aws, identifier)
    assert (gone.status, gone.failures) == ("DELETE_COMPLETE", [])
