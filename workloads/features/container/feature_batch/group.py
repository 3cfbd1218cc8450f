"""A feature group, as far as bringing records in needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
class Group:
    name: str
    identifier: str
    event_time: str
    types: Mapping[str, str]
    """`String`, `Integral` or `Fractional` of each feature."""
    online: bool
    history: HistoryPlace | None

    @classmethod
    def described(cls, found: Mapping[str, Any]) -> Group:
        """From what DescribeFeatureGroup answers, with all features; raises Refused."""
        name = found["FeatureGroupName"]
        if found["FeatureGroupStatus"] != "Created":
            raise Refused(f"the feature group '{name}' is {found['FeatureGroupStatus']}, it takes no records")
        several = [each["FeatureName"] for each in found["FeatureDefinitions"] if each.get("CollectionType")]
        if several:
            raise Refused(
                f"'{several[0]}' has several values at once, which a file's columns do not say: put such"
                " records by PutRecord, or send them to the group's queue"
            )
        return cls(
            name,
            found["RecordIdentifierFeatureName"],
            found["EventTimeFeatureName"],
            {each["FeatureName"]: each["FeatureType"] for each in found["FeatureDefinitions"]},
            bool(found.get("OnlineStoreConfig", {}).get("EnableOnlineStore")),
            _history(name, found.get("OfflineStoreConfig")),
        )


def _history(name: str, config: Mapping[str, Any] | None) -> HistoryPlace | None:
    if config is None:
        return None
    if config.get("TableFormat", "Glue") != "Glue":
        raise Refused(
            f"the history of '{name}' is an {config['TableFormat']} table, whose files only its own writers"
            " know: put records by PutRecord, or send them to the group's queue"
        )
    storage, catalog = config["S3StorageConfig"], config.get("DataCatalogConfig", {})
    return HistoryPlace(
        storage["ResolvedOutputS3Uri"].rstrip("/"),
        storage.get("KmsKeyId"),
        catalog.get("Database"),
        catalog.get("TableName"),
    )
