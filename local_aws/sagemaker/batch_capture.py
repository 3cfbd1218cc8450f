"""What batch transform captures: where its inputs and outputs are, and who each output is.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.sagemaker import storage
from local_aws.sagemaker.records import BadRecord

INPUT, OUTPUT = "input", "output"
"""The folders of a destination: a manifest in each, below the hour in which the job has started."""


def note(s3: Any, config: Mapping[str, Any], started: float, found: Mapping[str, Sequence[str]]) -> None:
    """Leaves the manifests of a job; `found` has the URIs of its inputs and of its outputs."""
    hour = datetime.datetime.fromtimestamp(started, datetime.UTC)
    encryption = (
        {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": config["KmsKeyId"]} if "KmsKeyId" in config else {}
    )
    for folder, uris in found.items():
        place = f"{config['DestinationS3Uri'].rstrip('/')}/{folder}/{hour:%Y/%m/%d/%H}/{uuid.uuid4()}.json"
        bucket, key = storage.location(place)
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest(uris)).encode(), **encryption)


def manifest(uris: Sequence[str]) -> list[Any]:
    """`[{"prefix": "s3://bucket/folder/"}, "one", "deeper/two"]`"""
    folders = [uri.rpartition("/")[0].split("/") for uri in uris]
    common = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    prefix = "/".join([*common, ""])
    return [{"prefix": prefix}, *(uri.removeprefix(prefix) for uri in uris)]


def identified(content: bytes, kind: str, started: float) -> bytes:
    """An output with an identifier and the job's start after each record. Raises `BadRecord`."""
    moment = f"{datetime.datetime.fromtimestamp(started, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
    lines = [line for line in content.decode(errors="replace").splitlines() if line.strip()]
    if kind.partition(";")[0].strip() == "text/csv":
        return "".join(_row(line, moment) for line in lines).encode()
    return "".join(_object(line, moment) for line in lines).encode()


def _row(line: str, moment: str) -> str:
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow([*next(csv.reader([line])), str(uuid.uuid4()), moment])
    return row.getvalue()


def _object(line: str, moment: str) -> str:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise BadRecord(f"an output is neither CSV nor JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadRecord("an output of JSON must be an object to be given an inference ID")
    return (
        json.dumps({**found, "SageMakerInferenceId": str(uuid.uuid4()), "SageMakerInferenceTime": moment})
        + "\n"
    )
