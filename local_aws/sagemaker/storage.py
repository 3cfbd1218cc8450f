"""What SageMaker copies between S3 and containers."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from boto3.s3.transfer import S3Transfer
from botocore.exceptions import ClientError


class StorageError(Exception):
    """What SageMaker says of data that is not there, or not for the role."""


def location(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`, or of an HTTPS address in either of its styles."""
    parts = urlsplit(uri)
    path = parts.path.lstrip("/")
    if parts.scheme == "s3":
        return parts.netloc, path
    host = parts.netloc.partition(".s3.")
    if host[1]:
        return host[0], path
    bucket, _, key = path.partition("/")
    return bucket, key


def exists(client: Any, uri: str) -> bool:
    """Whether there is an object of this name, or one below it."""
    bucket, key = location(uri)
    try:
        return bool(client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"))
    except ClientError:
        return False


def download_prefix(client: Any, uri: str, target: Path) -> None:
    """Copies all objects that begin with the URI, below `target`, as SageMaker's S3Prefix does."""
    bucket, prefix = location(uri)
    found = False
    for key in _keys(client, bucket, prefix, uri):
        found = True
        # Only whole folders are taken off: the prefix `data/tr` gives `train.csv`, not `ain.csv`.
        inside = (
            key[len(prefix) :].lstrip("/") if prefix.endswith("/") or key[len(prefix) :][:1] == "/" else ""
        )
        path = _inside(target, inside or key.rpartition("/")[2])
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(client, bucket, key, path)
    if not found:
        raise StorageError(
            f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data source.'
        )


def download_archive(client: Any, uri: str, target: Path) -> None:
    """Unpacks a tar.gz into `target`."""
    bucket, key = location(uri)
    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        with body, tarfile.open(fileobj=body, mode="r|*") as archive:
            archive.extractall(target, filter="data")
    except ClientError as error:
        raise StorageError(f"Failed to download model data {uri}: {error}") from error
    except tarfile.TarError as error:
        raise StorageError(f"Failed to extract model data archive {uri}: {error}") from error


def upload(client: Any, file: Path, uri: str, key_id: str | None) -> None:
    """Puts a file into S3, encrypted with a KMS key when one is asked for."""
    bucket, key = location(uri)
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else None
    try:
        S3Transfer(client).upload_file(str(file), bucket, key, extra_args=extra)
    except Exception as error:
        raise StorageError(f"ClientError: cannot write {uri}: {error}") from error


def pack(folder: Path, archive: Path) -> None:
    """Packs a folder: the same files give the same bytes."""
    with (
        gzip.GzipFile(archive, "wb", compresslevel=6, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for path in sorted(folder.rglob("*")):
            target.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def _keys(client: Any, bucket: str, prefix: str, uri: str) -> Iterator[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            found: Mapping[str, Any]
            for found in page.get("Contents", []):
                if not found["Key"].endswith("/"):
                    yield str(found["Key"])
    except ClientError as error:
        raise StorageError(f"ClientError: Data download failed: {uri}: {error}") from error


def _download(client: Any, bucket: str, key: str, path: Path) -> None:
    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        raise StorageError(f"ClientError: Data download failed: s3://{bucket}/{key}: {error}") from error
    with body, path.open("wb") as file:
        shutil.copyfileobj(body, file, 1 << 20)


def _inside(target: Path, name: str) -> Path:
    if ".." in PurePosixPath(name).parts:
        raise StorageError(f"ClientError: the object '{name}' would leave its channel's folder")
    return target / name
