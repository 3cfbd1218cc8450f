"""The account and the region of the request at hand, and work on other threads in these."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Thread
from typing import Any

from ministack.core import concurrency as _concurrency
from ministack.core import responses as _responses

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.core.concurrency": ("run_reentrant", "spawn_background"),
    "ministack.core.responses": ("get_account_id", "get_region", "request_scope"),
}


def account_id() -> str:
    """The account that the request at hand belongs to."""
    return str(_responses.get_account_id())


def region() -> str:
    """The region that the request at hand belongs to."""
    return str(_responses.get_region())


def place() -> str:
    """The request's region and account, as they stand side by side in an ARN."""
    return f"{region()}:{account_id()}"


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
