"""What containers print, on its way to CloudWatch Logs."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Any

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.polling import readable
from local_aws.sagemaker import clients

logger = logging.getLogger("local_aws.sagemaker")

_GATHER_SECONDS = 0.05
_CHUNK = 1 << 16
_LONGEST = 200_000
"""Bytes of one event, below the service's 256 KB."""


class LogStream:
    """A log stream that follows a container's output until its end."""

    def __init__(self, group: str, name: str, watch: Callable[[list[str]], None] | None = None) -> None:
        """`watch` sees each batch of lines before it is sent."""
        self.group = group
        self.name = name
        self._watch = watch
        self._tail: deque[str] = deque(maxlen=20)
        self._client = clients.of_account("logs")
        self._there = False
        self._thread: threading.Thread | None = None

    def follow(self, output: IO[bytes]) -> None:
        self._thread = hooks.request.in_background(self._pump, output, name=f"log-{self.name}")

    def finish(self, seconds: float = 5) -> None:
        """Waits until all that was printed has been sent."""
        if self._thread is not None:
            self._thread.join(seconds)

    def tail(self) -> str:
        """The last lines, for whoever has to say why it failed."""
        return "\n".join(self._tail)

    def say(self, line: str) -> None:
        """An own line among the container's."""
        self._send([line])

    def _pump(self, output: IO[bytes]) -> None:
        rest = b""
        with output:
            while chunk := _gather(output.fileno()):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _LONGEST:
                    lines, rest = [*lines, rest], b""
                self._send([line.decode(errors="replace") for line in lines])
        if rest:
            self._send([rest.decode(errors="replace")])

    def _send(self, lines: list[str]) -> None:
        try:
            self._put(lines)
        except Exception:
            # Reading goes on: a program that nobody reads from stands still. And when somebody has deleted
            # the group, the next lines make it again.
            logger.exception("cannot log what %s printed", self.name)
            self._there = False

    def _put(self, lines: list[str]) -> None:
        lines = [line.rstrip("\r")[:_LONGEST] for line in lines]
        self._tail.extend(lines)
        if self._watch is not None:
            self._watch(lines)
        now = int(time.time() * 1000)
        events: list[Any] = [{"timestamp": now, "message": line} for line in lines if line.strip()]
        if not events:
            return
        if not self._there:
            self._make()
        self._client.put_log_events(logGroupName=self.group, logStreamName=self.name, logEvents=events)

    def _make(self) -> None:
        for make, names in (
            (self._client.create_log_group, {"logGroupName": self.group}),
            (self._client.create_log_stream, {"logGroupName": self.group, "logStreamName": self.name}),
        ):
            try:
                make(**names)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                    raise
        self._there = True


def _gather(descriptor: int) -> bytes:
    """What has been printed, and a moment more: a chatty program is not sent line by line."""
    chunk = os.read(descriptor, _CHUNK)
    until = time.monotonic() + _GATHER_SECONDS
    while chunk and len(chunk) < _CHUNK:
        more = os.read(descriptor, _CHUNK) if readable(descriptor, until - time.monotonic()) else b""
        if not more:
            break
        chunk += more
    return chunk
