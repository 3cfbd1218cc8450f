"""The table of a group's offline store, in Glue: with it Athena finds the files.

https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-create-feature-group.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws.identity import enforcement
from local_aws.sagemaker import clients

DATABASE = "sagemaker_featurestore"
CATALOG = "AwsDataCatalog"

_TYPES = {"Fractional": "double", "Integral": "bigint", "String": "string"}
_ADDED = {"write_time": "timestamp", "api_invocation_time": "timestamp", "is_deleted": "boolean"}
_PARTITIONS = ("year", "month", "day", "hour")
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"


def authorize(catalog: Mapping[str, str], account: str, region: str) -> None:
    """Raises `AccessDenied` unless whoever makes a group may make its table, as the schema of
    `AWS::SageMaker::FeatureGroup` has it."""
    where = f"arn:aws:glue:{region}:{account}"
    for resource in (
        f"{where}:catalog",
        f"{where}:database/{catalog['Database']}",
        f"{where}:table/{catalog['Database']}/{catalog['TableName']}",
    ):
        enforcement.authorize("glue:CreateTable", resource)


def create(catalog: Mapping[str, str], features: Iterable[Mapping[str, Any]], location: str) -> None:
    """Raises `ClientError`."""
    glue = clients.of_account("glue")
    if catalog["Database"] == DATABASE:
        try:
            glue.create_database(DatabaseInput={"Name": DATABASE})
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise
    glue.create_table(DatabaseName=catalog["Database"], TableInput=_input(catalog, features, location))


def extend(catalog: Mapping[str, str], features: Iterable[Mapping[str, Any]], location: str) -> None:
    """Gives a table the columns of added features. Raises `ClientError`."""
    glue = clients.of_account("glue")
    glue.update_table(DatabaseName=catalog["Database"], TableInput=_input(catalog, features, location))


def _input(
    catalog: Mapping[str, str], features: Iterable[Mapping[str, Any]], location: str
) -> dict[str, Any]:
    columns = {one["FeatureName"].lower(): _type(one) for one in features} | _ADDED
    return {
        "Name": catalog["TableName"],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", "parquet.compression": "SNAPPY"},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in _PARTITIONS],
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": type_} for name, type_ in columns.items()],
            "Location": location,
            "InputFormat": f"{_HIVE}.MapredParquetInputFormat",
            "OutputFormat": f"{_HIVE}.MapredParquetOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": f"{_HIVE}.serde.ParquetHiveSerDe",
                "Parameters": {"serialization.format": "1"},
            },
        },
    }


def _type(feature: Mapping[str, Any]) -> str:
    type_ = _TYPES[feature["FeatureType"]]
    return f"array<{type_}>" if feature.get("CollectionType") else type_
