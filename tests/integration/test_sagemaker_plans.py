"""Experiments on endpoints, deployments to devices and bought capacity, through boto3 and from a template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.sagemaker.families import families
from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.sagemaker import Workshop
from support.service_model import create_request
from support.servicecatalog import refused

ACCOUNT = "000000000633"


@pytest.fixture(scope="module")
def sagemaker(local_aws: LocalAws) -> Any:
    return local_aws.client("sagemaker", ACCOUNT)


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(local_aws, ACCOUNT, tmp_path_factory.mktemp("workshop")) as made:
        yield made


def experiment(workshop: Workshop, name: str) -> dict[str, Any]:
    """A request, for a model that is there."""
    workshop.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=workshop.role, PrimaryContainer={"Image": workshop.image}
    )
    machines = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": machines}
    shadow = {"ShadowModelVariantName": "new", "SamplingPercentage": 10}
    return {
        "Name": name,
        "Type": "ShadowMode",
        "RoleArn": workshop.role,
        "EndpointName": "houses",
        "ModelVariants": [
            {"ModelName": name, "VariantName": variant, "InfrastructureConfig": infrastructure}
            for variant in ("old", "new")
        ],
        "ShadowModeConfig": {"SourceModelVariantName": "old", "ShadowModelVariants": [shadow]},
    }


def test_an_experiment_is_made_tagged_stopped_and_deleted(workshop: Workshop) -> None:
    client = workshop.sagemaker
    arn = client.create_inference_experiment(
        **experiment(workshop, "trial"), Tags=[{"Key": "team", "Value": "research"}]
    )["InferenceExperimentArn"]

    described = client.describe_inference_experiment(Name="trial")
    assert (described["Arn"], described["Status"]) == (arn, "Running")
    assert described["EndpointMetadata"]["EndpointName"] == "houses"
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "research"}]
    with refused("ConflictException", "is in status Running"):
        client.delete_inference_experiment(Name="trial")
    client.stop_inference_experiment(
        Name="trial", ModelVariantActions={"old": "Retain"}, DesiredState="Cancelled"
    )
    assert client.describe_inference_experiment(Name="trial")["Status"] == "Cancelled"
    client.delete_inference_experiment(Name="trial")
    with refused("ResourceNotFound"):
        client.describe_inference_experiment(Name="trial")


def test_a_stack_makes_changes_and_stops_an_experiment(stacks_workshop: Workshop, stacks: Stacks) -> None:
    workshop = stacks_workshop
    properties = experiment(workshop, "stacked")
    made = {"Type": "AWS::SageMaker::InferenceExperiment", "Properties": properties}
    status = {"Fn::GetAtt": ["Trial", "Status"]}
    stack = stacks.deploy({"Trial": made}, outputs={"Status": status})

    assert stack.outputs["Status"] == "Running"
    changed = {**made, "Properties": {**properties, "Description": "more of it"}}
    stacks.deploy({"Trial": changed}, name=stack.name)
    described = workshop.sagemaker.describe_inference_experiment(Name="stacked")
    assert (described["Description"], described["Status"]) == ("more of it", "Running")
    other = {"Type": "AWS::SageMaker::Experiment", "Properties": {"ExperimentName": "stacked"}}
    stacks.deploy({"Other": other}, name=stack.name)
    with refused("ResourceNotFound"):
        workshop.sagemaker.describe_inference_experiment(Name="stacked")


def test_an_experiment_with_a_model_that_is_not_there_fails_its_stack(
    workshop: Workshop, stacks: Stacks
) -> None:
    properties = experiment(workshop, "elsewhere")  # in another account than the stack
    made = {"Type": "AWS::SageMaker::InferenceExperiment", "Properties": properties}
    with pytest.raises(DeploymentFailed, match="Could not find model"):
        stacks.deploy({"Trial": made})


def test_a_deployment_plan_is_made_listed_and_deleted(sagemaker: Any) -> None:
    sagemaker.create_device_fleet(**create_request(families()["DeviceFleet"]))
    sagemaker.create_edge_packaging_job(**create_request(families()["EdgePackagingJob"]))
    asked = create_request(families()["EdgeDeploymentPlan"])
    stage = {
        "StageName": "first",
        "DeviceSelectionConfig": {"DeviceSubsetType": "PERCENTAGE", "Percentage": 10},
    }
    sagemaker.create_edge_deployment_plan(**asked, Stages=[stage])
    name = {"EdgeDeploymentPlanName": asked["EdgeDeploymentPlanName"]}

    (described,) = sagemaker.describe_edge_deployment_plan(**name)["Stages"]
    assert described["DeploymentStatus"]["StageStatus"] == "READYTODEPLOY"
    listed = sagemaker.list_edge_deployment_plans()["EdgeDeploymentPlanSummaries"]
    assert [one["EdgeDeploymentPlanName"] for one in listed] == list(name.values())
    with refused("NotSupportedOnLocalAws", "StartEdgeDeploymentStage"):
        sagemaker.start_edge_deployment_stage(**name, StageName="first")
    sagemaker.delete_edge_deployment_plan(**name)
    with refused("ResourceNotFound"):
        sagemaker.describe_edge_deployment_plan(**name)


def test_a_training_plan_is_searched_for_and_bought(sagemaker: Any) -> None:
    asked = {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 2, "DurationHours": 48}
    (offered,) = sagemaker.search_training_plan_offerings(**asked)["TrainingPlanOfferings"]

    sagemaker.create_training_plan(
        TrainingPlanName="plan", TrainingPlanOfferingId=offered["TrainingPlanOfferingId"]
    )

    described = sagemaker.describe_training_plan(TrainingPlanName="plan")
    assert (described["Status"], described["TotalInstanceCount"]) == ("Active", 2)
    active = sagemaker.list_training_plans(Filters=[{"Name": "Status", "Value": "Active"}])
    assert [one["TrainingPlanName"] for one in active["TrainingPlanSummaries"]] == ["plan"]
    with refused("ResourceNotFound", "tpo-made-up"):
        sagemaker.create_training_plan(TrainingPlanName="x", TrainingPlanOfferingId="tpo-made-up")
