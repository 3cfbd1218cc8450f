"""A feature group, as far as bringing records in needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Refused(Exception):
    """Nothing was written, for what is wrong with the group or with the files."""


@dataclass(frozen=True)
class HistoryPlace:
    """Where the files of a history lie, with which key, and the table that finds them."""

    uri: str
    key: str | None
    database: str | None
    table: str | None


@dataclass(frozen=True)
class Collection:
    """A feature with several values at once."""

    kind: str
    """`List`, `Set` or `Vector`."""
    dimension: int | None
    """How many a vector has."""


@dataclass(frozen=True)
class Group:
    name: str
    identifier: str
    event_time: str
    types: Mapping[str, str]
    """`String`, `Integral` or `Fractional` of each feature: of each value, in a collection."""
    online: bool
    history: HistoryPlace | None
    """Where files can be put: none of a group whose history has its own writers."""
    written_by_store: bool = False
    """Whether it has a history that only the store itself writes: a table of Iceberg's."""
    collections: Mapping[str, Collection] = field(default_factory=dict)

    @classmethod
    def described(cls, found: Mapping[str, Any]) -> Group:
        """From what DescribeFeatureGroup answers, with all features; raises Refused."""
        name = found["FeatureGroupName"]
        if found["FeatureGroupStatus"] != "Created":
            raise Refused(f"the feature group '{name}' is {found['FeatureGroupStatus']}, it takes no records")
        return cls(
            name,
            found["RecordIdentifierFeatureName"],
            found["EventTimeFeatureName"],
            {each["FeatureName"]: each["FeatureType"] for each in found["FeatureDefinitions"]},
            bool(found.get("OnlineStoreConfig", {}).get("EnableOnlineStore")),
            _history(found.get("OfflineStoreConfig")),
            found.get("OfflineStoreConfig", {}).get("TableFormat") == "Iceberg",
            {
                each["FeatureName"]: Collection(
                    each["CollectionType"],
                    each.get("CollectionConfig", {}).get("VectorConfig", {}).get("Dimension"),
                )
                for each in found["FeatureDefinitions"]
                if each.get("CollectionType")
            },
        )


def _history(config: Mapping[str, Any] | None) -> HistoryPlace | None:
    if config is None or config.get("TableFormat", "Glue") != "Glue":
        return None
    storage, catalog = config["S3StorageConfig"], config.get("DataCatalogConfig", {})
    return HistoryPlace(
        storage["ResolvedOutputS3Uri"].rstrip("/"),
        storage.get("KmsKeyId"),
        catalog.get("Database"),
        catalog.get("TableName"),
    )
