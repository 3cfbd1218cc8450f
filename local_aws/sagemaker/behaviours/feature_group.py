"""Feature groups: their definition and how it may grow, their online store, and their files and table in S3.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateFeatureGroup.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateFeatureGroup.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.errors import ServiceError, invalid
from local_aws.identity import AccessDenied
from local_aws.sagemaker import clients, roles, states
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.sagemaker.families import families
from local_aws.sagemaker.feature_store import destination as destinations
from local_aws.sagemaker.feature_store import group as groups
from local_aws.sagemaker.feature_store import offline, table
from local_aws.sagemaker.feature_store.database import database
from local_aws.store import Record

_IDENTIFIERS = ("Integral", "String")
_EVENT_TIMES = ("Fractional", "String")
_RESERVED = {"api_invocation_time", "is_deleted", "write_time"}
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_FeatureDefinition.html"""
_MOST_UNITS = 40_000
"""https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-quotas.html"""
_UNITS = ("ProvisionedReadCapacityUnits", "ProvisionedWriteCapacityUnits")
_ONE_AT_A_TIME = ("FeatureAdditions", "OnlineStoreConfig", "ThroughputConfig")

Definition = Mapping[str, Any]


class FeatureGroup(Behaviour):
    def check(self, request: Request) -> None:
        features = _by_name(request["FeatureDefinitions"], storage_type=_storage_type(request))
        for member, types in (
            ("RecordIdentifierFeatureName", _IDENTIFIERS),
            ("EventTimeFeatureName", _EVENT_TIMES),
        ):
            name = request[member]
            if name not in features:
                raise _invalid(f"{member} {name} is not among the FeatureDefinitions.")
            if features[name]["FeatureType"] not in types or "CollectionType" in features[name]:
                raise _invalid(f"The type of {name} must be one of: {', '.join(types)}.")
        online, is_offline = groups.is_online(request), "OfflineStoreConfig" in request
        if not online and not is_offline:
            # https://github.com/aws/sagemaker-core/issues/175
            raise _invalid(
                "OnlineStore and OfflineStore cannot be both disabled. Please enable at least one of them and"
                " retry the request."
            )
        _check_ttl(request.get("OnlineStoreConfig") or {})
        _check_throughput(request.get("ThroughputConfig"), online, _storage_type(request))
        if is_offline:
            _check_offline(request)

    def prepare(self, record: Record) -> None:
        record[groups.STORE_ID] = uuid.uuid4().hex
        record.setdefault("ThroughputConfig", {"ThroughputMode": "OnDemand"})
        if groups.is_online(record):
            record["OnlineStoreConfig"] = {"StorageType": "Standard", **record["OnlineStoreConfig"]}
        if "OfflineStoreConfig" not in record:
            return
        epoch = int(time.time())
        config = dict(record["OfflineStoreConfig"])
        config["S3StorageConfig"] = {
            **config["S3StorageConfig"],
            "ResolvedOutputS3Uri": _uri(record, epoch),
        }
        config.setdefault("DisableGlueTableCreation", False)
        if not config["DisableGlueTableCreation"]:
            made_up = {
                "Catalog": table.CATALOG,
                "Database": table.DATABASE,
                "TableName": f"{record['FeatureGroupName'].lower().replace('-', '_')}_{epoch}",
            }
            config.setdefault("DataCatalogConfig", made_up)
        record["OfflineStoreConfig"] = config
        record["OfflineStoreStatus"] = {"Status": "Active"}

    def failure(self, record: Record) -> str | None:
        """A table that cannot be made lets the group fail, with Glue's reason.

        https://github.com/aws/amazon-sagemaker-examples/issues/2079
        """
        destination = destinations.of_record(record)
        if destination.catalog is None:
            return None
        try:
            table.authorize(destination)
            table.create(destination)
        except (AccessDenied, ClientError) as error:
            return str(error)
        return None

    def created(self, record: Record) -> None:
        database().direct(destinations.of_record(record))

    def resume(self, record: Record) -> None:  # noqa: ARG002 - the base's
        offline.wake()

    def check_update(self, record: Record, request: Request) -> None:
        given = [member for member in _ONE_AT_A_TIME if member in request]
        if len(given) > 1:
            raise _invalid(f"Only one of {', '.join(_ONE_AT_A_TIME)} can be given at a time.")
        known = {one["FeatureName"].lower() for one in record["FeatureDefinitions"]}
        for added in request.get("FeatureAdditions", ()):
            if added["FeatureName"].lower() in known:
                raise _invalid(f"Feature {added['FeatureName']} already exists in the feature group.")
        _by_name(
            [*record["FeatureDefinitions"], *request.get("FeatureAdditions", ())],
            storage_type=_storage_type(record),
        )
        _check_throughput(request.get("ThroughputConfig"), groups.is_online(record), _storage_type(record))
        _check_online_update(record, request.get("OnlineStoreConfig"))

    def update(self, record: Record, request: Request) -> None:
        changes = dict(request)
        added = changes.pop("FeatureAdditions", [])
        online = changes.pop("OnlineStoreConfig", None)
        failure = _extended(record, added) if added else None
        if failure is None:
            record["FeatureDefinitions"] = [*record["FeatureDefinitions"], *added]
            database().direct(destinations.of_record(record))
        if online is not None:
            record["OnlineStoreConfig"] = _online(record["OnlineStoreConfig"], online)
        merge(record, changes)
        record["LastUpdateStatus"] = {"Status": "InProgress"}
        status = {"Status": "Failed", "FailureReason": failure} if failure else {"Status": "Successful"}
        done = {"LastUpdateStatus": status}
        states.change(families()["FeatureGroup"], record, "Created", "Created", members=done)

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - the base's
        """The files and the table stay: API_DeleteFeatureGroup.html."""
        database().drop(record[groups.STORE_ID])
        groups.forget(record[groups.STORE_ID])
        offline.wake()
        return True


