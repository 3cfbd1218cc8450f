"""The stores on AWS: files in S3 with their table in Glue, and Feature Store's runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from feature_batch.group import Group, HistoryPlace, Refused
from feature_batch.ports import Record

_PARTITIONS_AT_ONCE = 100
"""https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html"""


def describe(sagemaker: Any, name: str) -> Group:
    """The group with all of its features, which come in pages; raises Refused."""
    try:
        found = sagemaker.describe_feature_group(FeatureGroupName=name)
        token = found.get("NextToken")
        while token:
            more = sagemaker.describe_feature_group(FeatureGroupName=name, NextToken=token)
            found["FeatureDefinitions"] += more["FeatureDefinitions"]
            token = more.get("NextToken")
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFound", "ResourceNotFoundException"):
            raise Refused(f"there is no feature group '{name}'") from error
        raise
    return Group.described(found)


class S3History:
    def __init__(self, s3: Any, glue: Any, place: HistoryPlace) -> None:
        self._s3 = s3
        self._glue = glue
        self._place = place
        parts = urlsplit(place.uri)
        self._bucket, self._prefix = parts.netloc, f"{parts.path.strip('/')}/"

    def there(self, folders: Sequence[str]) -> set[str]:
        pages = self._s3.get_paginator("list_objects_v2")
        return {
            each["Key"].removeprefix(self._prefix)
            for folder in folders
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + folder)
            for each in page.get("Contents", ())
        }

    def put(self, name: str, file: Path) -> None:
        encryption = {"SSEKMSKeyId": self._place.key} if self._place.key else {}
        with file.open("rb") as body:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._prefix + name,
                Body=body,
                ServerSideEncryption="aws:kms",
                **encryption,
            )

    def find(self, hours: Sequence[tuple[str, str, str, str]]) -> None:
        """Registers the hours with the table, if it has partitions and does not tell them by their names.

        https://docs.aws.amazon.com/athena/latest/ug/partitions.html
        """
        if self._place.database is None or self._place.table is None:
            return
        known = {"DatabaseName": self._place.database}
        table = self._glue.get_table(**known, Name=self._place.table)["Table"]
        if not table.get("PartitionKeys") or table.get("Parameters", {}).get("projection.enabled") == "true":
            return
        storage = table["StorageDescriptor"]
        inputs = [
            {
                "Values": list(hour),
                "StorageDescriptor": {**storage, "Location": f"{self._place.uri}/{_folder(hour)}"},
            }
            for hour in hours
        ]
        for begin in range(0, len(inputs), _PARTITIONS_AT_ONCE):
            answer = self._glue.batch_create_partition(
                **known,
                TableName=self._place.table,
                PartitionInputList=inputs[begin : begin + _PARTITIONS_AT_ONCE],
            )
            for error in answer.get("Errors", ()):
                if error["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException":
                    raise Refused(f"the table takes no partition: {error['ErrorDetail']['ErrorMessage']}")


def _folder(hour: tuple[str, str, str, str]) -> str:
    return "/".join(
        f"{key}={value}" for key, value in zip(("year", "month", "day", "hour"), hour, strict=True)
    )


class RuntimeLatest:
    def __init__(self, runtime: Any, group: Group) -> None:
        self._runtime = runtime
        self._group = group

    def times(self, identifiers: Sequence[str]) -> Mapping[str, str]:
        wanted, found = list(identifiers), {}
        key, time = self._group.identifier, self._group.event_time
        while wanted:
            answer = self._runtime.batch_get_record(
                Identifiers=[
                    {
                        "FeatureGroupName": self._group.name,
                        "RecordIdentifiersValueAsString": wanted,
                        "FeatureNames": [key, time],
                    }
                ]
            )
            if answer["Errors"]:
                raise Refused(f"records cannot be read: {answer['Errors'][0]['ErrorMessage']}")
            for each in answer["Records"]:
                values = {value["FeatureName"]: value["ValueAsString"] for value in each["Record"]}
                found[each["RecordIdentifierValueAsString"]] = values[time]
            wanted = [
                value
                for left in answer["UnprocessedIdentifiers"]
                for value in left["RecordIdentifiersValueAsString"]
            ]
        return found

    def put(self, record: Record) -> None:
        """Only there: the history has its files."""
        _put(self._runtime, self._group, record, ["OnlineStore"])


class RuntimeRecords:
    def __init__(self, runtime: Any, group: Group, *, online: bool) -> None:
        """With `online`, into both stores at once."""
        self._runtime = runtime
        self._group = group
        self._stores = ["OnlineStore", "OfflineStore"] if online else ["OfflineStore"]

    def put(self, record: Record) -> None:
        _put(self._runtime, self._group, record, self._stores)


def _put(runtime: Any, group: Group, record: Record, stores: Sequence[str]) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_PutRecord.html"""
    runtime.put_record(
        FeatureGroupName=group.name,
        Record=[
            {"FeatureName": name, "ValueAsStringList" if isinstance(value, list) else "ValueAsString": value}
            for name, value in record.items()
        ],
        TargetStores=stores,
    )
