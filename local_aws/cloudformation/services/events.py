"""EventBridge: what ministack's buses and schedules drop: keys, policies, dead letters, windows of time."""

from __future__ import annotations

import json
from typing import Any

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Properties, reconciles

_SCHEDULE = ("EndDate", "KmsKeyArn", "ScheduleExpressionTimezone", "StartDate")
_BUS = ("DeadLetterConfig", "KmsKeyIdentifier", "LogConfig")


@reconciles("AWS::Events::EventBus")
def reconcile_bus(physical_id: str, properties: Properties, previous: Properties) -> None:
    events = client("events")
    if any(properties.get(name) != previous.get(name) for name in _BUS):
        wanted = {name: properties[name] for name in _BUS if name in properties}
        events.update_event_bus(Name=physical_id, **wanted)
    policy = properties.get("Policy")
    if policy != previous.get("Policy"):
        if policy:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            events.put_permission(EventBusName=physical_id, Policy=text)
        else:
            events.remove_permission(EventBusName=physical_id, RemoveAllPermissions=True)


@reconciles("AWS::Scheduler::Schedule")
def reconcile_schedule(physical_id: str, properties: Properties, previous: Properties) -> None:
    if all(properties.get(name) == previous.get(name) for name in _SCHEDULE):
        return
    # The API replaces a schedule as a whole.
    passed: dict[str, Any] = {
        name: properties[name]
        for name in (
            "Description",
            "FlexibleTimeWindow",
            "GroupName",
            "ScheduleExpression",
            "State",
            "Target",
            *_SCHEDULE,
        )
        if name in properties
    }
    client("scheduler").update_schedule(Name=properties.get("Name", physical_id.rsplit("/", 1)[-1]), **passed)