def _invalid(said: str) -> ServiceError:
    return invalid(f"Validation Error: {said}")


def _storage_type(request: Request) -> str | None:
    """Of the online store; None where there is none."""
    if not groups.is_online(request):
        return None
    return str(request["OnlineStoreConfig"].get("StorageType", "Standard"))


def _by_name(definitions: Iterable[Definition], *, storage_type: str | None) -> dict[str, Definition]:
    """Features by name, checked, alone and together."""
    found: dict[str, Definition] = {}
    columns: set[str] = set()  # a table's are in small letters
    vectors = 0
    for one in definitions:
        name, collection = one["FeatureName"], one.get("CollectionType")
        if name.lower() in columns:
            raise _invalid(f"Duplicate feature names are not allowed: {name}.")
        if name.lower() in _RESERVED:
            raise _invalid(f"The feature name {name} is reserved.")
        if collection is not None and storage_type != "InMemory":
            # https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-collection-types.html
            raise _invalid(f"The feature {name} is a collection, which needs an InMemory OnlineStore.")
        dimension = ((one.get("CollectionConfig") or {}).get("VectorConfig") or {}).get("Dimension")
        if (collection == "Vector") != (dimension is not None):
            raise _invalid(f"The feature {name} must have a VectorConfig exactly if it is a Vector.")
        if collection == "Vector" and one["FeatureType"] != "Fractional":
            raise _invalid(f"The elements of the vector {name} must be Fractional.")
        vectors += collection == "Vector"
        columns.add(name.lower())
        found[name] = one
    if vectors > 1:
        raise _invalid("A feature group can have one feature of the CollectionType Vector.")
    return found


