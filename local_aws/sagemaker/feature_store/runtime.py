"""The Feature Store runtime: records are put, read and deleted.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Feature_Store_Runtime.html
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_aws import settings
from local_aws.errors import ServiceError
from local_aws.sagemaker import resources
from local_aws.sagemaker.families import families
from local_aws.sagemaker.feature_store import group as groups
from local_aws.sagemaker.feature_store import offline, values
from local_aws.sagemaker.feature_store.database import Kept, Row, database
from local_aws.sagemaker.feature_store.group import Group
from local_aws.sagemaker.feature_store.values import Values, Written, invalid

Request = Mapping[str, Any]

_ONLINE, _OFFLINE = "OnlineStore", "OfflineStore"
_MOST_READ = 100
"""Records in a batch: https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-quotas.html"""
_MOST_UPDATED = 100
"""Features: API_feature_store_UpdateRecord.html."""
_PAGE = 100
_NOT_FOUND = "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {}"
"""https://github.com/aws/sagemaker-python-sdk/issues/2606"""


def call(operation: str, request: Request) -> dict[str, Any]:
    """Answers an operation, whose request is known to be valid by the model. Raises `ServiceError`."""
    return _OPERATIONS[operation](request)


# --- writing ---------------------------------------------------------------------------------------


def _put(request: Request) -> dict[str, Any]:
    """A record whose event is not the latest goes to the offline store alone."""
    group = _group(request)
    stores = _stores(group, request)
    record = values.written(group, request["Record"], request.get("TtlDuration"))
    now = time.time()
    with database().transaction():
        if _ONLINE in stores:
            database().put(group.store, record, now)
        if _OFFLINE in stores:
            _to_offline(group, record.event, record.values, now)
    _written(stores, record.expires, now)
    return {}


def _update(request: Request) -> dict[str, Any]:
    group = _group(request, missing="ResourceNotFound")
    if group.storage_type not in ("Standard_V2", "InMemory"):
        raise invalid("UpdateRecord needs an OnlineStore of the StorageType Standard_V2 or InMemory.")
    stores, changes = _stores(group, request), request["Features"]
    if len(changes) > _MOST_UPDATED:
        raise invalid(f"No more than {_MOST_UPDATED} features can be updated at once.")
    identifier = values.check_identifier(group, request["RecordIdentifierValueAsString"])
    changed = values.checked(group, changes)
    removed = {one["FeatureName"] for one in changes} - changed.keys()
    ttl = request.get("TtlDuration")
    if changed.get(group.identifier, identifier) != identifier or group.identifier in removed:
        raise invalid(f"The record identifier feature {group.identifier} cannot be updated.")
    if ttl and group.event_time not in changed:
        raise invalid("TtlDuration needs an event time in the request.")
    now = time.time()
    with database().transaction():
        kept = database().get(group.store, identifier, now)
        if kept is None or kept.values is None:
            raise ServiceError("ResourceNotFound", f"There is no record {identifier}.", 404)
        together = {name: one for name, one in (kept.values | changed).items() if name not in removed}
        features = [_as_feature(name, value) for name, value in together.items()]
        record = values.written(group, features, ttl)
        if record.event < kept.event:
            raise ServiceError(
                "ConflictException", "The EventTime is older than the record's current EventTime.", 409
            )
        if not ttl:
            record = Written(record.identifier, record.event, kept.expires, record.values)
        if _ONLINE in stores:
            database().replace(group.store, record)
        if _OFFLINE in stores:
            _to_offline(group, record.event, record.values, now)
    _written(stores, record.expires, now)
    return {}


def _delete(request: Request) -> dict[str, Any]:
    group = _group(request)
    stores = _stores(group, request)
    identifier = values.check_identifier(group, request["RecordIdentifierValueAsString"])
    event = values.event_seconds(group, request["EventTime"])
    now = time.time()
    with database().transaction():
        if _ONLINE in stores:
            if request.get("DeletionMode") == "HardDelete":
                kept = database().get(group.store, identifier, now)
                if kept is not None and event <= kept.event:
                    raise invalid(
                        f"EventTime: {request['EventTime']} is not later than the EventTime of the record in"
                        " the OnlineStore."
                    )
                database().remove(group.store, identifier)
            else:
                database().mark_deleted(group.store, identifier, event, now)
        if _OFFLINE in stores:
            marker: Values = {group.identifier: identifier, group.event_time: request["EventTime"]}
            _to_offline(group, event, marker, now, deleted=True)
    _written(stores, None, now)
    return {}


def _put_batch(request: Request) -> dict[str, Any]:
    """Each entry stands for itself: the others are written when one is refused."""
    errors = []
    for entry in request["Entries"]:
        ttl = entry.get("TtlDuration") or request.get("TtlDuration")
        try:
            _put({**entry, "TtlDuration": ttl})
        except ServiceError as error:
            errors.append({"Entry": entry, "ErrorCode": error.code, "ErrorMessage": error.message})
    return {"Errors": errors, "UnprocessedEntries": []}


