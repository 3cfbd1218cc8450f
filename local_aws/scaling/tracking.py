"""The alarms of target tracking policies, which come and go with them.

One goes off above the target for three minutes, the other 10 % below it for fifteen.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from local_aws.sagemaker import clients
from local_aws.sagemaker.metrics import ENDPOINTS
from local_aws.scaling import records
from local_aws.scaling.capacity import CAPACITIES, Metric
from local_aws.scaling.records import Place
from local_aws.store import STORE, Record

HIGH, LOW = "AlarmHigh", "AlarmLow"

_LOW_SHARE = 0.9
_PERIOD = 60
_SHORT_PERIOD = 10
"""Of metrics of high resolution, of which one minute is enough to scale out:
https://aws.amazon.com/blogs/machine-learning/unlock-cost-savings-with-the-new-scale-down-to-zero-feature-in-amazon-sagemaker-inference/"""


def make_alarms(policy: Record) -> None:
    """Gives a policy the alarms of its configuration, in place of those that it had."""
    _delete_alarms(policy)
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    target, arn = configuration["TargetValue"], policy["PolicyARN"]
    metric = _predefined(policy)
    fast = metric is not None and metric.high_resolution
    sides = [(HIGH, "GreaterThanThreshold", target, 1 if fast else 3, _PERIOD)]
    if not configuration.get("DisableScaleIn"):
        low = (90, _SHORT_PERIOD) if fast else (15, _PERIOD)
        sides.append((LOW, "LessThanThreshold", target * _LOW_SHARE, *low))
    client = clients.of_account("cloudwatch")
    names = []
    for side, comparison, threshold, periods, seconds in sides:
        name = f"TargetTracking-{policy['ResourceId']}-{side}-{uuid.uuid4()}"
        client.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.",
            AlarmActions=[arn],
            ComparisonOperator=comparison,
            Threshold=threshold,
            EvaluationPeriods=periods,
            Period=seconds,
            **_metric(policy, metric),
        )
        names.append(name)
    found = client.describe_alarms(AlarmNames=names)["MetricAlarms"]
    arns = {alarm["AlarmName"]: alarm["AlarmArn"] for alarm in found}
    policy["Alarms"] = [{"AlarmName": name, "AlarmARN": arns[name]} for name in names]


def _predefined(policy: Record) -> Metric | None:
    given = policy["TargetTrackingScalingPolicyConfiguration"].get("PredefinedMetricSpecification")
    known = CAPACITIES[policy["ScalableDimension"]].metrics
    return known[given["PredefinedMetricType"]] if given else None


def _metric(policy: Record, metric: Metric | None) -> Mapping[str, Any]:
    if metric is None:
        customized = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
        return {
            "Namespace": customized["Namespace"],
            "MetricName": customized["MetricName"],
            "Statistic": customized["Statistic"],
            "Dimensions": customized.get("Dimensions", []),
            **({"Unit": customized["Unit"]} if "Unit" in customized else {}),
        }
    measured = CAPACITIES[policy["ScalableDimension"]].measured(policy["ResourceId"])
    return {
        "Namespace": ENDPOINTS,
        "MetricName": metric.name,
        "Statistic": metric.statistic,
        "Dimensions": [{"Name": name, "Value": value} for name, value in measured.items()],
    }


def remove_policy(policy: Record) -> None:
    STORE.remove(records.POLICY, (*records.place_of(policy), policy["PolicyName"]))
    _delete_alarms(policy)


def remove_target(place: Place) -> None:
    """With a target go its policies and its scheduled actions."""
    STORE.remove(records.TARGET, place)
    for policy in records.policies(place):
        remove_policy(policy)
    for key, _ in STORE.all(records.ACTION):
        if key[:3] == place:
            STORE.remove(records.ACTION, key)


def _delete_alarms(policy: Record) -> None:
    names = [alarm["AlarmName"] for alarm in policy.get("Alarms", ())]
    policy["Alarms"] = []
    if names:
        clients.of_account("cloudwatch").delete_alarms(AlarmNames=names)
