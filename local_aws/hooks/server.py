"""The server that answers for every service, and whose request is at hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any

import ministack.app as _app
from ministack.core import responses as _responses
from ministack.core import router as _router

from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.request import on_own_thread

PRIVATE_NAMES: PrivateNames = {
    "ministack.app": ("SERVICE_HANDLERS", "_reset_all_state", "app", "call_service_handler_sync"),
    "ministack.core.responses": ("StreamingResponse",),
    "ministack.core.router": ("SERVICE_PATTERNS",),
}


Response = tuple[int, dict[str, Any], bytes]
ServiceHandler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Response]]
"""`await handler(method, path, headers, body, query)`; the headers of each answer are a new dict."""


def application() -> Any:
    """The ASGI application that serves every service on one port."""
    return _app.app


def add_service(name: str, handler: ServiceHandler) -> None:
    """Answers the requests that are signed for the service `name`; an existing one is replaced."""
    _app.SERVICE_HANDLERS[name] = handler
    # A name that the router does not know makes it read the models of all of AWS's services first, which
    # holds up every request for seconds.
    _router.SERVICE_PATTERNS.setdefault(name, {})


def service_names() -> list[str]:
    """All services that requests are answered for, by their signing names."""
    return sorted(_app.SERVICE_HANDLERS)


def service(name: str) -> ServiceHandler:
    """The handler that answers a service's requests now, for whoever wraps it."""
    handler: ServiceHandler = _app.SERVICE_HANDLERS[name]
    return handler


def ask_service(name: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
    """Asks a service as a request would, in the account and region of now, from a thread that may wait."""
    answer: Response = _app.call_service_handler_sync(service(name), method, path, headers, body, {})
    return answer


def on_reset(forget: Callable[[], None]) -> None:
    """Calls `forget` when a test asks the server to forget everything: `POST /_ministack/reset`."""
    usual = _app._reset_all_state

    def reset() -> None:
        forget()
        usual()

    _app._reset_all_state = reset


def streamed(chunks: Generator[bytes]) -> Any:
    """The body of a response that is sent piece by piece; each piece may take its time."""

    async def run(send: Callable[[dict[str, Any]], Awaitable[None]], _receive: Any) -> None:
        try:
            while (chunk := await on_own_thread(next, chunks, None)) is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await on_own_thread(chunks.close)

    return _responses.StreamingResponse(run)
