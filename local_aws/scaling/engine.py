"""Acts on alarms and on schedules: looks at those of every registered target, and sets its capacity."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local_aws import alarms, metrics, settings
from local_aws.sagemaker import clients
from local_aws.sagemaker.metrics import ENDPOINTS, count
from local_aws.scaling import calendar, dimensions, records, rules, tracking
from local_aws.scaling.capacity import CAPACITIES, Capacity, State
from local_aws.store import STORE, Record
from local_aws.watch import Watch

_AGAIN_SECONDS = 60.0
"""An alarm that stays in its state calls its policy once a minute.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html"""
_COOLDOWN = 300
"""The default for what SageMaker has."""
_ACTIONS = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


@dataclass(frozen=True)
class Call:
    """A policy that an alarm calls now."""

    policy: Record
    alarm: Mapping[str, Any]
    want: rules.Wanted
    tracks: bool

    @property
    def cause(self) -> str:
        return (
            f"monitor alarm {self.alarm['AlarmName']} in state {self.alarm['StateValue']} triggered policy"
            f" {self.policy['PolicyName']}"
        )

    def cooldown(self, *, outwards: bool) -> int:
        if self.tracks:
            configuration = self.policy["TargetTrackingScalingPolicyConfiguration"]
            return int(configuration.get("ScaleOutCooldown" if outwards else "ScaleInCooldown", _COOLDOWN))
        return int(self.policy["StepScalingPolicyConfiguration"].get("Cooldown", _COOLDOWN))


def start() -> None:
    """Watches from now on, for as long as something is registered."""
    _WATCH.start()


def _places() -> set[tuple[str, str]]:
    return {(account, region) for account, region, _ in _acting()} | set(calendar.places())


def _acting() -> list[tuple[str, str, Record]]:
    return [found for found in records.everywhere() if dimensions.acts(found[2]["ScalableDimension"])]


def _look(now: float) -> None:
    calendar.keep_appointments(now)
    targets = [one for _, one in STORE.all(records.TARGET) if dimensions.acts(one["ScalableDimension"])]
    found = list(_alarms()) if targets else []
    for target in targets:
        state = _capacity(target).state(target["ResourceId"])
        if state is None:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-delete.html
            tracking.remove_target(records.place_of(target))
            continue
        if not state.steady:
            continue
        _finish(target, state, now)
        if state.desired is not None:
            _attend(target, state.desired, found, now)


def _capacity(target: Record) -> Capacity:
    return CAPACITIES[target["ScalableDimension"]]


def _alarms() -> list[Mapping[str, Any]]:
    pages = clients.of_account("cloudwatch").get_paginator("describe_alarms")
    return [alarm for page in pages.paginate(AlarmTypes=["MetricAlarm"]) for alarm in page["MetricAlarms"]]


def _attend(target: Record, current: int, found: Sequence[Mapping[str, Any]], now: float) -> None:
    """Scales a target by its limits, or by what its policies want, where one of these asks for it."""
    limits = rules.Limits(target["MinCapacity"], target["MaxCapacity"])
    suspended = target["SuspendedState"]
    policies = records.policies(records.place_of(target))
    if current:
        _tell_quiet(policies, _capacity(target), target["ResourceId"])
    held = limits.hold(current)
    if held != current:
        side = "minimum" if held > current else "maximum"
        _scale(target, current, held, f"{side} capacity was set to {held}", 0)
        return
    calls = called(policies, found)
    rested = [
        call
        for call in calls
        if now - target.get("_acted", {}).get(call.policy["PolicyARN"], 0)
        >= settings.current().here(_AGAIN_SECONDS)
    ]
    cooldown = rules.Cooldown(**target["_cooldown"]) if "_cooldown" in target else None
    outs = (
        []
        if suspended["DynamicScalingOutSuspended"]
        else [call for call in rested if call.want(current) > current]
    )
    wanted = rules.scale_out(current, [call.want for call in outs], limits, cooldown, now)
    if wanted is None and not outs and not suspended["DynamicScalingInSuspended"]:
        outs = scaling_in(rested, calls, policies, current)
        wanted = rules.scale_in(current, [call.want for call in outs], limits, cooldown, now)
    if wanted is not None:
        chosen = max(outs, key=lambda call: call.want(current))
        seconds = chosen.cooldown(outwards=wanted > current)
        target["_acted"] = {**target.get("_acted", {}), chosen.policy["PolicyARN"]: now}
        _scale(target, current, wanted, chosen.cause, seconds)


def called(policies: Sequence[Record], found: Sequence[Mapping[str, Any]]) -> list[Call]:
    """Which policies are called by an alarm in the state that it is in."""
    by_arn = {policy["PolicyARN"]: policy for policy in policies}
    calls = []
    for alarm in found:
        if not alarm.get("ActionsEnabled", True):
            continue
        for arn in alarm.get(_ACTIONS[alarm["StateValue"]], ()):
            policy = by_arn.get(arn)
            want = _want(policy, alarm) if policy is not None else None
            if policy is not None and want is not None:
                calls.append(Call(policy, alarm, want, policy["PolicyType"] == "TargetTrackingScaling"))
    return calls


def _want(policy: Record, alarm: Mapping[str, Any]) -> rules.Wanted | None:
    values = alarms.values_of(alarm["AlarmArn"])
    # An alarm that was set by hand has perhaps never seen a value.
    value = next((one for one in values if one is not None), alarm["Threshold"])
    if policy["PolicyType"] == "TargetTrackingScaling":
        return rules.tracked(policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"], value)
    above = alarm["ComparisonOperator"].startswith("GreaterThan")
    return rules.stepped(policy["StepScalingPolicyConfiguration"], value - alarm["Threshold"], above=above)


def scaling_in(
    rested: Sequence[Call], calls: Sequence[Call], policies: Sequence[Record], current: int
) -> list[Call]:
    """Who wants less. Target tracking policies only do so together: those that may scale in, all of them."""
    ready = {call.policy["PolicyARN"] for call in calls if call.tracks and call.want(current) < current}
    together = all(
        policy["PolicyARN"] in ready
        for policy in policies
        if policy["PolicyType"] == "TargetTrackingScaling"
        and not policy["TargetTrackingScalingPolicyConfiguration"].get("DisableScaleIn")
    )
    return [
        call
        for call in rested
        if call.want(current) < current and (not call.tracks or (together and _may_scale_in(call)))
    ]


def _may_scale_in(call: Call) -> bool:
    return not call.policy["TargetTrackingScalingPolicyConfiguration"].get("DisableScaleIn")


def _tell_quiet(policies: Sequence[Record], capacity: Capacity, resource: str) -> None:
    """ "If a variant's traffic becomes zero [...] SageMaker emits metrics with a value of zero."
    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-edit.html
    """
    for policy in policies:
        tracked = policy.get("TargetTrackingScalingPolicyConfiguration", {})
        if "PredefinedMetricSpecification" in tracked and policy["Alarms"]:
            values = alarms.values_of(policy["Alarms"][0]["AlarmARN"])
            metric = capacity.metrics[tracked["PredefinedMetricSpecification"]["PredefinedMetricType"]]
            if not values or values[0] is None:
                metrics.record(ENDPOINTS, {metric.name: count(0)}, capacity.measured(resource))


def _scale(target: Record, current: int, wanted: int, cause: str, cooldown: int) -> None:
    capacity = _capacity(target)
    what = f"desired {capacity.words} to {wanted}"
    activity: Record = {
        "ActivityId": str(uuid.uuid4()),
        **{member: target[member] for member in records.PLACE},
        "Description": f"Setting {what}.",
        "Cause": cause,
        "StartTime": round(time.time(), 3),
        "StatusCode": "InProgress",
        "StatusMessage": f"Successfully set {what}. Waiting for change to be fulfilled by sagemaker.",
    }
    STORE.add(records.ACTIVITY, (activity["ActivityId"],), activity)
    try:
        capacity.set(target["ResourceId"], wanted)
    except ClientError as error:
        _end(activity, what, str(error))
        return
    target["_activity"] = {
        "id": activity["ActivityId"],
        "before": current,
        "wanted": wanted,
        "cooldown": cooldown,
    }


def _finish(target: Record, state: State, now: float) -> None:
    """Ends the activity that was under way; its cooldown begins."""
    under_way = target.pop("_activity", None)
    if under_way is None:
        return
    activity = STORE.get(records.ACTIVITY, (under_way["id"],))
    if activity is None:
        return
    what = f"desired {_capacity(target).words} to {under_way['wanted']}"
    if state.desired != under_way["wanted"]:
        _end(activity, what, state.failure)
        return
    _end(activity, what, None)
    target["_cooldown"] = {
        "outwards": under_way["wanted"] > under_way["before"],
        "before": under_way["before"],
        "ends": now + settings.current().here(under_way["cooldown"]),
    }


def _end(activity: Record, what: str, failure: str | None) -> None:
    said = f"Successfully set {what}. Change successfully fulfilled by sagemaker."
    if failure is not None:
        said = f"Failed to set {what}. Reason: {failure}"
    activity.update(
        EndTime=round(time.time(), 3),
        StatusCode="Failed" if failure is not None else "Successful",
        StatusMessage=said,
    )


_WATCH = Watch("scaling", _places, _look)
