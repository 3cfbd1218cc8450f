"""Application Auto Scaling: what it refuses, what it keeps, and variants that grow and shrink by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws, Stacks
from support.scaling import DIMENSION, activities, instances, load, place, scaling
from support.serving import Hall
from support.waiting import eventually

INVOCATIONS = {
    "TargetValue": 50.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    "ScaleInCooldown": 60,
    "ScaleOutCooldown": 60,
}


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, "200000000071", tmp_path_factory.mktemp("hall")) as made:
        yield made


def test_load_scales_a_variant_out_and_quiet_scales_it_in(hall: Hall) -> None:
    hall.serve("busy", hall.variant(hall.model("busy", hall.container(2))))
    scaling(hall).register_scalable_target(**place("busy"), MinCapacity=1, MaxCapacity=2)
    put = scaling(hall).put_scaling_policy(
        **place("busy"),
        PolicyName="invocations",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=INVOCATIONS,
    )
    high, low = (alarm["AlarmName"] for alarm in put["Alarms"])

    with hall.time_scale(120):
        with load(hall, "busy"):
            eventually(lambda: instances(hall, "busy") == 2)
        eventually(lambda: instances(hall, "busy") == 1)
        eventually(lambda: len(activities(hall, "busy")) == 2 and "EndTime" in activities(hall, "busy")[0])

    shrunk, grown = activities(hall, "busy")
    assert high.startswith("TargetTracking-endpoint/busy/variant/main-AlarmHigh-")
    assert grown["Cause"] == f"monitor alarm {high} in state ALARM triggered policy invocations"
    assert grown["StatusMessage"] == (
        "Successfully set desired instance count to 2. Change successfully fulfilled by sagemaker."
    )
    assert shrunk["Cause"] == f"monitor alarm {low} in state ALARM triggered policy invocations"
    assert [one["StatusCode"] for one in (grown, shrunk)] == ["Successful", "Successful"]


def told(local_aws: LocalAws, stack: str) -> list[str]:
    events = local_aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [event.get("ResourceStatusReason", "") for event in events]


@pytest.fixture(scope="module")
def calm(hall: Hall) -> str:
    hall.serve("calm", hall.variant(hall.model("calm", hall.container(2))))
    return "calm"


def test_holds_a_variant_within_its_limits(hall: Hall) -> None:
    hall.serve("held", hall.variant(hall.model("held", hall.container(2))))
    scaling(hall).register_scalable_target(**place("held"), MinCapacity=2, MaxCapacity=3)

    eventually(lambda: instances(hall, "held") == 2)

    assert activities(hall, "held")[0]["Cause"] == "minimum capacity was set to 2"


def test_a_target_takes_its_policies_and_their_alarms_with_it(hall: Hall, calm: str) -> None:
    client, cloudwatch = scaling(hall), hall.client("cloudwatch")
    client.register_scalable_target(**place(calm), MinCapacity=1, MaxCapacity=2)
    put = client.put_scaling_policy(
        **place(calm),
        PolicyName="one",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=INVOCATIONS,
    )
    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    made = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    client.deregister_scalable_target(**place(calm))

    assert sorted((one["Threshold"], one["EvaluationPeriods"], one["Statistic"]) for one in made) == [
        (45.0, 15, "Sum"),
        (50.0, 3, "Sum"),
    ]
    assert cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] == []
    assert client.describe_scaling_policies(**place(calm))["ScalingPolicies"] == []
    with pytest.raises(ClientError, match="No scalable target found for service namespace: sagemaker"):
        client.deregister_scalable_target(**place(calm))


def test_an_endpoint_that_goes_is_no_target_any_more(hall: Hall) -> None:
    hall.serve("gone", hall.variant(hall.model("gone", hall.container(2))))
    scaling(hall).register_scalable_target(**place("gone"), MinCapacity=1, MaxCapacity=2)

    hall.sagemaker.delete_endpoint(EndpointName="gone")

    def targets() -> Any:
        resources = [place("gone")["ResourceId"]]
        return scaling(hall).describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=resources)

    eventually(lambda: targets()["ScalableTargets"] == [])


def test_a_scaled_variant_keeps_its_instance_type(hall: Hall, calm: str) -> None:
    scaling(hall).register_scalable_target(**place(calm), MinCapacity=1, MaxCapacity=2)
    hall.configure("larger", {**hall.variant(calm), "InstanceType": "ml.m5.xlarge"})
    hall.configure("renamed", hall.variant(calm, "other"))

    for configuration in ("larger", "renamed"):
        with pytest.raises(ClientError, match="must be deregistered as scalable targets") as raised:
            hall.sagemaker.update_endpoint(EndpointName=calm, EndpointConfigName=configuration)
        assert '"[main]"' in raised.value.response["Error"]["Message"]


def test_suspended_scaling_does_nothing(hall: Hall) -> None:
    hall.serve("idle", hall.variant(hall.model("idle", hall.container(2))))
    suspended = {"DynamicScalingOutSuspended": True}
    limits = {"MinCapacity": 1, "MaxCapacity": 2}
    scaling(hall).register_scalable_target(**place("idle"), **limits, SuspendedState=suspended)
    step = {"AdjustmentType": "ExactCapacity", "StepAdjustments": [{"ScalingAdjustment": 2}]}
    policy = scaling(hall).put_scaling_policy(
        **place("idle"), PolicyName="two", PolicyType="StepScaling", StepScalingPolicyConfiguration=step
    )
    hall.client("cloudwatch").put_metric_alarm(
        AlarmName="by-hand",
        Namespace="Ours",
        MetricName="Wishes",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    hall.client("cloudwatch").set_alarm_state(AlarmName="by-hand", StateValue="ALARM", StateReason="test")
    # Another target is looked at after this one: what would be scaled has been scaled by then.
    hall.serve("later", hall.variant(hall.model("later", hall.container(2))))
    scaling(hall).register_scalable_target(**place("later"), MinCapacity=2, MaxCapacity=2)
    eventually(lambda: instances(hall, "later") == 2)
    before = activities(hall, "idle")
    scaling(hall).register_scalable_target(
        **place("idle"), SuspendedState={"DynamicScalingOutSuspended": False}
    )

    eventually(lambda: instances(hall, "idle") == 2)
    assert before == []


def test_a_template_makes_the_same_targets_and_policies(local_aws: LocalAws, stacks: Stacks) -> None:
    table = {"ServiceNamespace": "dynamodb", "ResourceId": "table/orders"}
    dimension = "dynamodb:table:ReadCapacityUnits"
    target = {**table, "ScalableDimension": dimension, "MinCapacity": 1, "MaxCapacity": 9}
    tracking = {
        "TargetValue": 70,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
    }
    policy = {
        "PolicyName": "reads",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": tracking,
    }

    stack = stacks.deploy(
        {
            "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
            "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
        },
        outputs={"Target": {"Ref": "Target"}, "Policy": {"Ref": "Policy"}},
    )

    found = local_aws.client("application-autoscaling").describe_scaling_policies(
        **table, ScalableDimension=dimension
    )["ScalingPolicies"]
    assert stack.outputs["Target"] == f"table/orders|{dimension}|dynamodb"
    assert [one["PolicyARN"] for one in found] == [stack.outputs["Policy"]]
    assert found[0]["TargetTrackingScalingPolicyConfiguration"] == tracking
    assert found[0]["Alarms"] == []
    assert any("never scaled, its capacity stays as it was set" in one for one in told(local_aws, stack.name))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ResourceId": "endpoint/none/variant/main"}, "Could not find endpoint"),
        ({"ResourceId": "endpoint/calm/variant/other"}, "Variant other was not found in endpoint"),
        ({"ResourceId": "endpoint/calm"}, "Unsupported service namespace, resource type or scalable dim"),
        ({"ServiceNamespace": "ecs"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"MinCapacity": 3}, "Maximum capacity cannot be less than minimum capacity"),
        ({"MinCapacity": 0}, "must be 1 or higher"),
        ({"ScalableDimension": "sagemaker:variant:Colour"}, "Member must satisfy enum value set"),
    ],
)
def test_refuses_a_target_that_cannot_be_scaled(
    hall: Hall, calm: str, more: dict[str, Any], said: str
) -> None:
    members = {**place(calm), "MinCapacity": 1, "MaxCapacity": 2, **more}

    with pytest.raises(ClientError) as raised:
        scaling(hall).register_scalable_target(**members)

    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert said in raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("configuration", "code", "said"),
    [
        ({"TargetValue": 1}, "ValidationException", "Exactly one of PredefinedMetricSpecification"),
        ({**INVOCATIONS, "TargetValue": 0}, "ValidationException", "must be greater than 0"),
        (
            {
                "TargetValue": 1,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            },
            "ValidationException",
            f"Scalable dimension {DIMENSION} only supports the following predefined metric types",
        ),
        (
            {
                "TargetValue": 1,
                "CustomizedMetricSpecification": {"Metrics": [{"Id": "m", "Expression": "1"}]},
            },
            "NotSupportedOnLocalAws",
            "target tracking by metric math",
        ),
        (INVOCATIONS, "ValidationException", "Only one TargetTrackingScaling policy"),
    ],
)
def test_refuses_a_policy_that_cannot_be_followed(
    hall: Hall, calm: str, configuration: dict[str, Any], code: str, said: str
) -> None:
    client = scaling(hall)
    client.register_scalable_target(**place(calm), MinCapacity=1, MaxCapacity=1)
    policy = {**place(calm), "PolicyType": "TargetTrackingScaling"}
    client.put_scaling_policy(
        **policy, PolicyName="first", TargetTrackingScalingPolicyConfiguration=INVOCATIONS
    )

    with pytest.raises(ClientError, match=said) as raised:
        client.put_scaling_policy(
            **policy, PolicyName="second", TargetTrackingScalingPolicyConfiguration=configuration
        )

    assert raised.value.response["Error"]["Code"] == code


def test_refuses_a_policy_without_a_target(hall: Hall) -> None:
    with pytest.raises(
        ClientError, match="No scalable target registered for service namespace: sagemaker"
    ) as raised:
        scaling(hall).put_scaling_policy(
            **place("nobody"), PolicyName="none", StepScalingPolicyConfiguration={}
        )

    assert raised.value.response["Error"]["Code"] == "ObjectNotFoundException"
