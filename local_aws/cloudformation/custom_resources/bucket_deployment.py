"""CDK's `BucketDeployment`: unpacks assets into a bucket, as its function does with the AWS CLI."""

from __future__ import annotations

import fnmatch
import io
import json
import mimetypes
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local_aws.cloudformation.custom_resources.request import Answer, Request, flag

_OWNER_TAG = "aws-cdk:cr-owned"
_SYSTEM = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-type": "ContentType",
    "expires": "Expires",
    "sse": "ServerSideEncryption",
    "sse-kms-key-id": "SSEKMSKeyId",
    "storage-class": "StorageClass",
    "website-redirect": "WebsiteRedirectLocation",
}
"""The CLI's options and the API's arguments."""


def deploy(request: Request) -> Answer:
    s3, properties = request.client("s3"), request.properties
    bucket, prefix = _destination(properties)
    retained = flag(properties, "RetainOnDelete", True)
    if request.type == "Delete":
        if not retained and not _owned(s3, bucket, prefix):
            _delete(s3, bucket, _keys(s3, bucket, prefix))
    else:
        before = _destination(request.previous) if request.previous else None
        if before is not None and before != (bucket, prefix) and not retained:
            _delete(s3, before[0], _keys(s3, *before))
        files = dict(_files(s3, properties))
        _write(s3, bucket, prefix, files, properties)
    if properties.get("DistributionId"):
        _invalidate(request, prefix)
    keys = list(properties["SourceObjectKeys"]) if flag(properties, "OutputObjectKeys", True) else []
    data: dict[str, Any] = {
        "DestinationBucketArn": properties.get("DestinationBucketArn", ""),
        "SourceObjectKeys": keys,
    }
    if flag(properties, "OutputObjectVersionIds", False):
        data["SourceObjectVersionIds"] = [
            _version(s3, bucket, f"{prefix}{key.rsplit('/', 1)[-1]}")
            for key in properties["SourceObjectKeys"]
        ]
    return Answer(request.physical_id or f"aws.cdk.s3deployment.{uuid.uuid4()}", data)


def _destination(properties: Mapping[str, Any]) -> tuple[str, str]:
    prefix = str(properties.get("DestinationBucketKeyPrefix", "")).strip("/")
    return str(properties.get("DestinationBucketName", "")), f"{prefix}/" if prefix else ""


def _files(s3: Any, properties: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    names, keys = properties["SourceBucketNames"], properties["SourceObjectKeys"]
    markers = properties.get("SourceMarkers") or [{}] * len(names)
    settings = properties.get("SourceMarkersConfig") or [{}] * len(names)
    for name, key, marked, setting in zip(names, keys, markers, settings, strict=True):
        body = s3.get_object(Bucket=name, Key=key)["Body"].read()
        if not flag(properties, "Extract", True):
            yield key.rsplit("/", 1)[-1], body
            continue
        escaped = flag(setting, "jsonEscape", False)
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield entry.filename, _replaced(archive.read(entry), marked, escaped)


def _replaced(content: bytes, markers: Mapping[str, Any], escaped: bool) -> bytes:
    """What a template only knows when it is deployed stands in the asset as a marker."""
    for marker, value in markers.items():
        text = json.dumps(value).removeprefix('"').removesuffix('"') if escaped else str(value)
        content = content.replace(marker.encode(), text.encode())
    return content


def _write(
    s3: Any, bucket: str, prefix: str, files: Mapping[str, bytes], properties: Mapping[str, Any]
) -> None:
    exclude, include = list(properties.get("Exclude", ())), list(properties.get("Include", ()))
    wanted = {name: body for name, body in files.items() if _passes(name, exclude, include)}
    user = {key.lower(): str(value) for key, value in (properties.get("UserMetadata") or {}).items()}
    system = {
        _SYSTEM[key.lower()]: value
        for key, value in (properties.get("SystemMetadata") or {}).items()
        if key.lower() in _SYSTEM
    }
    for name, body in wanted.items():
        guessed = mimetypes.guess_type(name)[0]
        typed = {"ContentType": guessed} if guessed else {}
        s3.put_object(Bucket=bucket, Key=f"{prefix}{name}", Body=body, Metadata=user, **{**typed, **system})
    if flag(properties, "Prune", True):
        there = _keys(s3, bucket, prefix)
        _delete(
            s3,
            bucket,
            [
                key
                for key in there
                if key.removeprefix(prefix) not in wanted
                and _passes(key.removeprefix(prefix), exclude, include)
            ],
        )


def _passes(name: str, exclude: Sequence[str], include: Sequence[str]) -> bool:
    """The CLI's filters: excluded, unless included after that."""
    if any(fnmatch.fnmatch(name, pattern) for pattern in include):
        return True
    return not any(fnmatch.fnmatch(name, pattern) for pattern in exclude)


def _keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ())]


def _delete(s3: Any, bucket: str, keys: Sequence[str]) -> None:
    for first in range(0, len(keys), 1000):
        objects = [{"Key": key} for key in keys[first : first + 1000]]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})


def _owned(s3: Any, bucket: str, prefix: str) -> bool:
    """Another deployment has taken the place over: what is there is not ours to delete."""
    tag = _OWNER_TAG + (f":{prefix.rstrip('/')}" if prefix else "")
    try:
        tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except s3.exceptions.ClientError:
        return False
    return any(each["Key"].startswith(tag) for each in tags)


def _version(s3: Any, bucket: str, key: str) -> str:
    try:
        return str(s3.head_object(Bucket=bucket, Key=key).get("VersionId", ""))
    except s3.exceptions.ClientError:
        return ""


def _invalidate(request: Request, prefix: str) -> None:
    paths = list(request.properties.get("DistributionPaths") or [f"/{prefix}*"])
    request.client("cloudfront").create_invalidation(
        DistributionId=request.properties["DistributionId"],
        InvalidationBatch={
            "Paths": {"Quantity": len(paths), "Items": paths},
            "CallerReference": f"{time.time()}-{uuid.uuid4()}",
        },
    )