def _to_offline(group: Group, event: float, found: Values, now: float, *, deleted: bool = False) -> None:
    database().enqueue(group.store, Row(event, found, now, deleted), _due(now))


def _due(now: float) -> float:
    return now + settings.current().offline_store_seconds


def _written(stores: Sequence[str], expires: float | None, now: float) -> None:
    moments = [_due(now)] if _OFFLINE in stores else []
    if expires is not None:
        moments.append(expires)
    if moments:
        offline.wake(min(moments))


# --- reading ---------------------------------------------------------------------------------------


def _get(request: Request) -> dict[str, Any]:
    """Nothing, without an error, where there is no such record."""
    group = _readable(_group(request, missing="ResourceNotFound"))
    wanted = values.chosen(group, request.get("FeatureNames"))
    identifier = values.check_identifier(group, request["RecordIdentifierValueAsString"])
    kept = database().get(group.store, identifier, time.time())
    return _shown(group, kept, wanted, request)


def _get_batch(request: Request) -> dict[str, Any]:
    asked = sum(len(one["RecordIdentifiersValueAsString"]) for one in request["Identifiers"])
    if asked > _MOST_READ:
        raise invalid(f"No more than {_MOST_READ} records can be read in a batch, {asked} are asked for.")
    found, errors, now = [], [], time.time()
    for one in request["Identifiers"]:
        name = one["FeatureGroupName"]
        for identifier in one["RecordIdentifiersValueAsString"]:
            about = {"FeatureGroupName": name, "RecordIdentifierValueAsString": identifier}
            try:
                group = _readable(_group(one, missing="ResourceNotFound"))
                wanted = values.chosen(group, one.get("FeatureNames"))
                key = values.check_identifier(group, identifier)
            except ServiceError as error:
                errors.append({**about, "ErrorCode": error.code, "ErrorMessage": error.message})
                continue
            shown = _shown(group, database().get(group.store, key, now), wanted, request)
            if shown:
                found.append(about | shown)
    return {"Records": found, "Errors": errors, "UnprocessedIdentifiers": []}


def _list(request: Request) -> dict[str, Any]:
    group = _readable(_group(request, missing="ResourceNotFound"))
    count = int(request.get("MaxResults", _PAGE))
    found = database().identifiers(
        group.store,
        _after(request.get("NextToken")),
        count + 1,
        time.time(),
        deleted=bool(request.get("IncludeSoftDeletedRecords")),
    )
    answer: dict[str, Any] = {"RecordIdentifiers": found[:count]}
    if len(found) > count:
        answer["NextToken"] = base64.urlsafe_b64encode(found[count - 1].encode()).decode()
    return answer


def _after(token: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(token or "").decode()
    except (binascii.Error, ValueError):
        raise invalid("The NextToken is not one of ListRecords.") from None


def _shown(group: Group, kept: Kept | None, wanted: list[str] | None, request: Request) -> dict[str, Any]:
    if kept is None or kept.values is None:
        return {}
    names = group.features if wanted is None else wanted
    shown = [_as_feature(name, kept.values[name]) for name in names if name in kept.values]
    answer: dict[str, Any] = {"Record": shown} if shown else {}
    if kept.expires is not None and request.get("ExpirationTimeResponse") == "Enabled":
        answer["ExpiresAt"] = values.iso(kept.expires)
    return answer


def _as_feature(name: str, value: str | list[str]) -> dict[str, Any]:
    return {
        "FeatureName": name,
        "ValueAsStringList" if isinstance(value, list) else "ValueAsString": value,
    }


# --- groups ----------------------------------------------------------------------------------------


def _group(request: Request, *, missing: str = "ValidationError") -> Group:
    """The group that a request names, by its name or its ARN. Raises `ServiceError`."""
    name = request["FeatureGroupName"]
    family = families()["FeatureGroup"]
    record = (
        resources.by_arn(family, name) if name.startswith("arn:") else resources.get(family.name, (name,))
    )
    if record is None:
        status = 404 if missing == "ResourceNotFound" else 400
        raise ServiceError(missing, _NOT_FOUND.format(name), status)
    group = groups.of_record(record)
    if group.status != "Created":
        raise invalid(f"The FeatureGroup {group.name} is in status {group.status}, it must be Created.")
    return group


def _readable(group: Group) -> Group:
    if not group.online:
        raise invalid(f"The FeatureGroup {group.name} has no OnlineStore.")
    return group


def _stores(group: Group, request: Request) -> list[str]:
    """Where a record goes: to all stores that the group has, or to those that are asked for."""
    has = [store for store, there in ((_ONLINE, group.online), (_OFFLINE, group.offline)) if there]
    for store in request.get("TargetStores") or ():
        if store not in has:
            raise invalid(f"The FeatureGroup {group.name} has no {store}.")
    return list(request.get("TargetStores") or has)


_OPERATIONS: Mapping[str, Callable[[Request], dict[str, Any]]] = {
    "BatchGetRecord": _get_batch,
    "BatchWriteRecord": _put_batch,
    "DeleteRecord": _delete,
    "GetRecord": _get,
    "ListRecords": _list,
    "PutRecord": _put,
    "UpdateRecord": _update,
}
