"""What an alarm means for a capacity. Nothing here looks at a clock or at a service.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Wanted = Callable[[int], int]
"""The capacity that a policy wants, from the capacity that there is."""

_TINY = 1e-9


@dataclass(frozen=True)
class Limits:
    least: int
    most: int

    def hold(self, capacity: int) -> int:
        return max(self.least, min(self.most, capacity))


@dataclass(frozen=True)
class Cooldown:
    """What the last activity has changed, until that has taken effect."""

    outwards: bool
    before: int
    """The capacity from which it has scaled."""
    ends: float


def scale_out(
    current: int, wants: Sequence[Wanted], limits: Limits, cooldown: Cooldown | None, now: float
) -> int | None:
    """The largest capacity that is wanted, where it is more than the current one.

    While a scale-out cools down, what it has added counts as part of what the next one wants; a
    scale-in that cools down holds nothing up.
    """
    cooling = cooldown is not None and cooldown.outwards and now < cooldown.ends
    start = cooldown.before if cooldown is not None and cooling else current
    wanted = max((limits.hold(want(start)) for want in wants), default=current)
    return wanted if wanted > current else None


def scale_in(
    current: int, wants: Sequence[Wanted], limits: Limits, cooldown: Cooldown | None, now: float
) -> int | None:
    """The largest capacity that is wanted, where it is less than the current one and no scale-in cools
    down."""
    if cooldown is not None and not cooldown.outwards and now < cooldown.ends:
        return None
    wanted = max((limits.hold(want(current)) for want in wants), default=current)
    return wanted if wanted < current else None


def tracked(target: float, value: float) -> Wanted:
    """Capacity in proportion to a metric of which more capacity makes less. From nothing it makes
    nothing: waking up takes a step."""
    return lambda capacity: math.ceil(capacity * value / target - _TINY)


def stepped(policy: Mapping[str, Any], breach: float, *, above: bool) -> Wanted | None:
    """`breach`: by how much the metric is above the alarm's threshold, or below it. None where no step
    is for so much."""
    for step in policy["StepAdjustments"]:
        lower = step.get("MetricIntervalLowerBound", -math.inf)
        upper = step.get("MetricIntervalUpperBound", math.inf)
        # Of an alarm that goes off below its threshold, the bound next to the threshold is the upper one.
        if (lower <= breach < upper) if above else (lower < breach <= upper):
            adjustment = step["ScalingAdjustment"]
            return lambda capacity: _adjusted(policy, adjustment, capacity)
    return None


def _adjusted(policy: Mapping[str, Any], adjustment: int, capacity: int) -> int:
    if policy["AdjustmentType"] == "ExactCapacity":
        return adjustment
    if policy["AdjustmentType"] == "ChangeInCapacity":
        return capacity + adjustment
    change = capacity * adjustment / 100
    # 12.7 is 12, -6.67 is -6, and what is between 0 and 1 is 1, on either side.
    whole = math.trunc(change) or int(math.copysign(1, change) if change else 0)
    magnitude = max(abs(whole), policy.get("MinAdjustmentMagnitude", 0))
    return capacity + int(math.copysign(magnitude, adjustment))


def fault_of_steps(policy: Mapping[str, Any]) -> str | None:
    """Why AWS would refuse the steps of a policy."""
    steps = policy.get("StepAdjustments") or ()
    if not policy.get("AdjustmentType"):
        return "You must specify an AdjustmentType for policy type: StepScaling"
    if not steps:
        return "At least one StepAdjustment must be specified for policy type: StepScaling"
    bounds = sorted(
        (
            step.get("MetricIntervalLowerBound", -math.inf),
            step.get("MetricIntervalUpperBound", math.inf),
        )
        for step in steps
    )
    for lower, upper in bounds:
        if lower == -math.inf and upper == math.inf and len(bounds) > 1:
            return "A step without bounds must be the only step adjustment"
        if lower >= upper:
            return (
                "StepAdjustment MetricIntervalLowerBound must be less than the MetricIntervalUpperBound:"
                f" {lower:g}, {upper:g}"
            )
    for (_, ends), (begins, _) in pairwise(bounds):
        if begins < ends:
            return "StepAdjustment intervals can't overlap"
        if begins > ends:
            return "There can't be a gap between StepAdjustment intervals"
    if policy["AdjustmentType"] == "ExactCapacity" and any(step["ScalingAdjustment"] < 0 for step in steps):
        return "ScalingAdjustment must not be negative for the adjustment type ExactCapacity"
    if "MinAdjustmentMagnitude" in policy and policy["AdjustmentType"] != "PercentChangeInCapacity":
        return "MinAdjustmentMagnitude is only supported for the adjustment type PercentChangeInCapacity"
    return None
