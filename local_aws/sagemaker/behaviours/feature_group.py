"""Feature groups: their definition and how it may grow. Records are not kept here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateFeatureGroup.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateFeatureGroup.html
"""

from __future__ import annotations

import time

from local_aws import hooks
from local_aws.errors import invalid
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.store import Record

_EVENT_TIMES = ("String", "Fractional")


class FeatureGroup(Behaviour):
    def check(self, request: Request) -> None:
        kinds = {one["FeatureName"]: one.get("FeatureType") for one in request["FeatureDefinitions"]}
        if len(kinds) != len(request["FeatureDefinitions"]):
            raise invalid("Duplicate feature names are not allowed.")
        for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
            if request[member] not in kinds:
                raise invalid(f"{member} {request[member]} is not among the FeatureDefinitions.")
        event_time = request["EventTimeFeatureName"]
        if kinds[event_time] not in _EVENT_TIMES:
            raise invalid(f"The type of {event_time} must be one of: {', '.join(_EVENT_TIMES)}.")
        if "OnlineStoreConfig" not in request and "OfflineStoreConfig" not in request:
            raise invalid("Either OnlineStoreConfig or OfflineStoreConfig must be given.")
        if "OfflineStoreConfig" in request and "RoleArn" not in request:
            raise invalid("RoleArn must be given for an OfflineStoreConfig.")

    def prepare(self, record: Record) -> None:
        if "OfflineStoreConfig" not in record:
            return
        now = time.strftime("%s")
        name, config = record["FeatureGroupName"], dict(record["OfflineStoreConfig"])
        uri = config["S3StorageConfig"]["S3Uri"].rstrip("/")
        resolved = f"{uri}/{hooks.account_id()}/sagemaker/{hooks.region()}/offline-store/{name}-{now}/data"
        config["S3StorageConfig"] = {**config["S3StorageConfig"], "ResolvedOutputS3Uri": resolved}
        if not config.get("DisableGlueTableCreation"):
            table = {
                "Catalog": "AwsDataCatalog",
                "Database": "sagemaker_featurestore",
                "TableName": f"{name.lower().replace('-', '_')}_{now}",
            }
            config.setdefault("DataCatalogConfig", table)
        record["OfflineStoreConfig"] = config
        record["OfflineStoreStatus"] = {"Status": "Active"}

    def check_update(self, record: Record, request: Request) -> None:
        known = {one["FeatureName"] for one in record["FeatureDefinitions"]}
        for added in request.get("FeatureAdditions", ()):
            if added["FeatureName"] in known:
                raise invalid(f"Feature {added['FeatureName']} already exists in the feature group.")
        if "OnlineStoreConfig" in request and "OnlineStoreConfig" not in record:
            raise invalid("The feature group has no online store to update.")

    def update(self, record: Record, request: Request) -> None:
        changes = dict(request)
        added = changes.pop("FeatureAdditions", [])
        record["FeatureDefinitions"] = [*record["FeatureDefinitions"], *added]
        if "OnlineStoreConfig" in changes:
            record["OnlineStoreConfig"] = {**record["OnlineStoreConfig"], **changes.pop("OnlineStoreConfig")}
        merge(record, changes)
        record["LastUpdateStatus"] = {"Status": "Successful"}
