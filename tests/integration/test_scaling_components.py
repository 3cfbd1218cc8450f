"""Inference components, provisioned concurrency and schedules: what else scales, and by what.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws
from support.scaling import instances, place, scaling
from support.serving import Hall
from support.waiting import eventually

COPIES = "sagemaker:inference-component:DesiredCopyCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, "200000000073", tmp_path_factory.mktemp("hall")) as made:
        yield made


def of_component(name: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{name}",
        "ScalableDimension": COPIES,
    }


def copies(hall: Hall, name: str) -> int:
    described = hall.sagemaker.describe_inference_component(InferenceComponentName=name)
    return int(described["RuntimeConfig"]["CurrentCopyCount"])


def activities(hall: Hall, resource: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scaling(hall).describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=resource
    )["ScalingActivities"]
    return found


@pytest.fixture(scope="module")
def component(hall: Hall) -> str:
    """A component with one copy, on an endpoint that may have no instances."""
    managed = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    variant = {
        "VariantName": "main",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "ManagedInstanceScaling": managed,
    }
    hall.serve("shelf", variant, ExecutionRoleArn=hall.role)
    needs = {"MinMemoryRequiredInMb": 128}
    hall.sagemaker.create_inference_component(
        InferenceComponentName="book",
        EndpointName="shelf",
        Specification={"Container": hall.container(3), "ComputeResourceRequirements": needs},
        RuntimeConfig={"CopyCount": 1},
    )
    eventually(lambda: copies(hall, "book") == 1)
    return "book"


def test_a_component_goes_to_sleep_with_its_instances_and_wakes_for_a_request(
    hall: Hall, component: str
) -> None:
    client, target = scaling(hall), of_component(component)
    client.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    tracked = {
        "TargetValue": 50.0,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"
        },
    }
    client.put_scaling_policy(
        **target,
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracked,
    )
    step = {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 60,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }
    wake = client.put_scaling_policy(
        **target, PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=step
    )
    hall.client("cloudwatch").put_metric_alarm(
        AlarmName="somebody-asks",
        Namespace="AWS/SageMaker",
        MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": component}],
        Statistic="Maximum",
        Period=30,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[wake["PolicyARN"]],
    )

    def answered() -> bool:
        try:
            return hall.ask("shelf", "2", InferenceComponentName=component) == "6.0"
        except ClientError as error:
            if "no capacity to process this request" not in str(error):
                raise
            return False

    with hall.time_scale(60):
        eventually(lambda: copies(hall, component) == 0)
        asleep = instances(hall, "shelf")
        eventually(answered)
    causes = [one["Cause"] for one in activities(hall, target["ResourceId"])]
    client.deregister_scalable_target(**target)

    assert asleep == 0
    assert instances(hall, "shelf") == 1
    assert any(cause.endswith("triggered policy wake") for cause in causes)


def test_concurrency_is_tracked_by_alarms_of_short_periods(hall: Hall, component: str) -> None:
    client, target = scaling(hall), of_component(component)
    client.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    kind = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"

    put = client.put_scaling_policy(
        **target,
        PolicyName="busy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": kind},
        },
    )

    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    made = hall.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    client.deregister_scalable_target(**target)
    assert {one["MetricName"] for one in made} == {"ConcurrentRequestsPerCopy"}
    assert sorted((one["Period"], one["EvaluationPeriods"]) for one in made) == [(10, 90), (60, 1)]


def test_provisioned_concurrency_is_kept_within_its_limits(hall: Hall) -> None:
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 3, "ProvisionedConcurrency": 1}
    model = hall.model("ready", hall.container(2))
    hall.serve("ready", {"VariantName": "main", "ModelName": model, "ServerlessConfig": serverless})
    target = {**place("ready"), "ScalableDimension": PROVISIONED}
    with pytest.raises(ClientError, match="between 1 and its MaxConcurrency, which is 3"):
        scaling(hall).register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)

    scaling(hall).register_scalable_target(**target, MinCapacity=2, MaxCapacity=3)

    def provisioned() -> int:
        variant = hall.settled("ready")["ProductionVariants"][0]
        return int(variant["CurrentServerlessConfig"]["ProvisionedConcurrency"])

    eventually(lambda: provisioned() == 2)
    eventually(lambda: "EndTime" in activities(hall, target["ResourceId"])[0])
    assert activities(hall, target["ResourceId"])[0]["Description"] == (
        "Setting desired provisioned concurrency to 2."
    )


def test_a_schedule_changes_how_many_instances_there_are(hall: Hall) -> None:
    hall.serve("daily", hall.variant(hall.model("daily", hall.container(2))))
    scaling(hall).register_scalable_target(**place("daily"), MinCapacity=1, MaxCapacity=2)
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    soon = datetime.datetime.now(tokyo) + datetime.timedelta(seconds=3)

    scaling(hall).put_scheduled_action(
        **place("daily"),
        ScheduledActionName="morning",
        Schedule=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        Timezone="Asia/Tokyo",
        ScalableTargetAction={"MinCapacity": 2},
    )
    eventually(lambda: instances(hall, "daily") == 2)

    by_limit, by_schedule = activities(hall, place("daily")["ResourceId"])
    assert by_schedule["Cause"] == "scheduled action name morning was triggered"
    assert by_schedule["StatusMessage"] == "Successfully set min capacity to 2"
    assert by_limit["Cause"] == "minimum capacity was set to 2"


def test_refuses_a_schedule_that_says_no_time(hall: Hall, component: str) -> None:
    target = of_component(component)
    scaling(hall).register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)

    for schedule, zone in (("cron(0 9 * * *)", "UTC"), ("rate(1 day)", "Europe/Atlantis")):
        with pytest.raises(ClientError, match="Invalid schedule"):
            scaling(hall).put_scheduled_action(
                **target,
                ScheduledActionName="never",
                Schedule=schedule,
                Timezone=zone,
                ScalableTargetAction={"MinCapacity": 1},
            )
