"""What alarms mean for a capacity, and when: time is a number here."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.scaling import dimensions, engine
from local_aws.scaling.rules import Cooldown, Limits, fault_of_steps, scale_in, scale_out, stepped, tracked

LIMITS = Limits(1, 10)
GROWN_FROM_TWO = Cooldown(outwards=True, before=2, ends=100)
SHRUNK_FROM_FIVE = Cooldown(outwards=False, before=5, ends=100)


def steps(*bounds: tuple[float | None, float | None, int], kind: str = "ChangeInCapacity") -> dict[str, Any]:
    adjustments = []
    for lower, upper, change in bounds:
        step: dict[str, Any] = {"ScalingAdjustment": change}
        if lower is not None:
            step["MetricIntervalLowerBound"] = lower
        if upper is not None:
            step["MetricIntervalUpperBound"] = upper
        adjustments.append(step)
    return {"AdjustmentType": kind, "StepAdjustments": adjustments}


@pytest.mark.parametrize(
    ("capacity", "value", "wanted"), [(2, 90, 4), (2, 51, 3), (2, 50, 2), (4, 20, 2), (3, 0, 0), (0, 90, 0)]
)
def test_tracking_keeps_the_metric_at_its_target(capacity: int, value: float, wanted: int) -> None:
    assert tracked(50, value)(capacity) == wanted


def test_the_largest_capacity_that_is_wanted_wins_within_the_limits() -> None:
    assert scale_out(2, [lambda _: 3, lambda _: 5], LIMITS, None, 0) == 5
    assert scale_out(2, [lambda _: 99], LIMITS, None, 0) == 10
    assert scale_in(5, [lambda _: 0, lambda _: 3], LIMITS, None, 0) == 3
    assert scale_in(5, [lambda _: 0], LIMITS, None, 0) == 1


def test_nothing_is_scaled_to_where_it_is() -> None:
    assert scale_out(10, [lambda _: 11], LIMITS, None, 0) is None
    assert scale_in(1, [lambda _: 0], LIMITS, None, 0) is None
    assert scale_out(3, [], LIMITS, None, 0) is None
    assert scale_in(3, [], LIMITS, None, 0) is None


def test_what_a_scale_out_has_added_counts_while_it_cools_down() -> None:
    def more(capacity: int) -> int:
        return capacity + 2

    def many_more(capacity: int) -> int:
        return capacity + 4

    assert scale_out(4, [more], LIMITS, GROWN_FROM_TWO, 99) is None
    assert scale_out(4, [many_more], LIMITS, GROWN_FROM_TWO, 99) == 6
    assert scale_out(4, [more], LIMITS, GROWN_FROM_TWO, 100) == 6


def test_a_scale_in_that_cools_down_holds_up_the_next_one_alone() -> None:
    assert scale_in(4, [lambda _: 2], LIMITS, SHRUNK_FROM_FIVE, 99) is None
    assert scale_in(4, [lambda _: 2], LIMITS, SHRUNK_FROM_FIVE, 100) == 2
    assert scale_out(4, [lambda _: 6], LIMITS, SHRUNK_FROM_FIVE, 99) == 6


@pytest.mark.parametrize(("breach", "wanted"), [(0, 3), (9.9, 3), (10, 4), (500, 4)])
def test_a_step_above_the_threshold_begins_at_its_lower_bound(breach: float, wanted: int) -> None:
    want = stepped(steps((0, 10, 1), (10, None, 2)), breach, above=True)

    assert want is not None
    assert want(2) == wanted


@pytest.mark.parametrize(("breach", "wanted"), [(0, 4), (-9.9, 4), (-10, 3), (-500, 3)])
def test_a_step_below_the_threshold_begins_at_its_upper_bound(breach: float, wanted: int) -> None:
    want = stepped(steps((-10, 0, -1), (None, -10, -2)), breach, above=False)

    assert want is not None
    assert want(5) == wanted


def test_no_step_is_for_what_lies_outside_of_all() -> None:
    assert stepped(steps((5, 10, 1)), 4, above=True) is None


@pytest.mark.parametrize(
    ("capacity", "percent", "least", "wanted"),
    [(10, 127, 0, 22), (10, 4, 0, 11), (10, -4, 0, 9), (20, -33, 0, 14), (10, 10, 3, 13), (10, -10, 3, 7)],
)
def test_a_percentage_is_rounded_as_aws_rounds_it(
    capacity: int, percent: int, least: int, wanted: int
) -> None:
    policy = {**steps((0, None, percent), kind="PercentChangeInCapacity"), "MinAdjustmentMagnitude": least}

    want = stepped(policy, 1, above=True)

    assert want is not None
    assert want(capacity) == wanted


def test_an_exact_capacity_is_what_it_says() -> None:
    want = stepped(steps((0, None, 4), kind="ExactCapacity"), 1, above=True)

    assert want is not None
    assert want(9) == 4


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"StepAdjustments": [{"ScalingAdjustment": 1}]}, "AdjustmentType"),
        ({"AdjustmentType": "ChangeInCapacity"}, "At least one StepAdjustment"),
        (steps((0, 10, 1), (5, None, 2)), "overlap"),
        (steps((0, 10, 1), (15, None, 2)), "gap"),
        (steps((10, 0, 1)), "must be less than"),
        (steps((0, None, -1), kind="ExactCapacity"), "must not be negative"),
        ({**steps((0, None, 1)), "MinAdjustmentMagnitude": 2}, "only supported for the adjustment type"),
    ],
)
def test_refuses_steps_that_contradict_themselves(policy: dict[str, Any], said: str) -> None:
    fault = fault_of_steps(policy)

    assert fault is not None
    assert said in fault


def test_takes_steps_on_both_sides_of_a_threshold() -> None:
    assert fault_of_steps(steps((None, -10, -2), (-10, 0, -1), (0, None, 1))) is None


# --- who is called, and who agrees -----------------------------------------------------------------


def tracking(name: str, **more: Any) -> dict[str, Any]:
    return {
        "PolicyARN": f"arn:{name}",
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 100.0, **more},
    }


def alarm(policy: str, threshold: float, state: str = "ALARM", **more: Any) -> dict[str, Any]:
    """One that has never seen a value: its threshold stands for it."""
    return {
        "AlarmName": f"{policy}-alarm",
        "AlarmArn": f"arn:alarm:{policy}",
        "AlarmActions": [f"arn:{policy}"],
        "OKActions": [],
        "StateValue": state,
        "Threshold": threshold,
        "ComparisonOperator": "LessThanThreshold",
        **more,
    }


def test_an_alarm_calls_the_policies_of_its_state() -> None:
    policies = [tracking("one"), tracking("two")]
    found = [
        alarm("one", 10),
        alarm("two", 10, state="OK"),
        alarm("two", 10, ActionsEnabled=False),
        alarm("somebody", 10),
    ]

    calls = engine.called(policies, found)

    assert [call.policy["PolicyName"] for call in calls] == ["one"]
    assert calls[0].cause == "monitor alarm one-alarm in state ALARM triggered policy one"


def test_tracking_policies_scale_in_together_or_not_at_all() -> None:
    policies = [tracking("one"), tracking("two"), tracking("outwards", DisableScaleIn=True)]
    one, both = [alarm("one", 10)], [alarm("one", 10), alarm("two", 60)]

    alone = engine.called(policies, one)
    together = engine.called(policies, both)

    assert engine.scaling_in(alone, alone, policies, 10) == []
    assert [call.want(10) for call in engine.scaling_in(together, together, policies, 10)] == [1, 6]


def test_cooldowns_are_five_minutes_unless_a_policy_says_otherwise() -> None:
    usual, quick = (
        engine.called([policy], [alarm("one", 10)])[0]
        for policy in (tracking("one"), tracking("one", ScaleInCooldown=7, ScaleOutCooldown=3))
    )

    assert usual.cooldown(outwards=True) == usual.cooldown(outwards=False) == 300
    assert (quick.cooldown(outwards=True), quick.cooldown(outwards=False)) == (3, 7)


def test_every_dimension_of_the_service_acts_or_says_why_not() -> None:
    from local_aws.scaling.operations import _model

    known = _model().shape_for("ScalableDimension").enum

    assert sorted([*dimensions.ACTING, *dimensions.NOT_ACTING]) == sorted(known)


@pytest.mark.parametrize(
    ("place", "fits"),
    [
        (("sagemaker", "endpoint/a/variant/b", dimensions.INSTANCES), True),
        (("sagemaker", "endpoint/a/variant/b/c", dimensions.INSTANCES), False),
        (("ecs", "endpoint/a/variant/b", dimensions.INSTANCES), False),
        (("dynamodb", "table/a/index/b", "dynamodb:index:ReadCapacityUnits"), True),
        (("dynamodb", "table/a/index/b", "dynamodb:table:ReadCapacityUnits"), False),
        (("ecs", "service/cluster", "ecs:service:DesiredCount"), False),
    ],
)
def test_a_resource_must_be_one_of_its_dimension(place: tuple[str, str, str], fits: bool) -> None:
    assert dimensions.fits(*place) is fits
