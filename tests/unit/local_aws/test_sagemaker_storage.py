"""What lies where, between S3 and containers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from local_aws.sagemaker import storage


class Bucket:
    """An S3 client with objects of one bucket."""

    def __init__(self, **objects: bytes) -> None:
        self._objects = objects

    def get_paginator(self, operation: str) -> Bucket:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - S3's own names
        return [{"Contents": [{"Key": key} for key in sorted(self._objects) if key.startswith(Prefix)]}]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        return {"Body": io.BytesIO(self._objects[Key])}


@pytest.mark.parametrize(
    "uri",
    [
        "s3://models/team/model.tar.gz",
        "https://s3.us-east-1.amazonaws.com/models/team/model.tar.gz",
        "https://models.s3.us-east-1.amazonaws.com/team/model.tar.gz",
    ],
)
def test_reads_an_address_in_each_of_its_styles(uri: str) -> None:
    assert storage.location(uri) == ("models", "team/model.tar.gz")


@pytest.mark.parametrize(
    ("prefix", "files"),
    [
        ("data", ["a.csv", "deeper/b.csv"]),
        ("data/", ["a.csv", "deeper/b.csv"]),
        ("data/a", ["a.csv"]),
        ("data/a.csv", ["a.csv"]),
        ("data/deeper", ["b.csv"]),
    ],
)
def test_takes_whole_folders_off_the_names_of_a_channels_files(
    tmp_path: Path, prefix: str, files: list[str]
) -> None:
    bucket = Bucket(**{"data/a.csv": b"1", "data/deeper/b.csv": b"2"})

    storage.download_prefix(bucket, f"s3://bucket/{prefix}", tmp_path)

    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert found == files


def test_keeps_objects_inside_the_channel(tmp_path: Path) -> None:
    bucket = Bucket(**{"data/../../outside": b"1"})

    with pytest.raises(storage.StorageError, match="would leave its channel's folder"):
        storage.download_prefix(bucket, "s3://bucket/data", tmp_path)


def test_packs_the_same_files_into_the_same_bytes(tmp_path: Path) -> None:
    packed = []
    for name, order in (("one", ("a", "b")), ("two", ("b", "a"))):
        folder = tmp_path / name
        folder.mkdir()
        for file in order:
            (folder / file).write_text(file)
        storage.pack([folder], folder.with_suffix(".tar.gz"))
        packed.append(folder.with_suffix(".tar.gz").read_bytes()[20:])  # after the header's file name

    assert packed[0] == packed[1]
