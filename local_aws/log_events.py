"""How long what is logged is kept: as long as its group says, and no more than there is room for.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html
AWS takes up to three days to remove what is older than its group's retention; here it goes when somebody
logs something or asks for something, within seconds.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from local_aws import hooks, settings
from local_aws.every import Every

Event = Mapping[str, Any]

_DAY_MILLISECONDS = 24 * 60 * 60 * 1000
_ROOM = 0.9
"""What is left of a group that is full: not every event is to have others removed."""
_TIDYING = Every(2)


def install() -> None:
    hooks.logs.find_log_records_in_streams()
    hooks.logs.watch_log_appends(_tidy)
    usual = hooks.server.service("logs")

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        _tidy()
        return await usual(method, path, headers, body, query)

    hooks.server.add_service("logs", handle)


def _tidy() -> None:
    now = time.time()
    if not _TIDYING.due(now):
        return
    for account, region, group in hooks.logs.log_groups():
        with hooks.request.scope(account, region):
            most = int(settings.current().log_events)
        streams = [stream["events"] for stream in list(group["streams"].values())]
        before = forgotten_before(streams, group.get("retentionInDays"), most, now * 1000)
        if before is not None:
            hooks.logs.drop_log_events(group, before)


def forgotten_before(
    streams: Collection[Sequence[Event]], retention_days: int | None, most: int, now: float
) -> float | None:
    """The time before which a group's events go; None where all of them stay. Times are in milliseconds.

    `streams` have their events by time. Those of one time go or stay together: readers go on by it.
    """
    held = [events for events in streams if events]
    if not held:
        return None
    oldest = min(events[0]["timestamp"] for events in held)
    before = oldest
    if retention_days:
        before = max(before, now - retention_days * _DAY_MILLISECONDS)
    if sum(map(len, held)) > most:
        before = max(before, _newest(held, int(most * _ROOM)))
    return before if before > oldest else None


def _newest(streams: Collection[Sequence[Event]], most: int) -> int:
    """The time since which there are at most so many events; at the latest that of the newest one."""
    first = min(events[0]["timestamp"] for events in streams)
    last = max(events[-1]["timestamp"] for events in streams)
    while first < last:
        middle = (first + last) // 2
        since = sum(len(events) - bisect_left(events, middle, key=_time) for events in streams)
        if since > most:
            first = middle + 1
        else:
            last = middle
    return int(last)


def _time(event: Event) -> int:
    return int(event["timestamp"])
