"""The offline store: what was put is gathered, and written to S3 as the group's role, with its key.

https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html
"""

from __future__ import annotations

import datetime
import logging
import secrets
import string
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import hooks, settings
from local_aws.iceberg import DataFile
from local_aws.sagemaker import resources
from local_aws.sagemaker.feature_store import parquet, table, values
from local_aws.sagemaker.feature_store.database import Row, database
from local_aws.sagemaker.feature_store.destination import Destination
from local_aws.sagemaker.feature_store.group import STORE_ID
from local_aws.sagemaker.feature_store.iceberg_table import partition_name

logger = logging.getLogger("local_aws.sagemaker")

_AT_ONCE = 50_000
"""Rows that are held while they are sorted into files."""
_EXPIRED_AT_ONCE = 1_000
_RETRY_SECONDS = 5.0
"""Until what S3 has refused is tried again."""
_LONGEST_WAIT_SECONDS = 3600.0
_LONGEST_REASON = 1024

_WAKE = threading.Condition()


@dataclass
class _Thread:
    """The one that writes, while there is anything to do; guarded by `_WAKE`."""

    running: bool = False
    woken: bool = False
    looks_at: float | None = None
    """When it looks again by itself; None while it works."""


_THREAD = _Thread()


# --- the thread that writes ------------------------------------------------------------------------


def wake(at: float = 0.0) -> None:
    """Lets what is due at that time be written, and what expires then go; nothing runs while there is
    neither."""
    with _WAKE:
        if _THREAD.running and _THREAD.looks_at is not None and _THREAD.looks_at <= at:
            return
        _THREAD.woken = True
        _WAKE.notify_all()
        if not _THREAD.running:
            _THREAD.running = True
            hooks.request.in_background(_run, name="feature-store-writer")


def _run() -> None:
    patience: dict[str, float] = {}
    try:
        while True:
            try:
                _expire(time.time())
                soonest = _write_due(patience)
            except Exception:
                logger.exception("the offline store cannot be written")
                soonest = time.time() + _RETRY_SECONDS
            with _WAKE:
                if not _THREAD.woken:
                    if soonest is None:
                        _THREAD.running = False  # while nobody can wake it
                        return
                    _THREAD.looks_at = soonest
                    _WAKE.wait(min(max(0.0, soonest - time.time()), _LONGEST_WAIT_SECONDS))
                    _THREAD.looks_at = None
                _THREAD.woken = False
    except BaseException:
        _THREAD.running = False
        raise


def _write_due(patience: dict[str, float]) -> float | None:
    """Writes what is due; when to look again, or None when nothing waits. `patience`: until when a store
    that cannot be written is left alone."""
    soonest = database().next_expiry()
    for store, due in database().due():
        begins = max(due, patience.get(store, 0.0))
        if begins <= time.time():
            destination = database().destination(store)
            if destination is None:
                continue
            with hooks.request.scope(destination.account, destination.region):
                if write(destination):
                    patience.pop(store, None)
                    continue
                begins = patience[store] = time.time() + settings.current().here(_RETRY_SECONDS)
        soonest = begins if soonest is None else min(soonest, begins)
    return soonest


def write(destination: Destination) -> bool:
    """Writes all that waits for a group; False when it cannot be written now.

    What a file is to have is decided once: whatever fails, the next time writes the same files.
    """
    store = destination.store
    try:
        with parquet.Writer() as writer:
            while files := database().files(store) or _assigned(destination):
                if destination.iceberg and destination.catalog is not None:
                    _publish(writer, destination, files)
                    database().done(store, files)
                else:
                    for file in files:
                        _put(writer, destination, file)
                        database().done(store, [file])
    except (BotoCoreError, ClientError) as error:
        _tell(destination, {"Status": "Blocked", "BlockedReason": str(error)[:_LONGEST_REASON]})
        return False
    _tell(destination, {"Status": "Active"})
    return True


def _assigned(destination: Destination) -> list[str]:
    """Sorts some of the rows that wait into files; none when no row waits."""
    folders = defaultdict(list)
    for one, event in database().unassigned(destination.store, _AT_ONCE):
        folders[_folder(destination, event)].append((one, event))
    with database().transaction():
        for folder, rows in folders.items():
            beginning = f"{secrets.token_hex(4)}/" if destination.iceberg else ""
            name = _file(max(event for _, event in rows))
            database().assign([one for one, _ in rows], f"{beginning}{folder}{name}")
    return database().files(destination.store)


def _folder(destination: Destination, event: float) -> str:
    at = datetime.datetime.fromtimestamp(event, datetime.UTC)
    if not destination.iceberg:
        return at.strftime("year=%Y/month=%m/day=%d/hour=%H/")
    return f"{partition_name(destination)}={at:%Y-%m-%d}/" if destination.dated else ""


def _file(latest: float) -> str:
    at = datetime.datetime.fromtimestamp(latest, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    letters = string.ascii_letters + string.digits
    return f"{at}_{''.join(secrets.choice(letters) for _ in range(16))}.parquet"


def _put(writer: parquet.Writer, destination: Destination, file: str) -> None:
    rows = database().rows(destination.store, file)
    content = writer.content(destination.features.values(), rows, time.time())
    destination.put(f"{destination.uri}/{file}", content)


def _publish(writer: parquet.Writer, destination: Destination, files: list[str]) -> None:
    opened, made = table.opened(destination), []
    for file in files:
        rows, path = database().rows(destination.store, file), f"{destination.uri}/{file}"
        content = writer.content(destination.features.values(), rows, time.time(), opened.columns)
        destination.put(path, content)
        partition = file.partition("=")[2].partition("/")[0] or None
        made.append(DataFile(path, len(rows), len(content), partition))
    table.publish(opened, made)


def _tell(destination: Destination, status: dict[str, str]) -> None:
    """Lets the group say how its offline store is, if it is still there."""
    record = resources.get("FeatureGroup", (destination.group,))
    ours = record is not None and record.get(STORE_ID) == destination.store
    if record is not None and ours and record.get("OfflineStoreStatus") != status:
        record["OfflineStoreStatus"] = status


def _expire(now: float) -> None:
    """What has expired is deleted, and the offline store is told, as of a deletion.

    https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-time-to-live.html
    """
    while True:
        with database().transaction():
            gone = database().take_expired(now, _EXPIRED_AT_ONCE)
            for store, identifier, expired in gone:
                destination = database().destination(store)
                if destination is not None and destination.offline:
                    type_ = destination.features[destination.event_time].type
                    marker: values.Values = {
                        destination.identifier: identifier,
                        destination.event_time: values.event_text(type_, expired),
                    }
                    database().enqueue(store, Row(expired, marker, now, True), now)
        if len(gone) < _EXPIRED_AT_ONCE:
            return
