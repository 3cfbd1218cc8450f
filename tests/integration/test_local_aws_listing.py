"""S3's listings over boto3, while objects come and go."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from support.deployed import LocalAws


@pytest.fixture
def bucket(local_aws: LocalAws) -> Iterator[str]:
    s3, name = local_aws.client("s3"), f"listed-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    for key in ("jobs/2", "jobs/10/input", "jobs/10/output", "jobs-0", "other"):
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    yield name
    for key in listed(s3, name):
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)


def listed(s3: Any, bucket: str, **more: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, **more).get("Contents", ())]


def test_lists_what_is_there_in_the_order_of_the_keys(local_aws: LocalAws, bucket: str) -> None:
    s3 = local_aws.client("s3")
    s3.put_object(Bucket=bucket, Key="jobs/1", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="jobs/3", CopySource=f"{bucket}/jobs/2")
    s3.delete_object(Bucket=bucket, Key="jobs/2")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "jobs/10/input"}]})

    assert listed(s3, bucket, Prefix="jobs/") == ["jobs/1", "jobs/10/output", "jobs/3"]


def test_lists_in_pages_and_by_folders(local_aws: LocalAws, bucket: str) -> None:
    s3 = local_aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="jobs", Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    found = [
        (
            [each["Key"] for each in page.get("Contents", ())],
            [each["Prefix"] for each in page.get("CommonPrefixes", ())],
        )
        for page in pages
    ]

    assert found == [(["jobs-0"], []), ([], ["jobs/"])]


def test_lists_once_what_was_deleted_and_is_there_again(local_aws: LocalAws, bucket: str) -> None:
    s3 = local_aws.client("s3")
    s3.delete_object(Bucket=bucket, Key="other")
    s3.put_object(Bucket=bucket, Key="other", Body=b"again")

    assert listed(s3, bucket, Prefix="o") == ["other"]
    assert listed(s3, bucket, StartAfter="jobs/10/output") == ["jobs/2", "other"]
