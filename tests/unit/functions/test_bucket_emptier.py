"""The function that empties the buckets of a stack that is being destroyed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from bucket_emptier.adapters import S3Bucket
from bucket_emptier.rules import TimeIsUp, Version, empty
from runtime_common.custom_resource import Answer, answering


class Bucket:
    """Holds versions in memory, and gives them out a thousand at a time, as S3 does."""

    def __init__(self, count: int) -> None:
        self.versions = [Version(f"key-{n // 2}", f"v{n}") for n in range(count)]

    def some_versions(self) -> list[Version]:
        return self.versions[:1000]

    def delete(self, versions: list[Version]) -> None:
        self.versions = [version for version in self.versions if version not in set(versions)]


@pytest.mark.parametrize("count", [0, 1, 1000, 2001])
def test_deletes_every_version(count: int) -> None:
    bucket = Bucket(count)

    assert empty(bucket, time_is_up=lambda: False) == count
    assert bucket.versions == []


def test_stops_in_time_and_goes_on_when_called_again() -> None:
    bucket = Bucket(2500)
    answers = iter([False, True])

    with pytest.raises(TimeIsUp, match="1000 objects were deleted and more are left"):
        empty(bucket, time_is_up=lambda: next(answers))

    assert empty(bucket, time_is_up=lambda: False) == 1500


def test_an_object_that_s3_keeps_is_an_error_and_not_a_loop() -> None:
    class LockedS3:
        def delete_objects(self, **_: Any) -> dict[str, Any]:
            return {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "it is locked"}]}

    with pytest.raises(RuntimeError, match="S3 would not delete 'a': AccessDenied it is locked"):
        S3Bucket(LockedS3(), "b").delete([Version("a", "1")])


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address for answers, and what was PUT there."""
    answers: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", answers
        server.shutdown()
        thread.join()


def _event(url: str, **more: str) -> dict[str, str]:
    return {"ResponseURL": url, "StackId": "s", "RequestId": "r", "LogicalResourceId": "l", **more}


def test_reports_success(told: tuple[str, list[dict[str, Any]]]) -> None:
    url, answers = told

    answering(_event(url), lambda: Answer("content-of-b"))

    assert answers[0]["Status"] == "SUCCESS"
    assert answers[0]["PhysicalResourceId"] == "content-of-b"
    assert answers[0]["LogicalResourceId"] == "l"


def test_reports_a_failure_and_keeps_the_physical_id(told: tuple[str, list[dict[str, Any]]]) -> None:
    url, answers = told

    answering(
        _event(url, PhysicalResourceId="content-of-b"), lambda: empty(Bucket(1), time_is_up=lambda: True)
    )  # type: ignore[arg-type,return-value]  # it raises before it returns

    assert answers[0]["Status"] == "FAILED"
    assert answers[0]["PhysicalResourceId"] == "content-of-b"
    assert "more are left" in answers[0]["Reason"]
