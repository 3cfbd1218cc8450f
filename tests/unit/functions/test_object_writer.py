"""The function that keeps an object in a bucket as a stack says it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from object_writer.adapters import S3Bucket
from object_writer.rules import Wanted, follow


class Bucket:
    def __init__(self, **objects: str) -> None:
        self.objects = objects

    def put(self, key: str, text: str) -> None:
        self.objects[key] = text

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)


@pytest.mark.parametrize("times", [1, 2])
def test_writes_what_is_there_from_now_on(times: int) -> None:
    bucket = Bucket(a="before")

    for _ in range(times):
        follow("Update", Wanted("b", "a", "after"), bucket)

    assert bucket.objects == {"a": "after"}


@pytest.mark.parametrize("times", [1, 2])
def test_removes_the_one_object(times: int) -> None:
    bucket = Bucket(a="mine", b="somebody else's")

    for _ in range(times):
        follow("Delete", Wanted("b", "a", "mine"), bucket)

    assert bucket.objects == {"b": "somebody else's"}


def test_another_key_is_another_object_and_another_text_is_not() -> None:
    one = Wanted("b", "a", "text")

    assert one._replace(key="c").identity != one.identity
    assert one._replace(text="other").identity == one.identity


class S3:
    def __init__(self, code: str) -> None:
        self.code = code

    def delete_object(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": self.code}}, "DeleteObject")


def test_has_nothing_to_remove_from_a_bucket_that_is_gone() -> None:
    S3Bucket(S3("NoSuchBucket"), "b").remove("a")


def test_does_not_keep_quiet_about_what_stays() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        S3Bucket(S3("AccessDenied"), "b").remove("a")
