"""The alarms of an AutoRollbackConfiguration, which bring back what was there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.errors import invalid
from local_aws.sagemaker import clients


def alarm_names(config: Mapping[str, Any]) -> list[str]:
    return [alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", [])]


def check_alarms(config: Mapping[str, Any]) -> None:
    """Refuses alarms that are not there. Raises `ServiceError`."""
    names = alarm_names(config)
    states = _states(names)
    missing = [name for name in names if name not in states]
    if missing:
        raise invalid(
            f"Could not find the CloudWatch alarms of AutoRollbackConfiguration: {', '.join(missing)}."
        )


def alarmed(names: Sequence[str]) -> list[str]:
    """Those that are in the state ALARM."""
    states = _states(names)
    return [name for name in names if states.get(name) == "ALARM"]


def _states(names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}
    found = clients.of_account("cloudwatch").describe_alarms(
        AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    alarms = (*found["MetricAlarms"], *found.get("CompositeAlarms", ()))
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
