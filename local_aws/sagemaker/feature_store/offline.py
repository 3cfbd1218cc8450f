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
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import hooks, settings
from local_aws.sagemaker import clients, resources
from local_aws.sagemaker.feature_store import parquet, values
from local_aws.sagemaker.feature_store.database import Row, database
from local_aws.sagemaker.feature_store.group import STORE_ID, Feature
from local_aws.store import Record

logger = logging.getLogger("local_aws.sagemaker")

_AT_ONCE = 50_000
"""Rows that are held while they are sorted into files."""
_EXPIRED_AT_ONCE = 1_000
_RETRY_SECONDS = 5.0
"""Until what S3 has refused is tried again."""
_LONGEST_WAIT_SECONDS = 3600.0
_LONGEST_REASON = 1024

_WAKE = threading.Condition()
_STATE: dict[str, Any] = {"running": False, "woken": False}


def uri(record: Record, epoch: int) -> str:
    """Where a group's files are: ResolvedOutputS3Uri."""
    parent = record["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].rstrip("/")
    where = f"{hooks.account_id()}/sagemaker/{hooks.region()}/offline-store"
    return f"{parent}/{where}/{record['FeatureGroupName']}-{epoch}/data"


def direct(record: Record) -> None:
    """Notes where and how a group's records are written, for as long as any of them is not."""
    offline = record.get("OfflineStoreConfig")
    storage = (offline or {}).get("S3StorageConfig", {})
    database().direct(
        record[STORE_ID],
        {
            "account": hooks.account_id(),
            "region": hooks.region(),
            "group": record["FeatureGroupName"],
            "features": [
                [one["FeatureName"], one["FeatureType"], one.get("CollectionType")]
                for one in record["FeatureDefinitions"]
            ],
            "identifier": record["RecordIdentifierFeatureName"],
            "event_time": record["EventTimeFeatureName"],
            "offline": offline is not None,
            "role": record.get("RoleArn"),
            "uri": storage.get("ResolvedOutputS3Uri"),
            "key": storage.get("KmsKeyId"),
        },
    )


# --- the thread that writes ------------------------------------------------------------------------


def wake() -> None:
    """Lets what is due be written, and what has expired go; nothing runs while there is neither."""
    with _WAKE:
        _STATE["woken"] = True
        _WAKE.notify_all()
        if not _STATE["running"]:
            _STATE["running"] = True
            hooks.in_background(_run, name="feature-store-writer")


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
                if not _STATE["woken"] and soonest is None:
                    _STATE["running"] = False
                    return
                if not _STATE["woken"] and soonest is not None:
                    _WAKE.wait(min(max(0.0, soonest - time.time()), _LONGEST_WAIT_SECONDS))
                _STATE["woken"] = False
    except BaseException:
        _STATE["running"] = False
        raise


def _write_due(patience: dict[str, float]) -> float | None:
    """Writes what is due; when to look again, or None when nothing waits. `patience`: until when a store
    that cannot be written is left alone."""
    soonest = database().next_expiry()
    for store, due in database().due():
        begins = max(due, patience.get(store, 0.0))
        if begins <= time.time():
            told = database().destination(store)
            if told is None:
                continue
            with hooks.scope(told["account"], told["region"]):
                if _write(store, told):
                    patience.pop(store, None)
                    continue
                begins = patience[store] = time.time() + settings.current().here(_RETRY_SECONDS)
        soonest = begins if soonest is None else min(soonest, begins)
    return soonest


def _write(store: str, told: Mapping[str, Any]) -> bool:
    """Writes all that waits for a store; False when it cannot be written now."""
    while ids := database().unassigned(store, _AT_ONCE):
        hours = defaultdict(list)
        for one, event in ids:
            hours[datetime.datetime.fromtimestamp(event, datetime.UTC).strftime(_PARTITION)].append(
                (one, event)
            )
        for hour, rows in hours.items():
            database().assign([one for one, _ in rows], f"{hour}/{_file(max(event for _, event in rows))}")
    try:
        with parquet.Writer() as writer:
            for file in database().files(store):
                _put(writer, told, file, database().rows(store, file))
                database().done(store, file)
    except (BotoCoreError, ClientError) as error:
        _tell(store, told["group"], {"Status": "Blocked", "BlockedReason": str(error)[:_LONGEST_REASON]})
        return False
    _tell(store, told["group"], {"Status": "Active"})
    return True


_PARTITION = "year=%Y/month=%m/day=%d/hour=%H"


def _file(latest: float) -> str:
    at = datetime.datetime.fromtimestamp(latest, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    letters = string.ascii_letters + string.digits
    return f"{at}_{''.join(secrets.choice(letters) for _ in range(16))}.parquet"


def _put(writer: parquet.Writer, told: Mapping[str, Any], file: str, rows: list[Row]) -> None:
    features = [Feature(name, type_, collection, None) for name, type_, collection in told["features"]]
    place = urlsplit(told["uri"])
    encryption = {"SSEKMSKeyId": told["key"]} if told["key"] else {}
    clients.as_role(told["role"]).s3.put_object(
        Bucket=place.netloc,
        Key=f"{place.path.strip('/')}/{file}",
        Body=writer.content(features, rows, time.time()),
        ACL="bucket-owner-full-control",
        ServerSideEncryption="aws:kms",
        **encryption,
    )


def _tell(store: str, name: str, status: dict[str, str]) -> None:
    """Lets the group say how its offline store is, if it is still there."""
    record = resources.get("FeatureGroup", (name,))
    if record is not None and record.get(STORE_ID) == store and record.get("OfflineStoreStatus") != status:
        record["OfflineStoreStatus"] = status


def _expire(now: float) -> None:
    """What has expired is deleted, and the offline store is told, as of a deletion.

    https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-time-to-live.html
    """
    while True:
        with database().transaction():
            gone = database().take_expired(now, _EXPIRED_AT_ONCE)
            for store, identifier, expired in gone:
                told = database().destination(store)
                if told is not None and told["offline"]:
                    types = {name: type_ for name, type_, _ in told["features"]}
                    at = values.event_text(types[told["event_time"]], expired)
                    marker: values.Values = {told["identifier"]: identifier, told["event_time"]: at}
                    database().enqueue(store, Row(expired, marker, now, True), now)
        if len(gone) < _EXPIRED_AT_ONCE:
            return
