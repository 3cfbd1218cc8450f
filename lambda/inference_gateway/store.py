"""Where jobs are kept: below a few prefixes of one bucket, with S3's conditional writes for a lock.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from html import unescape
from urllib.parse import quote, urlencode

from inference_gateway.ports import Stored, StoreFailed, Taken
from runtime_common.connection import ConnectionLost, KeptConnection, NotReached, Reply, ReplyTooLarge
from runtime_common.deadline import Deadline
from runtime_common.signature_v4 import Credentials, signed_form, signed_headers, signed_query

_LIST_BYTES = 2_000_000
_ANSWER_BYTES = 100_000
_LISTED = re.compile(r"<Contents>.*?<Key>(.*?)</Key>.*?<Size>(\d+)</Size>.*?</Contents>", re.DOTALL)


class ObjectStore:
    """The port `Store`, kept with S3; `connection` is the bucket's own."""

    def __init__(
        self,
        connection: KeptConnection,
        bucket: str,
        *,
        region: str,
        credentials: Credentials,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._bucket = bucket
        self._region = region
        self._credentials = credentials
        self._now = now

    def sizes(self, prefix: str, deadline: Deadline) -> Mapping[str, int]:
        query = [("list-type", "2"), ("prefix", prefix)]
        reply = self._send("GET", "", deadline, query=query, limit_bytes=_LIST_BYTES)
        if reply.status != 200:
            raise self._failed("list", reply)
        return {unescape(key): int(size) for key, size in _LISTED.findall(reply.body.decode())}

    def read(self, key: str, *, limit_bytes: int, deadline: Deadline) -> Stored:
        reply = self._send("GET", key, deadline, limit_bytes=max(limit_bytes, _ANSWER_BYTES))
        if reply.status != 200:
            raise self._failed("read", reply)
        content_type = reply.headers.get("Content-Type", "application/octet-stream")
        return Stored(reply.body, content_type, reply.headers.get("ETag", ""))

    def write(
        self, key: str, body: bytes, content_type: str, *, replacing: str | None, deadline: Deadline
    ) -> str:
        condition = {"If-None-Match": "*"} if replacing is None else {"If-Match": replacing}
        reply = self._send(
            "PUT", key, deadline, body=body, headers={"Content-Type": content_type, **condition}
        )
        # 409: another conditional write of the same key is under way; 404: what was to be replaced is gone.
        if reply.status in (404, 409, 412):
            raise Taken
        if reply.status != 200:
            raise self._failed("write", reply)
        return reply.headers.get("ETag", "")

    def put(self, key: str, body: bytes, content_type: str, deadline: Deadline) -> None:
        headers = {"Content-Type": content_type}
        reply = self._send("PUT", key, deadline, body=body, headers=headers, harmless_twice=True)
        if reply.status != 200:
            raise self._failed("put", reply)

    def remove(self, key: str, deadline: Deadline) -> None:
        reply = self._send("DELETE", key, deadline, harmless_twice=True)
        if reply.status not in (200, 204, 404):
            raise self._failed("remove", reply)

    def link(self, key: str, seconds: int) -> str:
        origin = self._connection.origin
        path = self._path(key)
        query = signed_query(
            method="GET",
            path=path,
            host=origin.authority,
            credentials=self._credentials,
            region=self._region,
            seconds=seconds,
            now=self._now(),
        )
        return f"{self._scheme}://{origin.authority}{path}?{query}"

    def form(
        self, key: str, content_type: str, *, limit_bytes: int, seconds: int
    ) -> tuple[str, dict[str, str]]:
        fields = signed_form(
            bucket=self._bucket,
            fields={"key": key, "Content-Type": content_type, "success_action_status": "204"},
            least_bytes=1,
            most_bytes=limit_bytes,
            credentials=self._credentials,
            region=self._region,
            seconds=seconds,
            now=self._now(),
        )
        return f"{self._scheme}://{self._connection.origin.authority}{self._path('')}", fields

    def uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    def key(self, uri: str) -> str | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return key if bucket == self._bucket and key else None

    @property
    def _scheme(self) -> str:
        return "https" if self._connection.origin.secure else "http"

    def _path(self, key: str) -> str:
        return f"{self._connection.origin.prefix}/{quote(key, safe='/-_.~')}"

    def _send(
        self,
        method: str,
        key: str,
        deadline: Deadline,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: list[tuple[str, str]] | None = None,
        limit_bytes: int = _ANSWER_BYTES,
        harmless_twice: bool = False,
    ) -> Reply:
        path = self._path(key)
        signed = signed_headers(
            method=method,
            path=path,
            query=query or (),
            headers={"Host": self._connection.origin.authority, **(headers or {})},
            payload=body,
            credentials=self._credentials,
            region=self._region,
            service="s3",
            now=self._now(),
        )
        target = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        try:
            return self._connection.exchange(
                method,
                target,
                signed,
                body,
                deadline=deadline,
                limit_bytes=limit_bytes,
                harmless_twice=harmless_twice or method == "GET",
            )
        except (TimeoutError, NotReached, ConnectionLost, ReplyTooLarge) as error:
            raise StoreFailed(f"{type(error).__name__}: {error}") from error

    def _failed(self, what: str, reply: Reply) -> StoreFailed:
        code = re.search(rb"<Code>(\w{1,64})</Code>", reply.body)
        told = code[1].decode() if code else "-"
        return StoreFailed(
            f"{what} status={reply.status} code={told} id={reply.headers.get('x-amz-request-id')}"
        )
