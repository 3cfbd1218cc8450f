"""How an endpoint goes from one fleet to the next: all at once, by a canary, in steps, or rolling; and
back, when an alarm says so.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws import settings
from local_aws.errors import invalid
from local_aws.sagemaker.hosting import Fleet, Traffic

_LOOK_SECONDS = 0.2
"""How often alarms are looked at while a fleet bakes."""
_DEFAULT_TIMEOUT = 28_800.0
"""The longest MaximumExecutionTimeoutInSeconds there is."""
_MOST_PERCENT = 50
_LEAST_PERCENT = {"LinearStepSize": 10, "MaximumBatchSize": 5}


class RolledBack(Exception):
    """Why the old fleet serves again."""


class RollbackFailed(Exception):
    """Why it does not: the endpoint is left with instances of both."""


@dataclass(frozen=True)
class Guards:
    """What a deployment tells and asks while it is under way."""

    entered: Callable[[str], None]
    """Told each status of the new variants: ActivatingTraffic, Baking, …"""
    alarmed: Callable[[], Sequence[str]]
    """The alarms that are in the state ALARM."""
    rolling_back: Callable[[], None]


@dataclass(frozen=True)
class Plan:
    """A DeploymentConfig, in this machine's seconds."""

    steps: Sequence[float]
    """The new fleet's share after each step, up to 1."""
    rolling: bool
    wait: float
    termination_wait: float
    timeout: float
    rollback_steps: Sequence[float] = (1.0,)


def plan_of(configuration: Mapping[str, Any], instances: int) -> Plan:
    """What a DeploymentConfig means for a fleet of so many instances."""
    rolling = configuration.get("RollingUpdatePolicy")
    if rolling is not None:
        back = rolling.get("RollbackMaximumBatchSize")
        return Plan(
            _even(_share(rolling["MaximumBatchSize"], instances)),
            rolling=True,
            wait=settings.current().here(rolling["WaitIntervalInSeconds"]),
            termination_wait=0.0,
            timeout=settings.current().here(
                rolling.get("MaximumExecutionTimeoutInSeconds", _DEFAULT_TIMEOUT)
            ),
            rollback_steps=_even(_share(back, instances)) if back else (1.0,),
        )
    policy = configuration.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {})
    steps: Sequence[float] = (1.0,)
    if routing.get("Type") == "CANARY":
        steps = (_share(routing["CanarySize"], instances), 1.0)
    elif routing.get("Type") == "LINEAR":
        steps = _even(_share(routing["LinearStepSize"], instances))
    return Plan(
        steps,
        rolling=False,
        wait=settings.current().here(routing.get("WaitIntervalInSeconds", 0)),
        termination_wait=settings.current().here(policy.get("TerminationWaitInSeconds", 0)),
        timeout=settings.current().here(policy.get("MaximumExecutionTimeoutInSeconds", _DEFAULT_TIMEOUT)),
    )


def check(configuration: Mapping[str, Any]) -> None:
    """Refuses a DeploymentConfig that contradicts itself. Raises `ServiceError`."""
    policy = configuration.get("BlueGreenUpdatePolicy")
    rolling = configuration.get("RollingUpdatePolicy")
    if policy is not None and rolling is not None:
        raise invalid(
            "DeploymentConfig must have one of BlueGreenUpdatePolicy and RollingUpdatePolicy, not both."
        )
    if rolling is not None:
        _check_size("MaximumBatchSize", rolling["MaximumBatchSize"])
        _check_timeout(rolling, rolling["WaitIntervalInSeconds"])
    if policy is not None:
        routing = policy["TrafficRoutingConfiguration"]
        sizes = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
        wanted = sizes.get(routing["Type"])
        for member in sizes.values():
            if member in routing and member != wanted:
                raise invalid(
                    f"{member} must not be given when the traffic routing type is {routing['Type']}."
                )
        if wanted is not None:
            if wanted not in routing:
                raise invalid(f"{wanted} must be given when the traffic routing type is {routing['Type']}.")
            _check_size(wanted, routing[wanted])
        waits = routing["WaitIntervalInSeconds"] + policy.get("TerminationWaitInSeconds", 0)
        _check_timeout(policy, waits)


