"""What a message says, and which messages have to come again."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from feature_ingestion.ports import NotTaken, Record, Store


class Message(NamedTuple):
    id: str
    group: str
    body: str


class Unreadable(Exception):
    """The message is no record."""


def ingest(
    messages: Iterable[Message], store: Store, *, time_is_up: Callable[[], bool]
) -> list[tuple[str, str]]:
    """Writes each message's record, and returns the ids of those that were not, each with the reason.

    They come again, and are kept among the dead letters in the end. One that cannot be written keeps none
    of the others from it.
    """
    failed = []
    for message in messages:
        if time_is_up():
            failed.append((message.id, "there was no time left"))
            continue
        try:
            store.put(message.group, record_of(message.body))
        except (Unreadable, NotTaken) as error:
            failed.append((message.id, str(error)))
    return failed


def record_of(body: str) -> Record:
    """The record that a JSON object says; what is null has no value."""
    try:
        said = json.loads(body, parse_constant=_refuse)
    except ValueError as error:
        raise Unreadable(f"the message is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise Unreadable("the message is no JSON object with a value for each feature")
    record = {name: _text(name, value) for name, value in said.items() if value is not None}
    if not record:
        raise Unreadable("the message has no values")
    return record


def _text(name: str, value: Any) -> str | list[str]:
    if isinstance(value, list):
        return [_single(name, item) for item in value]
    return _single(name, value)


def _single(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unreadable(f"'{name}' is no text, number or list of these")
    return repr(value)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON's")
