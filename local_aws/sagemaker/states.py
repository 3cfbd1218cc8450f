"""States that resources go through by themselves: Pending, InService, Updating, Deleting, Failed.

Nothing runs meanwhile: when a state is over is decided as the resource enters it, and whoever looks at
it later finds it in the next one. How long states take is a setting (`local_aws.settings`), by default
no time at all: the next look finds a resource ready.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import StringShape

from local_aws import settings
from local_aws.errors import ServiceError
from local_aws.sagemaker.families import Family
from local_aws.store import STORE, Key, Record

_NEXT = "_next"
_LOCK = threading.RLock()
_LONGEST_REASON = 1024
_KEPT_SECONDS = 24 * 60 * 60
"""Deleted apps are listed for a day: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeApp.html"""

_CREATING = ("Pending", "Creating", "CREATING", "Initializing", "InProgress", "INPROGRESS", "IN_PROGRESS")
_READY = (
    "InService",
    "Active",
    "Available",
    "Created",
    "CREATED",
    "Completed",
    "Ready",
    "Scheduled",
    "CreateCompleted",
)
_UPDATING = ("Updating", "UPDATING", "UpdateInProgress")
_UPDATED = ("Updated", "UpdateCompleted")
_DELETING = ("Deleting", "DELETING", "DeleteInProgress")
_FAILED = ("Failed", "CreateFailed", "CREATE_FAILED", "FAILED")
_STOPPED = ("Stopped", "STOPPED")
_GONE = ("Deleted",)
_SECONDARY = ("AutoMLJobSecondaryStatus", "SecondaryStatus")


@dataclass(frozen=True)
class Cycle:
    """The names that a family's states have; None where it has no such state."""

    member: str
    creating: str | None
    ready: str
    updating: str | None
    updated: str
    deleting: str | None
    failed: str | None
    stopped: str | None


@cache
def cycle(family: Family) -> Cycle | None:
    """The states of a family's resources; None where they have none, or callers set them."""
    member = family.status_member
    if member is None or member in family.accepted:
        return None
    shape = family.described.members[member]
    assert isinstance(shape, StringShape)

    def first(names: Iterable[str]) -> str | None:
        return next((name for name in names if name in shape.enum), None)

    ready = first(_READY) or first(("COMPLETED",))
    if ready is None:
        return None
    return Cycle(
        member=member,
        creating=first(_CREATING),
        ready=ready,
        updating=first(_UPDATING),
        updated=first(_UPDATED) or ready,
        deleting=first(_DELETING),
        failed=first(_FAILED),
        stopped=first(_STOPPED),
    )


def begin(family: Family, record: Record, reason: str | None) -> None:
    """A new resource is on its way to be ready, or to fail for a reason."""
    states = cycle(family)
    if states is None:
        return
    if states.creating is None:
        record[states.member] = states.ready
    elif reason is not None and states.failed is not None:
        change(family, record, states.creating, states.failed, reason=reason)
    else:
        change(family, record, states.creating, states.ready)


def begin_update(family: Family, record: Record) -> None:
    states = cycle(family)
    if states is not None and states.updating is not None:
        # what is changed while it is stopped stays so, as notebook instances do
        stopped = states.stopped is not None and record[states.member] == states.stopped
        change(family, record, states.updating, str(states.stopped) if stopped else states.updated)


def change(
    family: Family,
    record: Record,
    through: str,
    to: str | None,
    *,
    reason: str | None = None,
    members: Mapping[str, Any] | None = None,
) -> None:
    """Enters a state, and the one after it when its time is over, with these members; `to` is None for a
    resource that goes."""
    states = cycle(family)
    assert states is not None
    with _LOCK:
        record.pop("FailureReason", None)
        record[states.member] = through
        record[_NEXT] = {
            "at": time.time() + settings.current().seconds(family.name),
            "status": to,
            "reason": reason and reason[:_LONGEST_REASON],
            "members": members or {},
        }


def begin_deletion(family: Family, key: Key, record: Record) -> None:
    """The resource goes when its state for that is over: at once where states take no time."""
    states = cycle(family)
    if states is None or states.deleting is None:
        STORE.remove(family.kept_as, key)
        return
    stays = family.name == "App"
    change(family, record, states.deleting, _GONE[0] if stays else None)
    if not stays:
        look(family, key, record)


def look(family: Family, key: Key, record: Record) -> Record | None:
    """The resource as it is by now; None when it has gone meanwhile."""
    with _LOCK:
        planned = record.get(_NEXT)
        if planned is None or time.time() < planned["at"]:
            return record
        del record[_NEXT]
        if planned["status"] is None:
            STORE.remove(family.kept_as, key)
            return None
        states = cycle(family)
        assert states is not None
        record[states.member] = planned["status"]
        record.update(planned.get("members", {}))
        for member in _SECONDARY:
            if member in record:
                record[member] = planned["status"]
        record["LastModifiedTime"] = planned["at"]
        if planned["reason"]:
            record["FailureReason"] = planned["reason"]
        if planned["status"] in _GONE:
            record[_NEXT] = {"at": planned["at"] + _KEPT_SECONDS, "status": None, "reason": None}
        return record


def settle(family: Family, key: Key, record: Record) -> str | None:
    """Waits until the resource is in a state that lasts; why it failed, or None."""
    while on_its_way(record):
        time.sleep(min(0.1, max(0.0, record[_NEXT]["at"] - time.time())))
        if look(family, key, record) is None:
            return None
    states = cycle(family)
    if states is not None and states.failed is not None and record.get(states.member) == states.failed:
        return str(record.get("FailureReason") or f"the {family.words} failed")
    update = record.get("LastUpdateStatus") or {}
    return str(update["FailureReason"]) if update.get("Status") == "Failed" else None


def on_its_way(record: Record) -> bool:
    planned = record.get(_NEXT)
    return planned is not None and planned["at"] - time.time() < _KEPT_SECONDS / 2


def gone(family: Family, record: Record) -> bool:
    """Whether a resource is only listed still."""
    states = cycle(family)
    return states is not None and record.get(states.member) in _GONE


def check_steady(family: Family, record: Record, deed: str) -> None:
    """Refuses to change or delete what is on its way already."""
    states = cycle(family)
    if states is None or not on_its_way(record):
        return
    code = "ResourceInUse" if family.declares("Delete", "ResourceInUse") else None
    code = code or (
        "ConflictException" if family.declares("Delete", "ConflictException") else "ValidationException"
    )
    arn, why = record[family.arn_member], f"it is in status {record[states.member]}"
    if (record.get("LastUpdateStatus") or {}).get("Status") == "InProgress":
        why = "another update is in progress"
    raise ServiceError(code, f"Unable to {deed} {family.name} [{arn}] because {why}.")
