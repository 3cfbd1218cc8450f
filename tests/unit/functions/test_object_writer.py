"""The function that keeps an object in a bucket as a stack says it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from object_writer import handler
from object_writer.adapters import S3Bucket
from object_writer.rules import Wanted, follow


class Bucket:
    def __init__(self, **objects: str) -> None:
        self.objects = objects
        self.tags: dict[str, dict[str, str]] = {}

    def put(self, key: str, text: str, tags: Mapping[str, str]) -> None:
        self.objects[key] = text
        self.tags[key] = dict(tags)

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)


@pytest.mark.parametrize("times", [1, 2])
def test_writes_what_is_there_from_now_on(times: int) -> None:
    bucket = Bucket(a="before")

    for _ in range(times):
        follow("Update", Wanted("b", "a", "after"), bucket)

    assert bucket.objects == {"a": "after"}


def test_tags_what_it_writes() -> None:
    bucket = Bucket()

    follow("Create", Wanted("b", "a", "text", {"shown": "true"}), bucket)

    assert bucket.tags == {"a": {"shown": "true"}}


def test_gives_s3_tags_only_where_there_are_some() -> None:
    asked: list[dict[str, Any]] = []

    class Recorder:
        def put_object(self, **said: Any) -> None:
            asked.append(said)

    S3Bucket(Recorder(), "b").put("a", "text", {"a:shown": "true & so"})
    S3Bucket(Recorder(), "b").put("a", "text", {})

    assert asked[0]["Tagging"] == "a%3Ashown=true+%26+so"
    assert "Tagging" not in asked[1]


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


@pytest.mark.parametrize(
    "said",
    [{"Text": "{{resolve:ssm:name}}"}, {"Base64": base64.b64encode(b"{{resolve:ssm:name}}").decode()}],
)
def test_takes_a_text_as_it_is_or_encoded(said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    class Recorder:
        def put_object(self, **asked: Any) -> None:
            written.append(asked["Body"])

    monkeypatch.setattr(handler, "_s3", Recorder)
    monkeypatch.setattr(handler, "answering", lambda _event, work: work())

    handler.handler(
        {"RequestType": "Create", "ResourceProperties": {"BucketName": "b", "Key": "k", **said}}, None
    )

    assert written == [b"{{resolve:ssm:name}}"]
