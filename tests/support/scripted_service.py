"""A service on loopback that answers byte by byte what a test tells it to."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

ENDPOINT = "clary-test-housing"


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        if self.path == "/BatchGetRecord":
            return "BatchGetRecord"
        return self.headers.get("x-amz-target", "").removeprefix("SageMaker.") or "InvokeEndpoint"


Behaviour = Callable[[socket.socket, Received, threading.Event], bool]
"""Answers a request; false closes the connection."""


def reply(
    status: int = 200,
    body: bytes | Mapping[str, object] = b"",
    content_type: str = "application/json",
    *,
    keep: bool = True,
    **headers: str,
) -> Behaviour:
    """A whole answer. With `keep=False` the connection is closed after it, without a word."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": content_type, "Content-Length": str(len(content))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return raw(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + content, keep=keep)


def raw(data: bytes, *, keep: bool = False) -> Behaviour:
    def behave(connection: socket.socket, _received: Received, _stopping: threading.Event) -> bool:
        connection.sendall(data)
        return keep

    return behave


def silence(connection: socket.socket, _received: Received, _stopping: threading.Event) -> bool:
    """Says nothing until the client goes away."""
    return bool(connection.recv(1))


def hang_up(_connection: socket.socket, _received: Received, _stopping: threading.Event) -> bool:
    """Closes the connection in place of an answer."""
    return False


def reset(connection: socket.socket, _received: Received, _stopping: threading.Event) -> bool:
    """Breaks the connection in place of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def drip(connection: socket.socket, _received: Received, stopping: threading.Event) -> bool:
    """Begins an answer, and goes on a byte at a time, without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not stopping.wait(0.005):
        connection.sendall(b"s")
    return False


@dataclass
class Service:
    """Answers each operation with the next of its behaviours, and the last one from then on."""

    listener: socket.socket
    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    break_off_while_reading: bool = False
    """Reset the next connection's second request once its head is there, and its body is not."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def on(self, operation: str, *behaviours: Behaviour) -> None:
        self.behaviours[operation] = list(behaviours)

    def operations(self) -> list[str]:
        return [received.operation for received in self.received]

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            self._start(partial(self.serve, connection))

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self.threads.append(thread)
        thread.start()

    def serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self.tls is not None:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                    self.connections.append(connection)
                while (received := self._read(connection)) is not None:
                    self.received.append(received)
                    behaviours = self.behaviours[received.operation]
                    behave = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
                    if not behave(connection, received, self.stopping):
                        return
            except OSError:
                return  # the client went away, as some tests want
            finally:
                connection.close()

    def _read(self, connection: socket.socket) -> Received | None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (chunk := connection.recv(65536)):
                return None
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if self.break_off_while_reading and self.received:
            self.break_off_while_reading = False
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return None
        while len(body) < int(headers["content-length"]):
            body += connection.recv(65536)
        method, path, _ = first.split(" ")
        return Received(method, path, headers, body)

    def start(self) -> None:
        self._start(self.accept)

    def stop(self) -> None:
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed already
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive()


@dataclass(frozen=True)
class Context:
    """Lambda's, as far as it is used."""

    remaining_milliseconds: int = 30_000
    aws_request_id: str = "function-request-id"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


def event(
    path: str = "/models/housing/invocations",
    body: str | None = "1,2,3",
    *,
    method: str = "POST",
    content_type: str | None = "text/csv",
    **changes: object,
) -> dict[str, Any]:
    """What API Gateway hands to the function."""
    headers = {"Host": "api.example"} | ({"Content-Type": content_type} if content_type else {})
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"requestId": "request-1", "stage": "v1", "path": f"/v1{path}"},
        "body": body,
        "isBase64Encoded": False,
        **changes,
    }
