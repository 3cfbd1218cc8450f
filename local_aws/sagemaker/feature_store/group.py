"""What the store needs to know of a feature group: its features, and where its records go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.store import Record

STORE_ID = "_store"
"""The member that tells a group's records from those of an earlier one of the same name."""

_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400, "Weeks": 604_800}
_KNOWN: dict[str, tuple[Any, Group]] = {}
"""By the store's id: what the group was made of, and the group. One may have 2,500 features."""


@dataclass(frozen=True)
class Feature:
    name: str
    type: str
    """`Integral`, `Fractional` or `String`: of each element, in a collection."""
    collection: str | None
    """`List`, `Set` or `Vector`."""
    dimension: int | None


@dataclass(frozen=True)
class Group:
    name: str
    arn: str
    status: str
    store: str
    identifier: str
    event_time: str
    features: Mapping[str, Feature]
    """In the order of their definition."""
    online: bool
    offline: bool
    storage_type: str
    ttl_seconds: int | None
    key: str | None
    """What encrypts the online store, where it is not AWS's own key."""


def of_record(record: Record) -> Group:
    version = record["LastModifiedTime"], record["FeatureGroupStatus"], len(record["FeatureDefinitions"])
    known = _KNOWN.get(record[STORE_ID])
    if known is not None and known[0] == version:
        return known[1]
    online = record.get("OnlineStoreConfig") or {}
    ttl = online.get("TtlDuration")
    group = Group(
        name=record["FeatureGroupName"],
        arn=record["FeatureGroupArn"],
        status=record["FeatureGroupStatus"],
        store=record[STORE_ID],
        identifier=record["RecordIdentifierFeatureName"],
        event_time=record["EventTimeFeatureName"],
        features={one["FeatureName"]: _feature(one) for one in record["FeatureDefinitions"]},
        online=is_online(record),
        offline="OfflineStoreConfig" in record,
        storage_type=online.get("StorageType", "Standard"),
        ttl_seconds=seconds(ttl) if ttl else None,
        key=(online.get("SecurityConfig") or {}).get("KmsKeyId"),
    )
    _KNOWN[group.store] = (version, group)
    return group


def forget(store: str | None = None) -> None:
    if store is None:
        _KNOWN.clear()
    else:
        _KNOWN.pop(store, None)


def is_online(request: Mapping[str, Any]) -> bool:
    """EnableOnlineStore is false by default: API_OnlineStoreConfig.html."""
    return bool((request.get("OnlineStoreConfig") or {}).get("EnableOnlineStore"))


def seconds(ttl: Mapping[str, Any]) -> int:
    return int(ttl["Value"]) * _SECONDS[ttl["Unit"]]


def _feature(definition: Mapping[str, Any]) -> Feature:
    vector = (definition.get("CollectionConfig") or {}).get("VectorConfig") or {}
    return Feature(
        definition["FeatureName"],
        definition["FeatureType"],
        definition.get("CollectionType"),
        vector.get("Dimension"),
    )
