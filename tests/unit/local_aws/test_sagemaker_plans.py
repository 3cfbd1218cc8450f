"""Experiments on endpoints, deployments to devices, bought capacity and partners' apps: what is told of them
and what is refused, over the store, without a server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import request_validation
from local_aws.errors import ServiceError
from local_aws.sagemaker import control
from local_aws.sagemaker.families import families, operation
from local_aws.store import STORE
from support.service_model import create_request

ROLE = "arn:aws:iam::000000000000:role/worker"


@pytest.fixture(autouse=True)
def empty_store() -> Iterator[None]:
    STORE.clear()
    yield
    STORE.clear()


def call(name: str, **request: Any) -> dict[str, Any]:
    """The answer, which is what the model says."""
    answer = control.call(name, request)
    model = operation(name)
    assert model is not None
    if not name.startswith(("CreateEdge", "DescribeEdge", "ListEdge")):  # no digits in their ARNs' region
        request_validation.check(model.output_shape, answer)
    return answer


def refusal(name: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as raised:
        control.call(name, request)
    return raised.value.code, raised.value.message


# --- inference experiments -------------------------------------------------------------------------


def variant(name: str) -> dict[str, Any]:
    return {
        "ModelName": "sample",
        "VariantName": name,
        "InfrastructureConfig": {
            "InfrastructureType": "RealTimeInference",
            "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        },
    }


def experiment(**more: Any) -> dict[str, Any]:
    STORE.add("Model", ("sample",), {"ModelName": "sample", "ModelArn": "arn", "CreationTime": 0.0})
    shadow = {"ShadowModelVariantName": "new", "SamplingPercentage": 10}
    return {
        "Name": "trial",
        "Type": "ShadowMode",
        "RoleArn": ROLE,
        "EndpointName": "houses",
        "ModelVariants": [variant("old"), variant("new")],
        "ShadowModeConfig": {"SourceModelVariantName": "old", "ShadowModelVariants": [shadow]},
        **more,
    }


def status(name: str = "trial") -> str:
    return str(call("DescribeInferenceExperiment", Name=name)["Status"])


def test_an_experiment_runs_until_it_is_stopped() -> None:
    call("CreateInferenceExperiment", **experiment())
    assert status() == "Running"
    assert refusal("DeleteInferenceExperiment", Name="trial")[0] == "ConflictException"

    call("UpdateInferenceExperiment", Name="trial", Description="ten in a hundred")
    assert status() == "Running"
    actions = {"old": "Remove", "new": "Promote"}
    call("StopInferenceExperiment", Name="trial", ModelVariantActions=actions, Reason="the new one is better")

    described = call("DescribeInferenceExperiment", Name="trial")
    assert (described["Status"], described["StatusReason"]) == ("Completed", "the new one is better")
    assert described["Description"] == "ten in a hundred"
    ended = call("ListInferenceExperiments", StatusEquals="Completed")["InferenceExperiments"]
    assert [one["Name"] for one in ended] == ["trial"]
    assert refusal("StopInferenceExperiment", Name="trial", ModelVariantActions=actions)[0] == (
        "ConflictException"
    )
    call("DeleteInferenceExperiment", Name="trial")
    assert refusal("DescribeInferenceExperiment", Name="trial")[0] == "ResourceNotFound"


def test_an_experiment_of_a_later_time_is_started_by_hand() -> None:
    call("CreateInferenceExperiment", **experiment(Schedule={"StartTime": time.time() + 3600}))
    assert status() == "Created"

    call("StartInferenceExperiment", Name="trial")

    assert status() == "Running"
    assert refusal("StartInferenceExperiment", Name="trial")[0] == "ConflictException"


def test_an_experiment_is_about_variants_that_it_has_and_models_that_are_there() -> None:
    unknown = {**variant("new"), "ModelName": "nobody"}
    assert (
        "Could not find model"
        in refusal("CreateInferenceExperiment", **experiment(ModelVariants=[variant("old"), unknown]))[1]
    )
    shadow = {"ShadowModelVariantName": "old", "SamplingPercentage": 10}
    for source, words in (("older", "older is not among"), ("old", "old can not be both")):
        config = {"SourceModelVariantName": source, "ShadowModelVariants": [shadow]}
        code, message = refusal("CreateInferenceExperiment", **experiment(ShadowModeConfig=config))
        assert (code, words in message) == ("ValidationException", True)


# --- edge deployment plans -------------------------------------------------------------------------


def plan(**more: Any) -> None:
    for name in ("DeviceFleet", "EdgePackagingJob"):
        control.call(f"Create{name}", create_request(families()[name]))
    call("CreateEdgeDeploymentPlan", **create_request(families()["EdgeDeploymentPlan"]) | more)


def stage(name: str, **selection: Any) -> dict[str, Any]:
    return {"StageName": name, "DeviceSelectionConfig": selection}


def test_a_deployment_plan_has_stages_that_are_added_and_removed() -> None:
    plan(Stages=[stage("first", DeviceSubsetType="PERCENTAGE", Percentage=10)])

    second = stage("second", DeviceSubsetType="NAMECONTAINS", DeviceNameContains="door")
    call("CreateEdgeDeploymentStage", EdgeDeploymentPlanName="a-name", Stages=[second])
    call("DeleteEdgeDeploymentStage", EdgeDeploymentPlanName="a-name", StageName="first")

    (left,) = call("DescribeEdgeDeploymentPlan", EdgeDeploymentPlanName="a-name")["Stages"]
    assert (left["StageName"], left["DeploymentStatus"]["StageStatus"]) == ("second", "READYTODEPLOY")
    listed = call("ListEdgeDeploymentPlans", DeviceFleetNameContains="a-n")["EdgeDeploymentPlanSummaries"]
    assert [one["EdgeDeploymentPlanName"] for one in listed] == ["a-name"]
    started = refusal("StartEdgeDeploymentStage", EdgeDeploymentPlanName="a-name", StageName="second")
    assert started[0] == "NotSupportedOnLocalAws"


def test_a_deployment_plan_is_for_a_fleet_that_is_there_and_says_which_devices() -> None:
    asked = create_request(families()["EdgeDeploymentPlan"])
    assert refusal("CreateEdgeDeploymentPlan", **asked)[0] == "ResourceNotFound"
    plan()

    unsaid = stage("first", DeviceSubsetType="SELECTION")
    request = {"EdgeDeploymentPlanName": "a-name", "Stages": [unsaid]}

    assert "DeviceNames must be given" in refusal("CreateEdgeDeploymentStage", **request)[1]


# --- training plans --------------------------------------------------------------------------------


def offering(**more: Any) -> str:
    asked = {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 2, "DurationHours": 48, **more}
    (found,) = call("SearchTrainingPlanOfferings", **asked)["TrainingPlanOfferings"]
    return str(found["TrainingPlanOfferingId"])


def test_a_training_plan_is_what_was_offered() -> None:
    call("CreateTrainingPlan", TrainingPlanName="now", TrainingPlanOfferingId=offering())
    later = offering(StartTimeAfter=time.time() + 3600)
    call("CreateTrainingPlan", TrainingPlanName="later", TrainingPlanOfferingId=later)

    described = call("DescribeTrainingPlan", TrainingPlanName="now")
    assert (described["Status"], described["TotalInstanceCount"], described["DurationHours"]) == (
        "Active",
        2,
        48,
    )
    assert call("DescribeTrainingPlan", TrainingPlanName="later")["Status"] == "Scheduled"
    scheduled = call("ListTrainingPlans", Filters=[{"Name": "Status", "Value": "Scheduled"}])
    assert [one["TrainingPlanName"] for one in scheduled["TrainingPlanSummaries"]] == ["later"]
    soon = call("ListTrainingPlans", StartTimeBefore=time.time() + 60)["TrainingPlanSummaries"]
    assert [one["TrainingPlanName"] for one in soon] == ["now"]


def test_nothing_is_bought_that_was_not_offered() -> None:
    code, message = refusal("CreateTrainingPlan", TrainingPlanName="x", TrainingPlanOfferingId="tpo-made-up")

    assert (code, "tpo-made-up" in message) == ("ResourceNotFound", True)


def test_nothing_is_offered_that_does_not_fit_into_the_time() -> None:
    asked = {"InstanceType": "ml.p5.48xlarge", "DurationHours": 48, "EndTimeBefore": time.time() + 3600}

    assert call("SearchTrainingPlanOfferings", **asked)["TrainingPlanOfferings"] == []


# --- partner apps ----------------------------------------------------------------------------------


def test_a_partner_app_is_known_by_its_arn_and_named_once() -> None:
    asked = {"Name": "watch", "Type": "comet", "ExecutionRoleArn": ROLE, "Tier": "small", "AuthType": "IAM"}
    arn = call("CreatePartnerApp", **asked)["Arn"]

    assert call("DescribePartnerApp", Arn=arn)["Status"] == "Available"
    assert refusal("CreatePartnerApp", **asked)[0] == "ConflictException"
    call("UpdatePartnerApp", Arn=arn, Tier="large", AppVersion="3.1", ClientToken="once")
    described = call("DescribePartnerApp", Arn=arn)
    assert (described["Tier"], described["Version"]) == ("large", "3.1")
    assert "IdcConfig must be given" in refusal("UpdatePartnerApp", Arn=arn, AuthType="IDC")[1]
    call("DeletePartnerApp", Arn=arn)
    assert call("ListPartnerApps")["Summaries"] == []