def check_for(
    configuration: Mapping[str, Any], old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> None:
    """Refuses a DeploymentConfig that does not fit the variants. Raises `ServiceError`.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    """
    rolling = configuration.get("RollingUpdatePolicy")
    routing = configuration.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    guarded = rolling or routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE"
    if not guarded and "AutoRollbackConfiguration" not in configuration:
        return
    names = [{variant["VariantName"] for variant in variants} for variants in (old, new)]
    if names[0] != names[1]:
        raise invalid(
            "The new endpoint configuration must have the same variant names as the old one when a deployment"
            f" configuration is given: it has {_listed(names[1])}, and the old one {_listed(names[0])}."
        )
    if rolling and len(new) > 1:
        raise invalid("Rolling deployments do not support endpoints with several production variants.")
    for variant in (*old, *new):
        if "ServerlessConfig" in variant and rolling:
            raise invalid("Rolling deployments do not support serverless endpoints.")
    counts = [variant["InitialInstanceCount"] for variant in new if "InitialInstanceCount" in variant]
    for member, size in (
        ("CanarySize", routing.get("CanarySize")),
        ("LinearStepSize", routing.get("LinearStepSize")),
        ("MaximumBatchSize", (rolling or {}).get("MaximumBatchSize")),
    ):
        if size and size["Type"] == "INSTANCE_COUNT" and counts and size["Value"] > min(counts) / 2:
            raise invalid(
                f"{member} must be at most {_MOST_PERCENT}% of the variant's instance count, which is"
                f" {min(counts)}: {size['Value']} was given."
            )


def blue_green(traffic: Traffic, old: Fleet, new: Fleet, plan: Plan, guards: Guards) -> None:
    """Hands the traffic from one running fleet to another, both of which go on. Raises `RolledBack`."""
    until = time.monotonic() + plan.timeout
    try:
        for step in plan.steps:
            guards.entered("ActivatingTraffic")
            traffic.share(*((fleet, part) for fleet, part in ((new, step), (old, 1 - step)) if part > 0))
            guards.entered("Baking")
            _bake(plan.wait, until, guards)
        guards.entered("Deleting")
        _wait(plan.termination_wait, until)
    except RolledBack:
        guards.rolling_back()
        traffic.share((old, 1.0))
        raise


def rolling(traffic: Traffic, old: Fleet, new: Fleet, plan: Plan, guards: Guards) -> None:
    """Replaces the instances of one fleet batch by batch. Both have the same variants, and `new` has no
    instances yet. Raises `RolledBack` or `RollbackFailed`."""
    until = time.monotonic() + plan.timeout
    counts = {variant.name: variant.plan.instances for variant in new.variants}
    before = {variant.name: variant.desired for variant in old.variants}
    try:
        for step in plan.steps:
            guards.entered("Creating")
            try:
                _resize(new, counts, step)
            except Exception as error:
                raise RolledBack(str(error)) from error
            guards.entered("ActivatingTraffic")
            traffic.share(*((fleet, part) for fleet, part in ((new, step), (old, 1 - step)) if part > 0))
            guards.entered("Baking")
            _bake(plan.wait, until, guards)
            guards.entered("Deleting")
            _resize(old, before, 1 - step)
    except RolledBack as reason:
        guards.rolling_back()
        _roll_back(traffic, old, new, before, counts, plan, reason)
        raise


def _roll_back(
    traffic: Traffic,
    old: Fleet,
    new: Fleet,
    before: Mapping[str, int],
    counts: Mapping[str, int],
    plan: Plan,
    reason: RolledBack,
) -> None:
    """Gives the old fleet its instances back, batch by batch, and then the traffic."""
    share = max(
        (variant.desired / before[variant.name] for variant in old.variants if before[variant.name]),
        default=0,
    )
    for step in plan.rollback_steps:
        if step <= share:
            continue
        try:
            _resize(old, before, step)
        except Exception as error:
            raise RollbackFailed(f"{reason} The rollback failed: {error}") from error
        traffic.share(*((fleet, part) for fleet, part in ((old, step), (new, 1 - step)) if part > 0))
        _resize(new, counts, 1 - step)
    traffic.share((old, 1.0))


def _resize(fleet: Fleet, counts: Mapping[str, int], share: float) -> None:
    for variant in fleet.variants:
        variant.resize(math.ceil(round(counts[variant.name] * share, 6)))


def _bake(seconds: float, until: float, guards: Guards) -> None:
    """Watches the alarms for so long, and looks at them once at least. Raises `RolledBack`."""
    end = time.monotonic() + seconds
    while True:
        alarmed = guards.alarmed()
        if alarmed:
            raise RolledBack(
                "One or more CloudWatch alarms of the auto-rollback configuration are in the state ALARM:"
                f" {', '.join(alarmed)}."
            )
        left = end - time.monotonic()
        if left <= 0:
            return
        _wait(min(left, _LOOK_SECONDS), until)


def _wait(seconds: float, until: float) -> None:
    """Raises `RolledBack` when the deployment's time is over before."""
    left = until - time.monotonic()
    time.sleep(max(0.0, min(seconds, left)))
    if seconds > left:
        raise RolledBack("The deployment did not end within MaximumExecutionTimeoutInSeconds.")


def _share(size: Mapping[str, Any], instances: int) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        return float(size["Value"]) / 100
    return min(1.0, float(size["Value"]) / max(1, instances))


def _even(step: float) -> Sequence[float]:
    """0.3, 0.6, 0.9, 1."""
    number = math.ceil(round(1 / step, 6))
    return [min(1.0, round(step * count, 6)) for count in range(1, number)] + [1.0]


def _check_size(member: str, size: Mapping[str, Any]) -> None:
    least = _LEAST_PERCENT.get(member, 1)
    if size["Type"] == "CAPACITY_PERCENT" and not least <= size["Value"] <= _MOST_PERCENT:
        raise invalid(
            f"{member} must be between {least}% and {_MOST_PERCENT}% of the variant's capacity:"
            f" {size['Value']} was given."
        )


def _check_timeout(policy: Mapping[str, Any], waits: int) -> None:
    timeout = policy.get("MaximumExecutionTimeoutInSeconds")
    if timeout is not None and timeout <= waits:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds ({timeout}) must be larger than the total waiting time of the"
            f" deployment ({waits})."
        )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
