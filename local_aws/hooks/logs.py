"""CloudWatch's logs."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

from ministack.core import responses as _responses
from ministack.services import cloudwatch_logs as _logs

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.core.responses": ("AccountRegionScopedDict", "json_response"),
    "ministack.services.cloudwatch_logs": (
        "_append_log_events",
        "_build_log_record",
        "_create_log_group",
        "_create_log_stream",
        "_event_timestamp",
        "_fanout_to_subscription_filters",
        "_get_log_record",
        "_log_events_lock",
        "_log_groups",
        "_log_records",
        "_metric_filters",
        "_public_log_record",
    ),
}


def log_group_exists(name: str) -> bool:
    """Whether there is a log group of that name in the request's account and region."""
    return name in _logs._log_groups


_log_groups_lock = Lock()


def append_log_lines(group: str, stream: str, lines: Sequence[str]) -> None:
    """Writes lines of now from any thread; makes what is not there."""
    with _log_groups_lock:
        if group not in _logs._log_groups:
            _logs._create_log_group({"logGroupName": group})
        if stream not in _logs._log_groups[group]["streams"]:
            _logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
        found = _logs._log_groups[group]["streams"][stream]
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line, "ingestionTime": now} for line in lines]
    _logs._append_log_events(found, events)
    _logs._fanout_to_subscription_filters(group, stream, events)


def log_groups() -> list[tuple[str, str, dict[str, Any]]]:
    """Account, region and record of each log group."""
    return [(account, where, group) for (account, where, _), group in _logs._log_groups.all_items()]


def drop_log_events(group: Mapping[str, Any], before: float) -> None:
    """Forgets what is older, in milliseconds. Whoever reads a stream just now has the old list."""
    with _logs._log_events_lock:
        for stream in list(group["streams"].values()):
            events = stream["events"]
            first = bisect_left(events, before, key=_logs._event_timestamp)
            if first:
                stream["events"] = events[first:]


def watch_log_appends(appended: Callable[[], None]) -> None:
    """Calls `appended` after events were kept, on whatever thread."""
    usual = _logs._append_log_events

    def append(stream: dict[str, Any], events: list[dict[str, Any]]) -> None:
        usual(stream, events)
        appended()

    _logs._append_log_events = append


class _NoRecords(_responses.AccountRegionScopedDict):  # type: ignore[misc]  # ministack is untyped
    """In place of a second copy of each event, for GetLogRecord; queries make what they miss."""

    __slots__ = ()

    def __setitem__(self, key: str, value: Any) -> None:
        """The stream has it."""


def find_log_records_in_streams() -> None:
    """Has GetLogRecord look for the event when it is asked."""
    refused = _logs._get_log_record

    def get(data: dict[str, Any]) -> Any:
        record = _log_record(data.get("logRecordPointer"))
        if record is None:
            return refused(data)
        return _responses.json_response({"logRecord": _logs._public_log_record(record)})

    _logs._log_records = _NoRecords()
    _logs._get_log_record = get


def _log_record(pointer: str | None) -> dict[str, Any] | None:
    for group_name, group in _logs._log_groups.items():
        for stream_name, stream in list(group["streams"].items()):
            event = next((one for one in stream["events"] if one.get("eventId", "") == pointer), None)
            if event is not None:
                made: dict[str, Any] = _logs._build_log_record(
                    ptr=pointer,
                    timestamp_ms=event["timestamp"],
                    message=event["message"],
                    log_group=group_name,
                    log_stream=stream_name,
                )
                return made
    return None


def watch_log_events(tell: Callable[[list[Mapping[str, Any]], Iterable[str]], None]) -> None:
    """Tells of what is logged where there are metric filters: the group's filters, and the lines."""
    usual = _logs._fanout_to_subscription_filters

    def watched(group_name: str, stream_name: str, events: list[dict[str, Any]]) -> None:
        filters = [each for (group, _), each in _logs._metric_filters.items() if group == group_name]
        if filters:
            tell(filters, (str(event.get("message", "")) for event in events))
        usual(group_name, stream_name, events)

    _logs._fanout_to_subscription_filters = watched
