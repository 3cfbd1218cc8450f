"""S3: what ministack's `AWS::S3::Bucket` drops, and buckets that are not empty."""

from __future__ import annotations

import re
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import (
    Properties,
    ResourceFailed,
    guards_deletion,
    reconciles,
)


@reconciles("AWS::S3::Bucket")
def reconcile_bucket(physical_id: str, properties: Properties, previous: Properties) -> None:
    s3, bucket = client("s3"), {"Bucket": physical_id}

    encryption = properties.get("BucketEncryption")
    if encryption:
        s3.put_bucket_encryption(
            **bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [_encryption(rule) for rule in encryption["ServerSideEncryptionConfiguration"]]
            },
        )
    elif previous.get("BucketEncryption"):
        s3.delete_bucket_encryption(**bucket)

    if properties.get("Tags") or previous.get("Tags"):
        # Not through the API: every bucket has CloudFormation's own tags, and a request is most of its time.
        hooks.objects.set_bucket_tags(
            physical_id, {tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}
        )

    lifecycle = properties.get("LifecycleConfiguration")
    if lifecycle:
        rules = [_lifecycle_rule(number, rule) for number, rule in enumerate(lifecycle["Rules"])]
        s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": rules})
    elif previous.get("LifecycleConfiguration"):
        s3.delete_bucket_lifecycle(**bucket)

    logging = properties.get("LoggingConfiguration")
    if logging or previous.get("LoggingConfiguration"):
        s3.put_bucket_logging(**bucket, BucketLoggingStatus=_logging(physical_id, logging))

    ownership = properties.get("OwnershipControls")
    if ownership:
        s3.put_bucket_ownership_controls(**bucket, OwnershipControls=ownership)
    elif previous.get("OwnershipControls"):
        s3.delete_bucket_ownership_controls(**bucket)

    versioning = properties.get("VersioningConfiguration") or previous.get("VersioningConfiguration")
    if versioning:
        # Versions cannot be switched off, only suspended: that is what AWS does when they leave the template.
        status = properties.get("VersioningConfiguration", {}).get("Status", "Suspended")
        s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": status})

    _reconcile_settings(bucket, properties, previous)


def _reconcile_settings(bucket: dict[str, str], properties: Properties, previous: Properties) -> None:
    """What is one call each: acceleration, locks, replication, the canned access list."""
    s3 = client("s3")
    lock = properties.get("ObjectLockConfiguration") or {}
    if lock or properties.get("ObjectLockEnabled"):
        # A bucket with locks keeps versions, asked to or not.
        s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
        found = {"ObjectLockEnabled": "Enabled"}
        s3.put_object_lock_configuration(
            **bucket,
            ObjectLockConfiguration={**found, **({"Rule": lock["Rule"]} if "Rule" in lock else {})},
        )

    acceleration = (properties.get("AccelerateConfiguration") or {}).get("AccelerationStatus", "Suspended")
    if "AccelerateConfiguration" in {*properties, *previous}:
        s3.put_bucket_accelerate_configuration(**bucket, AccelerateConfiguration={"Status": acceleration})

    replication = properties.get("ReplicationConfiguration")
    if replication:
        rules = [_replication_rule(number, rule) for number, rule in enumerate(replication["Rules"])]
        s3.put_bucket_replication(
            **bucket, ReplicationConfiguration={"Role": replication["Role"], "Rules": rules}
        )
    elif previous.get("ReplicationConfiguration"):
        s3.delete_bucket_replication(**bucket)

    access = properties.get("AccessControl", "Private")
    if access != previous.get("AccessControl", "Private"):
        s3.put_bucket_acl(**bucket, ACL=re.sub(r"(?<!^)(?=[A-Z])", "-", access).lower())


def _replication_rule(number: int, rule: Properties) -> dict[str, Any]:
    """Templates call a rule's `ID` `Id`, and a filter's `Tag` `TagFilter` (API_ReplicationRule)."""
    found = {name: value for name, value in rule.items() if name not in ("Id", "Filter")}
    found["ID"] = rule.get("Id", f"rule-{number}")
    if "Filter" in rule:
        wanted = dict(rule["Filter"])
        if "TagFilter" in wanted:
            wanted["Tag"] = wanted.pop("TagFilter")
        if "And" in wanted:
            both = dict(wanted["And"])
            wanted["And"] = {**both, "Tags": both.pop("TagFilters", [])}
            wanted["And"].pop("TagFilters", None)
        found["Filter"] = wanted
    return found


