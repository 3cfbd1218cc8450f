"""The metadata of a group's table in Iceberg's format, beside its data.

https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local_aws import iceberg
from local_aws.iceberg import DataFile
from local_aws.sagemaker import clients
from local_aws.sagemaker.feature_store.destination import Destination

_TYPES = {"Fractional": "double", "Integral": "long", "String": "string"}
_ADDED = {"write_time": "timestamp", "api_invocation_time": "timestamp", "is_deleted": "boolean"}
_BATCH = "feature-store-batch"
_NUMBER = re.compile(r"/(\d+)-[^/]+$")


def begin(destination: Destination) -> str:
    """Writes the metadata of an empty table: where."""
    column = destination.event_time.lower()
    partition = (partition_name(destination), column) if destination.dated else None
    made = iceberg.new(destination.parent, _columns(destination), partition, time.time())
    return _keep(destination, made, None)


@dataclass(frozen=True)
class Table:
    """A table as it is, with the columns that it is about to have."""

    destination: Destination
    location: str
    metadata: iceberg.Metadata

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """Its fields, by the names that a file's columns have."""
        fields = {one["name"]: one for one in iceberg.schema(self.metadata)["fields"]}
        return {name: fields[name.lower()] for name in (*self.destination.features, *_ADDED)}

    def extend(self) -> str:
        """Writes its metadata: where."""
        return _keep(self.destination, self.metadata, self.location)

    def append(self, files: Sequence[DataFile]) -> str | None:
        """Writes its metadata with more files: where; None when it has them already."""
        batch = hashlib.sha256("\n".join(file.path for file in files).encode()).hexdigest()
        if any(one["summary"].get(_BATCH) == batch for one in self.metadata["snapshots"]):
            return None
        made, contents = iceberg.append(self.metadata, files, _fetch, time.time(), {_BATCH: batch})
        for path, content in contents.items():
            self.destination.put(path, content)
        return _keep(self.destination, made, self.location)


def opened(destination: Destination, location: str) -> Table:
    found: iceberg.Metadata = json.loads(_fetch(location))
    return Table(destination, location, iceberg.with_columns(found, _columns(destination)))


def partition_name(destination: Destination) -> str:
    return f"{destination.event_time.lower()}_trunc"


def _columns(destination: Destination) -> dict[str, str]:
    found = {}
    for name, one in destination.features.items():
        type_ = _TYPES[one.type]
        found[name.lower()] = f"list<{type_}>" if one.collection else type_
    return found | _ADDED


def _fetch(uri: str) -> bytes:
    place = urlsplit(uri)
    answer = clients.of_account("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
    content: bytes = answer["Body"].read()
    return content


def _keep(destination: Destination, table: iceberg.Metadata, before: str | None) -> str:
    number = 0
    if before is not None:
        match = _NUMBER.search(before)
        number = int(match[1]) + 1 if match else 1
        earlier = {"metadata-file": before, "timestamp-ms": table["last-updated-ms"]}
        table = {**table, "metadata-log": [*table.get("metadata-log", []), earlier][-100:]}
    location = f"{destination.parent}/metadata/{number:05}-{uuid.uuid4()}.metadata.json"
    destination.put(location, json.dumps(table).encode())
    return location
