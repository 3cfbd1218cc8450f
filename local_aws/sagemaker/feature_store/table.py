"""The table of a group's offline store, in Glue: with it Athena finds the files.

https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-create-feature-group.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws.iceberg import DataFile
from local_aws.identity import enforcement
from local_aws.sagemaker import clients
from local_aws.sagemaker.feature_store import iceberg_table
from local_aws.sagemaker.feature_store.destination import Destination

DATABASE = "sagemaker_featurestore"
CATALOG = "AwsDataCatalog"

_TYPES = {"Fractional": "double", "Integral": "bigint", "String": "string"}
_ADDED = {"write_time": "timestamp", "api_invocation_time": "timestamp", "is_deleted": "boolean"}
_PARTITIONS = ("year", "month", "day", "hour")
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"


def authorize(destination: Destination) -> None:
    """Raises `AccessDenied` unless whoever makes a group may make its table, as the schema of
    `AWS::SageMaker::FeatureGroup` has it."""
    catalog = destination.catalog or {}
    where = f"arn:aws:glue:{destination.region}:{destination.account}"
    for resource in (
        f"{where}:catalog",
        f"{where}:database/{catalog['Database']}",
        f"{where}:table/{catalog['Database']}/{catalog['TableName']}",
    ):
        enforcement.authorize("glue:CreateTable", resource)


def create(destination: Destination) -> None:
    """Raises `ClientError`."""
    catalog, glue = destination.catalog or {}, clients.of_account("glue")
    if catalog["Database"] == DATABASE:
        try:
            glue.create_database(DatabaseInput={"Name": DATABASE})
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise
    metadata = iceberg_table.begin(destination) if destination.iceberg else None
    glue.create_table(DatabaseName=catalog["Database"], TableInput=_input(destination, metadata))


def extend(destination: Destination) -> None:
    """Gives a table the columns of added features. Raises `ClientError`."""
    glue = clients.of_account("glue")
    metadata = _opened(destination, glue).extend() if destination.iceberg else None
    _update(destination, glue, metadata)


def opened(destination: Destination) -> iceberg_table.Table:
    """A table of Iceberg's, for files to be written. Raises `ClientError`."""
    return _opened(destination, clients.as_role(destination.role).client("glue"))


def publish(table: iceberg_table.Table, files: list[DataFile]) -> None:
    """Makes files part of a table of Iceberg's: a second time, nothing. Raises `ClientError`."""
    metadata = table.append(files)
    if metadata is not None:
        _update(table.destination, clients.as_role(table.destination.role).client("glue"), metadata)


def _opened(destination: Destination, glue: Any) -> iceberg_table.Table:
    catalog = destination.catalog or {}
    found = glue.get_table(DatabaseName=catalog["Database"], Name=catalog["TableName"])["Table"]
    return iceberg_table.opened(destination, found["Parameters"]["metadata_location"])


def _update(destination: Destination, glue: Any, metadata: str | None) -> None:
    database = (destination.catalog or {})["Database"]
    glue.update_table(DatabaseName=database, TableInput=_input(destination, metadata))


def _input(destination: Destination, metadata: str | None) -> dict[str, Any]:
    catalog: Mapping[str, str] = destination.catalog or {}
    columns = {name.lower(): _type(one.type, one.collection) for name, one in destination.features.items()}
    described = [{"Name": name, "Type": type_} for name, type_ in (columns | _ADDED).items()]
    if metadata is not None:
        return {
            "Name": catalog["TableName"],
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"table_type": "ICEBERG", "metadata_location": metadata},
            "StorageDescriptor": {"Columns": described, "Location": destination.parent},
        }
    return {
        "Name": catalog["TableName"],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", "parquet.compression": "SNAPPY"},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in _PARTITIONS],
        "StorageDescriptor": {
            "Columns": described,
            "Location": destination.uri,
            "InputFormat": f"{_HIVE}.MapredParquetInputFormat",
            "OutputFormat": f"{_HIVE}.MapredParquetOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": f"{_HIVE}.serde.ParquetHiveSerDe",
                "Parameters": {"serialization.format": "1"},
            },
        },
    }


def _type(type_: str, collection: str | None) -> str:
    return f"array<{_TYPES[type_]}>" if collection else _TYPES[type_]
