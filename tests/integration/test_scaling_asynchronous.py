"""An asynchronous endpoint scales in to nothing, and wakes up for a request that waits.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.deployed import LocalAws
from support.scaling import activities, instances, place, scaling
from support.serving import Hall
from support.waiting import eventually


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, "200000000072", tmp_path_factory.mktemp("hall")) as made:
        yield made


def test_an_asynchronous_endpoint_goes_to_sleep_and_wakes_for_a_request(hall: Hall) -> None:
    hall.serve(
        "sleeper",
        hall.variant(hall.model("sleeper", hall.container(3))),
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{hall.bucket}/out"}},
    )
    scaling(hall).register_scalable_target(**place("sleeper"), MinCapacity=0, MaxCapacity=1)
    scaling(hall).put_scaling_policy(
        **place("sleeper"),
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [{"Name": "EndpointName", "Value": "sleeper"}],
                "Statistic": "Average",
            },
        },
    )
    wake = scaling(hall).put_scaling_policy(
        **place("sleeper"),
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "Cooldown": 150,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    hall.client("cloudwatch").put_metric_alarm(
        AlarmName="somebody-waits",
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": "sleeper"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[wake["PolicyARN"]],
    )

    with hall.time_scale(120):
        eventually(lambda: instances(hall, "sleeper") == 0)
        sent = hall.runtime.invoke_endpoint_async(EndpointName="sleeper", Body=b"7", ContentType="text/csv")
        eventually(lambda: instances(hall, "sleeper") == 1)

    assert hall.object(sent["OutputLocation"]) == b"21.0"
    woken = next(one for one in activities(hall, "sleeper") if "policy wake" in one["Cause"])
    assert woken["Cause"] == "monitor alarm somebody-waits in state ALARM triggered policy wake"
