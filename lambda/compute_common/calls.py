"""How AWS is asked: page by page, and with its refusals in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from compute_common.thing import CannotSee

_GONE = ("ResourceNotFound", "ResourceNotFoundException")
_NOT_THERE = ("could not find", "does not exist", "not found", "cluster id")
_ENDED = tuple(
    f"is in status {status}"
    for status in ("completed", "deleted", "deleting", "failed", "stopped", "stopping")
)


def pages(client: Any, operation: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
    """All that a list operation answers. Raises CannotSee."""
    with seeing(operation):
        for page in client.get_paginator(operation).paginate(**request):
            yield from page.get(member, [])


def tags_of(sagemaker: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in pages(sagemaker, "list_tags", "Tags", ResourceArn=arn)}


@contextmanager
def seeing(what: str) -> Iterator[None]:
    """Throttled, denied or out of reach: whoever asks does not know, and shall not act as if they did."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise CannotSee(f"{what}: {error}") from error


@contextmanager
def unless_gone() -> Iterator[None]:
    """Stopping what is gone, or going, is harmless."""
    try:
        yield
    except ClientError as error:
        said: Mapping[str, str] = error.response["Error"]
        message = said.get("Message", "").lower()
        missing = said["Code"] == "ValidationException" and any(words in message for words in _NOT_THERE)
        if said["Code"] not in _GONE and not missing and not any(words in message for words in _ENDED):
            raise
