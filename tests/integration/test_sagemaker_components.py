"""Inference components, and the endpoints without models that they are placed on."""

from __future__ import annotations

from typing import Any

import pytest

from support.deployed import LocalAws, Stacks
from support.sagemaker import Workshop, eventually
from support.servicecatalog import refused

SPECIFICATION = {
    "Container": {"Image": "sample:one"},
    "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 256},
}
VARIANT = {
    "VariantName": "main",
    "InitialInstanceCount": 1,
    "InstanceType": "ml.m5.large",
    "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2},
    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
}


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(local_aws, "000000000634", tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def endpoint(workshop: Workshop) -> str:
    client = workshop.sagemaker
    client.create_endpoint_config(
        EndpointConfigName="shelf", ExecutionRoleArn=workshop.role, ProductionVariants=[VARIANT]
    )
    client.create_endpoint(EndpointName="shelf", EndpointConfigName="shelf")
    eventually(lambda: client.describe_endpoint(EndpointName="shelf")["EndpointStatus"] == "InService")
    return "shelf"


def request(endpoint: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "InferenceComponentName": name,
        "EndpointName": endpoint,
        "VariantName": "main",
        "Specification": SPECIFICATION,
        "RuntimeConfig": {"CopyCount": 1},
        **more,
    }


def test_is_made_listed_copied_changed_and_deleted(workshop: Workshop, endpoint: str) -> None:
    client = workshop.sagemaker
    name = {"InferenceComponentName": "book"}
    tags = [{"Key": "team", "Value": "research"}]
    arn = client.create_inference_component(**request(endpoint, "book", Tags=tags))["InferenceComponentArn"]

    described = client.describe_inference_component(**name)
    assert (described["InferenceComponentStatus"], described["VariantName"]) == ("InService", "main")
    assert described["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == "sample:one"
    assert client.list_tags(ResourceArn=arn)["Tags"] == tags
    listed = client.list_inference_components(EndpointNameEquals=endpoint)["InferenceComponents"]
    assert [one["InferenceComponentArn"] for one in listed] == [arn]

    client.update_inference_component_runtime_config(**name, DesiredRuntimeConfig={"CopyCount": 3})
    assert client.describe_inference_component(**name)["RuntimeConfig"]["DesiredCopyCount"] == 3
    changed = {
        "Container": {"Image": "sample:two"},
        "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 512},
    }
    client.update_inference_component(**name, Specification=changed)
    specification = client.describe_inference_component(**name)["Specification"]
    assert specification["Container"]["DeployedImage"]["SpecifiedImage"] == "sample:two"
    assert specification["ComputeResourceRequirements"]["MinMemoryRequiredInMb"] == 512

    with refused("ValidationException", "it has inference components (book)"):
        client.delete_endpoint(EndpointName=endpoint)
    client.delete_inference_component(**name)
    with refused("ValidationException", "Could not find inference component"):
        client.describe_inference_component(**name)


def test_is_refused_where_it_has_no_place_or_no_model(workshop: Workshop, endpoint: str) -> None:
    create = workshop.sagemaker.create_inference_component
    with refused("ValidationException", "Could not find endpoint"):
        create(**request("nowhere", "lost"))
    with refused("ValidationException", "Variant other was not found"):
        create(**request(endpoint, "lost", VariantName="other"))
    with refused("ValidationException", "larger than 0"):
        create(**request(endpoint, "lost", RuntimeConfig={"CopyCount": 0}))
    with refused("ValidationException", "Could not find model"):
        create(**request(endpoint, "lost", Specification={**SPECIFICATION_OF_MODEL}))
    with refused("ValidationException", "base inference component nobody"):
        adapter = {"BaseInferenceComponentName": "nobody", "Container": {"ArtifactUrl": "s3://bucket/key"}}
        create(**request(endpoint, "lost", Specification=adapter))


SPECIFICATION_OF_MODEL = {
    "ModelName": "nobody",
    "ComputeResourceRequirements": SPECIFICATION["ComputeResourceRequirements"],
}


def test_its_endpoint_answers_nobody(workshop: Workshop, endpoint: str) -> None:
    runtime = workshop.client("sagemaker-runtime")
    with refused("ValidationError", "Inference Component Name header is required"):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1")
    with refused("NotSupportedOnLocalAws", "inference-component"):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1", InferenceComponentName="book")


def test_a_configuration_without_models_needs_a_role_and_no_serverless_variant(workshop: Workshop) -> None:
    create = workshop.sagemaker.create_endpoint_config
    with refused("ValidationException", "ExecutionRoleArn must be given"):
        create(EndpointConfigName="roleless", ProductionVariants=[VARIANT])
    serverless = {"VariantName": "main", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    with refused("ValidationException", "must have a ModelName"):
        create(
            EndpointConfigName="serverless", ExecutionRoleArn=workshop.role, ProductionVariants=[serverless]
        )


def test_deploys_with_its_endpoint_and_goes_with_it(
    local_aws: LocalAws, stacks: Stacks, workshop: Workshop
) -> None:
    def resources(copies: int) -> dict[str, Any]:
        return {
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {"ExecutionRoleArn": workshop.role, "ProductionVariants": [VARIANT]},
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
            },
            "Component": {
                "Type": "AWS::SageMaker::InferenceComponent",
                "Properties": {
                    "EndpointName": {"Fn::GetAtt": ["Endpoint", "EndpointName"]},
                    "VariantName": "main",
                    "Specification": SPECIFICATION,
                    "RuntimeConfig": {"CopyCount": copies},
                },
            },
        }

    status = {"Status": {"Fn::GetAtt": ["Component", "InferenceComponentStatus"]}}
    stack = stacks.deploy(resources(1), outputs=status)
    client = local_aws.client("sagemaker")
    (made,) = client.list_inference_components()["InferenceComponents"]
    name = {"InferenceComponentName": made["InferenceComponentName"]}

    assert stack.outputs["Status"] == "InService"
    assert stack.physical_id("Component") == made["InferenceComponentArn"]
    stacks.deploy(resources(2), name=stack.name, outputs=status)
    assert client.describe_inference_component(**name)["RuntimeConfig"]["CurrentCopyCount"] == 2
    local_aws.client("cloudformation").delete_stack(StackName=stack.name)
    eventually(lambda: not client.list_inference_components()["InferenceComponents"])
