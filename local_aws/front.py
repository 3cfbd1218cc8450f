"""What is in front of all services: headers' names, and pages of the local AWS's own below `/_local_aws/`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

_PREFIX = "/_local_aws/"

Application = Callable[..., Awaitable[None]]
Page = Callable[[str, Mapping[str, list[str]], bytes], tuple[int, str, bytes]]
"""`page(method, query, body)` answers a status, a content type and a body; quick, it holds up the server."""

_PAGES: dict[str, Page] = {}


def add_page(path: str, page: Page) -> None:
    _PAGES[path] = page


def with_header_names(application: Application) -> Application:
    """Hands on each request as ASGI wants it, with its headers' names in lower case, and beside these, as
    `header_names`, the names as they were sent: API Gateway tells functions those."""

    async def front(scope: Any, receive: Any, send: Any) -> None:
        if "headers" in scope:
            sent = scope["headers"]
            names = {name.lower().decode("latin-1"): name.decode("latin-1") for name, _ in sent}
            headers = [(name.lower(), value) for name, value in sent]
            scope = {**scope, "headers": headers, "header_names": names}
        await application(scope, receive, send)

    return front


def with_own_pages(application: Application) -> Application:
    async def front(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await application(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, content_type, answer = _answer(scope, body)
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return front


def _answer(scope: Any, body: bytes) -> tuple[int, str, bytes]:
    page = _PAGES.get(scope["path"])
    if page is None:
        return 404, "application/json", b'{"message": "no such page"}'
    return page(scope["method"], parse_qs(scope["query_string"].decode()), body)
