"""What SageMaker copies between S3 and containers."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Source:
    """An object of an input, and its name below the input's folder."""

    bucket: str
    key: str
    name: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def sources(client: Any, kind: str, uri: str) -> list[Source]:
    """What an input consists of: all that begins with the URI (`S3Prefix`), or that it lists
    (`ManifestFile`). Raises `StorageError`, when there is nothing, too."""
    found = list(_listed(client, uri) if kind == "ManifestFile" else _prefixed(client, uri))
    if not found:
        raise StorageError(
            f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data source.'
        )
    return found


def _prefixed(client: Any, uri: str) -> Iterator[Source]:
    bucket, prefix = location(uri)
    for key in _keys(client, bucket, prefix, uri):
        # Only whole folders are taken off: the prefix `data/tr` gives `train.csv`, not `ain.csv`.
        whole = prefix.endswith("/") or key[len(prefix) :][:1] == "/" or not prefix
        inside = key[len(prefix) :].lstrip("/") if whole else ""
        yield Source(bucket, key, inside or key.rpartition("/")[2])


def _listed(client: Any, uri: str) -> Iterator[Source]:
    """A manifest: `[{"prefix": "s3://bucket/some/"}, "one", "other"]` (S3DataSource in the API reference)."""
    try:
        first, *names = json.loads(read(client, uri))
        bucket, prefix = location(first["prefix"])
        if not bucket or not all(isinstance(name, str) for name in names):
            raise ValueError
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"ClientError: the manifest {uri} is not valid: give a JSON list of one object with the member"
            " 'prefix', and of strings"
        ) from error
    for name in names:
        yield Source(bucket, prefix + name, name)


def read(client: Any, uri: str) -> bytes:
    bucket, key = location(uri)
    try:
        body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise StorageError(f"ClientError: Data download failed: {uri}: {error}") from error
    return body


def download(client: Any, found: Iterable[Source], target: Path) -> None:
    """Copies objects to where their names say, below `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for source in found:
        path = _inside(target, source.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(client, source.bucket, source.key, path)


def download_prefix(client: Any, uri: str, target: Path) -> None:
    """Copies all objects that begin with the URI, below `target`, as SageMaker's S3Prefix does."""
    download(client, sources(client, "S3Prefix", uri), target)


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


def files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files below a folder, and their names there; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, path.relative_to(folder).as_posix()


def upload_folder(client: Any, folder: Path, uri: str, key_id: str | None) -> None:
    for path, name in files(folder):
        upload(client, path, f"{uri.rstrip('/')}/{name}", key_id)


def pack(folders: Sequence[Path], archive: Path) -> None:
    """Packs what is in folders into one archive, of equal names the first: the same files give the same
    bytes."""
    members: dict[str, Path] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            members.setdefault(path.relative_to(folder).as_posix(), path)
    with (
        gzip.GzipFile(archive, "wb", compresslevel=6, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for name in sorted(members):
            target.add(members[name], name, recursive=False, filter=_anonymous)


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
