"""EventBridge: events, schedules, and the tasks of state machines."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack.services import eventbridge as _events
from ministack.services import scheduler as _scheduler

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.eventbridge": (
        "_SCHEDULER_TICK_INTERVAL",
        "_archives",
        "_invoke_target",
        "_put_events",
        "_rules",
    ),
    "ministack.services.scheduler": ("_SCHEDULE_TICK_INTERVAL", "_schedules", "_tick_schedules"),
    "ministack.services.stepfunctions": (
        "_AWS_SDK_ERROR_CODE_OVERRIDES",
        "_AWS_SDK_ERROR_PREFIX",
        "_AWS_SDK_SERVICE_MAP",
        "_ExecutionError",
        "_SERVICE_DISPATCH",
    ),
}


def expects_events() -> bool:
    """Whether anything in the account and region of now would do something with a service's event."""
    return any(True for store in (_events._rules, _events._archives) for _ in store)


def put_service_event(source: str, detail_type: str, resources: Sequence[str], detail: Any) -> None:
    """Puts what a service of AWS's has to tell on the default bus, from where rules take it."""
    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Resources": list(resources),
        "Detail": json.dumps(detail),
    }
    _events._put_events({"Entries": [entry]}, allow_aws_source=True)


def keep_schedules(keep: Callable[[], None], seconds: float) -> None:
    """Calls `keep` so often, in place of what looks after EventBridge Scheduler's schedules; rules with a
    schedule are looked at as often."""
    _scheduler._tick_schedules = keep
    _scheduler._SCHEDULE_TICK_INTERVAL = seconds
    _events._SCHEDULER_TICK_INTERVAL = seconds


def schedules() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Account, region, key and record of EventBridge Scheduler's schedules, in every account."""
    return [(*key, record) for key, record in list(_scheduler._schedules._data.items())]


def remove_schedule(account: str, in_region: str, key: str) -> None:
    _scheduler._schedules._data.pop((account, in_region, key), None)


def add_state_tasks(
    services: Mapping[str, tuple[str, str, str]],
    codes: Mapping[str, Mapping[str, str]],
    tasks: Mapping[str, Callable[[str, Any], Any]],
) -> None:
    """What state machines may call beyond what ministack lets them.

    `services`: by the name in `aws-sdk:<name>:…`, the service's own, the prefix of its targets and that of
    its errors; `codes`: what its errors are called; `tasks`: by the beginning of a resource,
    `task(resource, parameters)`, which raises what `task_failure` makes.
    """
    states = importlib.import_module("ministack.services.stepfunctions")  # heavy: not before it is used
    for name, (service_name, target, prefix) in services.items():
        known = {"target_prefix": target, "protocol": "json", "service_key": service_name}
        states._AWS_SDK_SERVICE_MAP[name] = known
        states._AWS_SDK_ERROR_PREFIX[name] = prefix
    states._AWS_SDK_ERROR_CODE_OVERRIDES.update(codes)
    states._SERVICE_DISPATCH.update(tasks)


def task_failure(error: str, cause: str) -> Exception:
    """What ends a task of a state machine, to be retried or caught by its name."""
    states = importlib.import_module("ministack.services.stepfunctions")
    failure: Exception = states._ExecutionError(error, cause)
    return failure


def invoke_event_target(
    target: Mapping[str, Any], event: Mapping[str, Any], schedule: Mapping[str, Any]
) -> None:
    """Sends an event to a function, a queue, a topic or a state machine, as a rule does."""
    _events._invoke_target(target, event, schedule)
