"""All that we touch of ministack's private names, and nothing else does.

ministack is pinned exactly: `tests/unit/local_aws/test_hooks.py` names every private name that is used
here and fails when an upgrade has moved it. Whoever adds a hook adds its name to `PRIVATE_NAMES`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager
from threading import Thread
from typing import Any

import ministack.app as _app
from ministack.core import concurrency as _concurrency
from ministack.core import lambda_runtime as _lambda_runtime
from ministack.core import responses as _responses

Response = tuple[int, dict[str, Any], bytes]
ServiceHandler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Response]]
"""`await handler(method, path, headers, body, query)`; the headers of each answer are a new dict."""

PRIVATE_NAMES: dict[str, tuple[str, ...]] = {
    "ministack.app": ("app", "SERVICE_HANDLERS", "call_service_handler_sync"),
    "ministack.core.concurrency": ("run_reentrant", "spawn_background"),
    "ministack.core.lambda_runtime": (
        "_PYTHON_WORKER_SCRIPT",
        "_lock",
        "_workers",
        "Worker._drain_stderr_bounded",
        "kill_workers",
    ),
    "ministack.core.responses": ("get_account_id", "get_region", "request_scope"),
}


def application() -> Any:
    """The ASGI application that serves every service on one port."""
    return _app.app


def add_service(name: str, handler: ServiceHandler) -> None:
    """Answers the requests that are signed for the service `name`; an existing one is replaced."""
    _app.SERVICE_HANDLERS[name] = handler


def service(name: str) -> ServiceHandler:
    """The handler that answers a service's requests now, for whoever wraps it."""
    handler: ServiceHandler = _app.SERVICE_HANDLERS[name]
    return handler


def account_id() -> str:
    """The account that the request at hand belongs to."""
    return str(_responses.get_account_id())


def region() -> str:
    """The region that the request at hand belongs to."""
    return str(_responses.get_region())


def scope(account: str, region: str) -> AbstractContextManager[None]:
    """What is done inside is done in that account and region: for work outside of any request."""
    return _responses.request_scope(account, region)  # type: ignore[no-any-return]  # ministack is untyped


async def on_own_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Runs what blocks, or calls this server, on a thread of its own in the request's account and region."""
    return await _concurrency.run_reentrant(function, *arguments)


def in_background(function: Callable[..., Any], *arguments: Any, name: str) -> Thread:
    """Starts what nobody waits for, in the request's account and region; its failure is logged."""
    thread: Thread = _concurrency.spawn_background(function, *arguments, thread_name=name)
    return thread


# --- functions -------------------------------------------------------------------------------------

_WATCH_PARENT = """
def _end_with_parent():
    # A function that is busy when the local AWS is killed does not see its input close.
    import os, threading, time
    parent = {parent}
    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()
_end_with_parent()
"""


def mend_functions() -> None:
    """Lets functions end with the server, and answer without waiting for a log line that never comes."""
    script = _WATCH_PARENT.format(parent=os.getpid()) + _lambda_runtime._PYTHON_WORKER_SCRIPT
    _lambda_runtime._PYTHON_WORKER_SCRIPT = script
    # Otherwise each call of a function that prints nothing waits 50 ms for its first line. A line that
    # is still in the pipe when the answer arrives is drained with the next call's.
    _lambda_runtime.Worker._drain_stderr_bounded = _drain


def _drain(worker: Any) -> str:
    return str(worker._drain_stderr())


def stop_functions() -> None:
    """Ends every function's processes and removes their folders."""
    with _lambda_runtime._lock:
        workers = [worker for pool in _lambda_runtime._workers.values() for worker in pool]
        _lambda_runtime._workers.clear()
    _lambda_runtime.kill_workers(workers)