@guards_deletion("AWS::S3::Bucket")
def refuse_to_delete_objects(physical_id: str, properties: Properties) -> None:  # noqa: ARG001 - the guard's
    s3 = client("s3")
    try:
        listed = s3.list_object_versions(Bucket=physical_id, MaxKeys=1)
    except s3.exceptions.NoSuchBucket:
        return
    if listed.get("Versions") or listed.get("DeleteMarkers"):
        raise ResourceFailed(
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
            " (Service: S3, Status Code: 409)"
        )


def _encryption(rule: Properties) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "ServerSideEncryptionByDefault" in rule:
        found["ApplyServerSideEncryptionByDefault"] = dict(rule["ServerSideEncryptionByDefault"])
    if "BucketKeyEnabled" in rule:
        found["BucketKeyEnabled"] = rule["BucketKeyEnabled"]
    return found


def _lifecycle_rule(number: int, rule: Properties) -> dict[str, Any]:
    """A rule of the template in the API's words (API_LifecycleRule in S3's reference)."""
    found: dict[str, Any] = {
        "ID": rule.get("Id", f"rule-{number}"),
        "Status": rule["Status"],
        "Filter": _filter(rule),
    }
    expiration = {
        "Days": rule.get("ExpirationInDays"),
        "Date": rule.get("ExpirationDate"),
        "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
    }
    if any(value is not None for value in expiration.values()):
        found["Expiration"] = {key: value for key, value in expiration.items() if value is not None}
    transitions = [*rule.get("Transitions", ()), *([rule["Transition"]] if "Transition" in rule else ())]
    if transitions:
        found["Transitions"] = [
            {
                api: item[name]
                for api, name in (
                    ("Days", "TransitionInDays"),
                    ("Date", "TransitionDate"),
                    ("StorageClass", "StorageClass"),
                )
                if name in item
            }
            for item in transitions
        ]
    if "NoncurrentVersionExpiration" in rule:
        found["NoncurrentVersionExpiration"] = dict(rule["NoncurrentVersionExpiration"])
    elif "NoncurrentVersionExpirationInDays" in rule:
        found["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    noncurrent = [
        *rule.get("NoncurrentVersionTransitions", ()),
        *([rule["NoncurrentVersionTransition"]] if "NoncurrentVersionTransition" in rule else ()),
    ]
    if noncurrent:
        found["NoncurrentVersionTransitions"] = [
            {
                api: item[name]
                for api, name in (
                    ("NoncurrentDays", "TransitionInDays"),
                    ("NewerNoncurrentVersions", "NewerNoncurrentVersions"),
                    ("StorageClass", "StorageClass"),
                )
                if name in item
            }
            for item in noncurrent
        ]
    if "AbortIncompleteMultipartUpload" in rule:
        found["AbortIncompleteMultipartUpload"] = dict(rule["AbortIncompleteMultipartUpload"])
    return found


def _filter(rule: Properties) -> dict[str, Any]:
    """One condition stands alone, several are joined by `And`."""
    conditions: dict[str, Any] = {}
    if "Prefix" in rule:
        conditions["Prefix"] = rule["Prefix"]
    if rule.get("TagFilters"):
        conditions["Tags"] = list(rule["TagFilters"])
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if name in rule:
            conditions[name] = int(rule[name])
    if len(conditions) + len(conditions.get("Tags", [None])) - 1 > 1:
        return {"And": conditions}
    if "Tags" in conditions:
        return {"Tag": conditions["Tags"][0]}
    return conditions or {"Prefix": ""}


def _logging(bucket: str, logging: Properties | None) -> dict[str, Any]:
    if not logging:
        return {}
    enabled: dict[str, Any] = {
        "TargetBucket": logging.get("DestinationBucketName", bucket),
        "TargetPrefix": logging.get("LogFilePrefix", ""),
    }
    if "TargetObjectKeyFormat" in logging:
        enabled["TargetObjectKeyFormat"] = dict(logging["TargetObjectKeyFormat"])
    return {"LoggingEnabled": enabled}


hooks.objects.mend_managed_key()