def _check_ttl(online: Mapping[str, Any]) -> None:
    ttl = online.get("TtlDuration")
    if ttl is None:
        return
    if not online.get("EnableOnlineStore"):
        raise _invalid("TtlDuration needs an OnlineStore that is enabled.")
    if ttl.get("Unit") is None or ttl.get("Value") is None:
        raise _invalid("TtlDuration must have a Unit and a Value.")


def _check_throughput(config: Mapping[str, Any] | None, online: bool, storage_type: str | None) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-throughput-mode.html"""
    if config is None:
        return
    given = [member for member in _UNITS if config.get(member) is not None]
    if config.get("ThroughputMode") != "Provisioned":
        if given:
            raise _invalid(f"{given[0]} is for the ThroughputMode Provisioned only.")
        return
    if storage_type not in (None, "Standard"):
        raise _invalid("The ThroughputMode Provisioned needs the StorageType Standard.")
    needed = _UNITS if online else _UNITS[1:]
    for member in needed:
        if member not in given:
            raise _invalid(f"{member} must be given for the ThroughputMode Provisioned.")
    for member in given:
        if config[member] > _MOST_UNITS:
            raise _invalid(f"{member} must not exceed {_MOST_UNITS}.")


def _check_offline(request: Request) -> None:
    """Refuses a role that cannot be assumed, and a bucket that it must not ask about.

    The words are AWS's, misleading as they are: terraform-provider-aws waits for them to end
    (internal/service/sagemaker/feature_group.go).
    """
    config = request["OfflineStoreConfig"]
    if config.get("TableFormat") == "Iceberg" and config.get("DisableGlueTableCreation"):
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OfflineStoreConfig.html
        raise _invalid("The TableFormat Iceberg needs DisableGlueTableCreation to be false.")
    if "RoleArn" not in request:
        raise _invalid("RoleArn must be given for an OfflineStoreConfig.")
    try:
        roles.check(request["RoleArn"])
    except ServiceError as error:
        raise _invalid("The execution role ARN is invalid.") from error
    bucket = urlsplit(config["S3StorageConfig"]["S3Uri"]).netloc
    try:
        clients.as_role(request["RoleArn"]).s3.get_bucket_acl(Bucket=bucket)
    except ClientError as error:
        raise _invalid(f"Invalid S3Uri provided: {config['S3StorageConfig']['S3Uri']}") from error


def _check_online_update(record: Record, change: Mapping[str, Any] | None) -> None:
    if change is None:
        return
    if not groups.is_online(record):
        raise _invalid("The feature group has no online store to update.")
    ttl = {name: one for name, one in (change.get("TtlDuration") or {}).items() if one is not None}
    if len(ttl) == 1:
        raise _invalid("TtlDuration must have a Unit and a Value, or neither.")
    wanted, has = change.get("StorageType"), _storage_type(record)
    if wanted not in (None, has) and (has, wanted) != ("Standard", "Standard_V2"):
        raise _invalid(f"The StorageType of a feature group cannot change from {has} to {wanted}.")


def _online(kept: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A duration without unit and value takes the default away."""
    found = {**kept, **{name: one for name, one in change.items() if one is not None}}
    if "TtlDuration" in change and not any((change["TtlDuration"] or {}).values()):
        del found["TtlDuration"]
    return found


def _uri(record: Record, epoch: int) -> str:
    """Where a group's files are: ResolvedOutputS3Uri."""
    parent = record["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].rstrip("/")
    where = f"{hooks.request.account_id()}/sagemaker/{hooks.request.region()}/offline-store"
    return f"{parent}/{where}/{record['FeatureGroupName']}-{epoch}/data"


def _extended(record: Record, added: Iterable[Definition]) -> str | None:
    """Gives the group's table the columns of more features; why it cannot, or None."""
    more = {"FeatureDefinitions": [*record["FeatureDefinitions"], *added]}
    destination = destinations.of_record(record | more)
    if destination.catalog is None:
        return None
    try:
        table.extend(destination)
    except ClientError as error:
        return str(error)
    return None
