"""The request at hand, for whoever has to decide about it: how it came, and what it says.

The local AWS has two doors when it enforces IAM. Outside is TLS, for everybody. Inside is plain HTTP on
another port of loopback, for its own services, functions and containers, who could not be told of the
authority's file; their requests count as secure. Through the inside door, the root user is a service.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote

from local_aws import hooks

_LARGEST = 2 * 1024 * 1024
"""Bytes of a body that are kept: what names roles and tags is never larger."""

Application = Callable[..., Awaitable[None]]


@dataclass
class Arrived:
    """A request as it arrived; header names in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    address: str
    inside: bool
    _chunks: list[bytes] = field(default_factory=list)
    _kept: int = 0

    def keep(self, chunk: bytes) -> None:
        self._kept += len(chunk)
        if self._kept <= _LARGEST:
            self._chunks.append(chunk)

    @property
    def body(self) -> bytes:
        """The body, once it has been read; empty where it is too large to be about anybody's rights."""
        return b"".join(self._chunks) if self._kept <= _LARGEST else b""

    @cached_property
    def access_key(self) -> str:
        """Empty for a request that is not signed."""
        return hooks.rights.access_key_of(self.headers, self.query)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """A JSON body's members, or the parameters of AWS's query protocol, as far as it has either."""
        if self.body.lstrip()[:1] == b"{":
            try:
                found = json.loads(self.body)
            except ValueError:
                return {}
            return found if isinstance(found, dict) else {}
        said = {**self.query}
        if "x-www-form-urlencoded" in self.headers.get("content-type", ""):
            said |= parse_qs(self.body.decode("utf-8", "replace"))
        return {name: values[0] for name, values in said.items() if values}


_arrived: ContextVar[Arrived | None] = ContextVar("arrived_request", default=None)


def arrived() -> Arrived | None:
    """The request at hand; None in work that nobody asked for."""
    return _arrived.get()


def remember_requests(application: Application, inside_port: int) -> Application:
    """Keeps each request for as long as it is answered, and tells through which door it came."""

    async def remembering(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        inside = scope["server"][1] == inside_port
        request = Arrived(
            method=scope["method"],
            path=unquote(scope["path"]),
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
            },
            query=parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            address=(scope.get("client") or ("127.0.0.1",))[0],
            inside=inside,
        )
        _arrived.set(request)

        async def receive_and_keep() -> Any:
            message = await receive()
            request.keep(message.get("body", b""))
            return message

        # ministack reads from the scheme whether a request came over TLS.
        await application({**scope, "scheme": "https"}, receive_and_keep, send)

    return remembering
