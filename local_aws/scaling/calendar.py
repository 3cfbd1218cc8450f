"""Scheduled actions: a target's limits change when the time has come.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
"""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Iterator

from local_aws import settings
from local_aws.scaling import records
from local_aws.schedules import Rate, parse
from local_aws.store import STORE, Record

_NEXT = "_next"


def places() -> Iterator[tuple[str, str]]:
    """The accounts and regions with scheduled actions."""
    return ((account, region) for account, region, _, _ in STORE.everywhere(records.ACTION))


def plan(action: Record, now: float) -> None:
    """Notes when an action is due next: never, where its time is over."""
    start, end = action.get("StartTime"), action.get("EndTime")
    schedule = parse(action["Schedule"], action.get("Timezone"))
    if isinstance(schedule, Rate):
        # A rate is a time of waiting, which is shorter here where that is set.
        schedule = Rate(settings.current().here(schedule.seconds))
    moment = datetime.datetime.fromtimestamp(max(now, start or 0.0), datetime.UTC)
    found = schedule.after(moment)
    due = found.timestamp() if found else None
    action[_NEXT] = None if due is None or (end is not None and due > end) else due


def keep_appointments(now: float) -> None:
    """Does what is due: once, however long nobody has looked."""
    for key, action in STORE.all(records.ACTION):
        if _NEXT not in action:
            plan(action, now)
        due = action[_NEXT]
        if due is None or now < due:
            continue
        target = records.target(key[:3])  # type: ignore[arg-type]  # an action's key begins with its place
        if target is not None and not target["SuspendedState"]["ScheduledScalingSuspended"]:
            _act(action, target)
        plan(action, now)


def _act(action: Record, target: Record) -> None:
    """What is not given of the limits stays, and gives way where the other one passes it."""
    given = action["ScalableTargetAction"]
    least = given.get("MinCapacity", target["MinCapacity"])
    most = given.get("MaxCapacity", target["MaxCapacity"])
    if least > most:
        least, most = (least, least) if "MinCapacity" in given else (most, most)
    target.update(MinCapacity=least, MaxCapacity=most)
    said = [
        f"{words} capacity to {given[member]}"
        for words, member in (("min", "MinCapacity"), ("max", "MaxCapacity"))
        if member in given
    ]
    now = round(time.time(), 3)
    activity: Record = {
        "ActivityId": str(uuid.uuid4()),
        **{member: target[member] for member in records.PLACE},
        "Description": f"Setting {' and '.join(said)}",
        "Cause": f"scheduled action name {action['ScheduledActionName']} was triggered",
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Successful",
        "StatusMessage": f"Successfully set {' and '.join(said)}",
    }
    STORE.add(records.ACTIVITY, (activity["ActivityId"],), activity)
