"""One kept-alive HTTP/1.1 connection, on which every wait ends with the caller's deadline.

`http.client` parses the answers. Requests are written here, in one piece where they are small, and so
that it is known whether a request can have reached the other side when its connection breaks.
"""

from __future__ import annotations

import io
import select
import socket
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit

from runtime_common.deadline import Deadline

if TYPE_CHECKING:
    from ssl import SSLContext

    from _typeshed import WriteableBuffer

_CONNECT_SECONDS = 2.0
"""How long one address may take to accept a connection."""

_IDLE_SECONDS = 15.0
"""How long a connection is trusted while nothing is sent on it: a frozen function misses its end."""

_ONE_PIECE_BYTES = 64 * 1024


class NotReached(Exception):
    """No connection could be made, so nothing was sent."""


class ConnectionLost(Exception):
    """The connection broke, or what came back was not HTTP.

    Unless `request_sent`, the other side cannot have had the whole request.
    """

    def __init__(self, reason: str, *, request_sent: bool) -> None:
        super().__init__(reason)
        self.request_sent = request_sent


class ReplyTooLarge(Exception):
    """The reply is longer than was asked for."""


class Reply(NamedTuple):
    status: int
    headers: HTTPMessage
    body: bytes


class Origin(NamedTuple):
    """Where requests go: what stands before the path of a URL, and the part of the path that all share."""

    secure: bool
    host: str
    port: int
    prefix: str

    @classmethod
    def of(cls, url: str) -> Origin:
        """Raises :class:`ValueError` for what is not an http or https URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"'{url}' is not an http or https URL")
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, parts.port or (443 if secure else 80), parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """The Host header, which is part of the signature."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


class KeptConnection:
    """A connection to one origin, opened when it is needed. For one request at a time."""

    def __init__(
        self,
        origin: Origin,
        *,
        ca_bundle: str | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.origin = origin
        self._ca_bundle = ca_bundle
        # Not the monotonic clock: that may stand still while the function is frozen.
        self._wall_clock = wall_clock
        self._socket: socket.socket | None = None
        self._last_used = 0.0

    def exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        deadline: Deadline,
        limit_bytes: int,
        harmless_twice: bool = False,
    ) -> Reply:
        """Sends a request and reads its reply, of at most `limit_bytes`.

        A connection that has been idle may turn out to be closed. Then the request is sent once more,
        on a new one, if the other side cannot have had all of it, or if it is `harmless_twice`.

        Raises :class:`NotReached`, :class:`ConnectionLost`, :class:`ReplyTooLarge`, or
        :class:`TimeoutError` when the deadline passes.
        """
        kept = self._kept()
        try:
            return self._attempt(
                kept or self._open(deadline), method, path, headers, body, deadline, limit_bytes
            )
        except ConnectionLost as loss:
            if kept is None or (loss.request_sent and not harmless_twice):
                raise
        return self._attempt(self._open(deadline), method, path, headers, body, deadline, limit_bytes)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _kept(self) -> socket.socket | None:
        """The connection of the request before, unless it is old or the other side has closed it."""
        if self._socket is None:
            return None
        old = not 0 <= self._wall_clock() - self._last_used <= _IDLE_SECONDS
        # Nothing was asked, so all there can be to read is the connection's end.
        if old or select.select([self._socket], [], [], 0)[0]:
            self.close()
        return self._socket

    def _open(self, deadline: Deadline) -> socket.socket:
        self.close()
        origin = self.origin
        failure: OSError = OSError("no address")
        try:
            addresses = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotReached(f"{origin.host} has no address: {error}") from error
        for family, kind, protocol, _, address in addresses:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(min(_CONNECT_SECONDS, deadline.remaining()))
                connection.connect(address)
                # The last segment of a request shall not wait for the acknowledgement of the one before.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if origin.secure:
                    connection.settimeout(min(_CONNECT_SECONDS, deadline.remaining()))
                    connection = self._tls.wrap_socket(connection, server_hostname=origin.host)
            except OSError as error:
                connection.close()
                if deadline.passed():
                    raise TimeoutError("the time was used up while connecting") from error
                failure = error
            else:
                self._socket = connection
                return connection
        raise NotReached(f"{origin.authority} is not reached: {failure}") from failure

    @cached_property
    def _tls(self) -> SSLContext:
        import ssl  # costs 6 ms, and the trusted certificates more: not paid where the origin is plain

        return ssl.create_default_context(cafile=self._ca_bundle)

    def _attempt(
        self,
        connection: socket.socket,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        deadline: Deadline,
        limit_bytes: int,
    ) -> Reply:
        head = _head(method, path, {**headers, "Content-Length": str(len(body))})
        sent = keep = False
        try:
            if len(body) <= _ONE_PIECE_BYTES:
                _send(connection, head + body, deadline)
            else:
                _send(connection, head, deadline)
                _send(connection, body, deadline)
            sent = True
            reply, keep = _receive(connection, method, deadline, limit_bytes)
        except TimeoutError:
            raise
        except (OSError, HTTPException) as error:
            raise ConnectionLost(f"{type(error).__name__}: {error}"[:200], request_sent=sent) from error
        finally:
            if not keep:
                self.close()
        self._last_used = self._wall_clock()
        return reply


def _head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    for line in lines:
        if not (line.isascii() and line.isprintable()):
            raise ValueError(f"a line of the request's head has characters that HTTP forbids: {line[:40]!a}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _send(connection: socket.socket, data: bytes, deadline: Deadline) -> None:
    connection.settimeout(deadline.remaining())  # for all of sendall, not for each of its parts
    connection.sendall(data)


def _receive(
    connection: socket.socket, method: str, deadline: Deadline, limit_bytes: int
) -> tuple[Reply, bool]:
    """The reply, and whether the connection can be kept."""
    # HTTPResponse asks of a socket nothing but makefile.
    response = HTTPResponse(cast(socket.socket, _TimedFiles(connection, deadline)), method=method)
    try:
        response.begin()
        length = response.length
        if length is None and not response.chunked:
            # What ends with the connection cannot be told from what was cut off; http.client takes even
            # half a head for a whole one.
            raise HTTPException("the reply does not say where it ends")
        if length is not None and length > limit_bytes:
            raise ReplyTooLarge(f"{length} bytes announced, at most {limit_bytes} asked for")
        body = response.read(limit_bytes + 1 if length is None else length)
        if length is not None and len(body) < length:
            raise HTTPException(f"the reply ends after {len(body)} of {length} bytes")
        if len(body) > limit_bytes:
            raise ReplyTooLarge(f"more than the {limit_bytes} bytes asked for")
        return Reply(response.status, response.headers, body), not response.will_close
    finally:
        response.close()


class _TimedFiles:
    """A socket whose files read no longer than the deadline, however slowly the bytes drip."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._connection, self._deadline), 64 * 1024)


class _TimedReader(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._connection.settimeout(self._deadline.remaining())
        return self._connection.recv_into(buffer)
