"""Where a group's records are written to, and as whom: for as long as any of them is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local_aws import hooks
from local_aws.sagemaker import clients
from local_aws.sagemaker.feature_store.group import STORE_ID, Feature
from local_aws.store import Record


@dataclass(frozen=True)
class Destination:
    account: str
    region: str
    group: str
    store: str
    identifier: str
    event_time: str
    features: Mapping[str, Feature]
    offline: bool
    role: str = ""
    uri: str = ""
    """ResolvedOutputS3Uri."""
    key: str | None = None
    catalog: Mapping[str, str] | None = None
    """The catalog, database and name of its table; None of a group without one."""
    iceberg: bool = False

    @property
    def parent(self) -> str:
        """The folder with `data` in it, and with Iceberg's `metadata`."""
        return self.uri.removesuffix("/data")

    @property
    def dated(self) -> bool:
        """Whether event times are text, and begin with a date."""
        return self.features[self.event_time].type == "String"

    def put(self, uri: str, content: bytes) -> None:
        """Raises `ClientError`."""
        place = urlsplit(uri)
        encryption = {"SSEKMSKeyId": self.key} if self.key else {}
        clients.as_role(self.role).s3.put_object(
            Bucket=place.netloc,
            Key=place.path.lstrip("/"),
            Body=content,
            ACL="bucket-owner-full-control",
            ServerSideEncryption="aws:kms",
            **encryption,
        )

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)


def of_record(record: Record) -> Destination:
    offline = record.get("OfflineStoreConfig")
    storage = (offline or {}).get("S3StorageConfig", {})
    return Destination(
        account=hooks.request.account_id(),
        region=hooks.request.region(),
        group=record["FeatureGroupName"],
        store=record[STORE_ID],
        identifier=record["RecordIdentifierFeatureName"],
        event_time=record["EventTimeFeatureName"],
        features={
            one["FeatureName"]: Feature(
                one["FeatureName"], one["FeatureType"], one.get("CollectionType"), None
            )
            for one in record["FeatureDefinitions"]
        },
        offline=offline is not None,
        role=record.get("RoleArn", ""),
        uri=storage.get("ResolvedOutputS3Uri", ""),
        key=storage.get("KmsKeyId"),
        catalog=None
        if (offline or {}).get("DisableGlueTableCreation")
        else (offline or {}).get("DataCatalogConfig"),
        iceberg=(offline or {}).get("TableFormat") == "Iceberg",
    )


def of_told(told: Mapping[str, Any]) -> Destination:
    features = {name: Feature(**one) for name, one in told["features"].items()}
    return Destination(**{**told, "features": features})
