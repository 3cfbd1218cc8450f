"""The JSONPath expressions that batch transform knows.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators
The end of a slice is included, as that page says: `$[1:4]` is the second to the fifth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"\.?\[(?P<list>[^\]]*)\]"  # AWS's page has `$.field1.['child1','child2']`, too
    r"|\.(?P<name>\*|[^.\[\]*'\s]+)"
)
_NUMBER = re.compile(r"\s*(-?\d+)\s*")
_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")
_NAME = re.compile(r"\s*'([^']*)'\s*|\s*\"([^\"]*)\"\s*")


class InvalidPath(ValueError):
    """What is wrong with an expression."""


class NotFound(ValueError):
    """What an expression asks for, and a record has not."""


@dataclass(frozen=True)
class _All:
    pass


@dataclass(frozen=True)
class _Names:
    names: Sequence[str]


@dataclass(frozen=True)
class _Places:
    """Numbers, and slices as pairs."""

    places: Sequence[int | tuple[int | None, int | None]]


_Step = _All | _Names | _Places


@dataclass(frozen=True)
class JsonPath:
    text: str
    _steps: Sequence[_Step]

    @property
    def is_root(self) -> bool:
        """Whether it takes everything."""
        return not self._steps

    @property
    def uses_names(self) -> bool:
        return any(isinstance(step, _Names) for step in self._steps)

    def select(self, value: Any) -> Any:
        """What it takes of a value. Raises `NotFound`."""
        return _select(value, self._steps, self.text)


def parse(text: str) -> JsonPath:
    """Raises `InvalidPath`."""
    if not text.startswith("$"):
        raise InvalidPath(f"'{text}' is not a JSONPath that is supported: it does not begin with $")
    steps, place = [], 1
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise InvalidPath(f"'{text}' is not a JSONPath that is supported, from '{text[place:]}' on")
        steps.append(_listed(token["list"], text) if token["name"] is None else _named(token["name"]))
        place = token.end()
    return JsonPath(text, steps)


def _named(name: str) -> _Step:
    return _All() if name == "*" else _Names([name])


def _listed(content: str, text: str) -> _Step:
    if content.strip() == "*":
        return _All()
    names = [_NAME.fullmatch(part) for part in content.split(",")]
    if all(names):
        return _Names([found[1] if found[1] is not None else found[2] for found in names if found])
    places: list[int | tuple[int | None, int | None]] = []
    for part in content.split(","):
        number, piece = _NUMBER.fullmatch(part), _SLICE.fullmatch(part)
        if number is not None:
            places.append(int(number[1]))
        elif piece is not None:
            first, last = (None if end is None else int(end) for end in piece.groups())
            places.append((first, last))
        else:
            raise InvalidPath(f"'{text}' is not a JSONPath that is supported, because of '[{content}]'")
    return _Places(places)


def _select(value: Any, steps: Sequence[_Step], text: str) -> Any:
    if not steps:
        return value
    step, *rest = steps
    if isinstance(step, _All):
        if not isinstance(value, dict | list):
            raise NotFound(f"there is nothing to take by {text}")
        every = value.values() if isinstance(value, dict) else value
        return [_select(one, rest, text) for one in every]
    found = _by_name(value, step, text) if isinstance(step, _Names) else _by_place(value, step, text)
    return _select(found, rest, text)


def _by_name(value: Any, step: _Names, text: str) -> Any:
    if not isinstance(value, dict):
        raise NotFound(f"{text} takes attributes, and the record is not an object")
    missing = [name for name in step.names if name not in value]
    if missing:
        raise NotFound(f"the record has no attribute '{missing[0]}', for {text}")
    if len(step.names) == 1:
        return value[step.names[0]]
    return {name: value[name] for name in step.names}


def _by_place(value: Any, step: _Places, text: str) -> Any:
    if not isinstance(value, list):
        raise NotFound(f"{text} takes elements, and the record is not an array")
    size = len(value)
    found: list[Any] = []
    for place in step.places:
        if isinstance(place, int):
            if not -size <= place < size:
                raise NotFound(f"the record has no element {place} of {size}, for {text}")
            found.append(value[place])
            continue
        first, last = place
        # From the end as Python counts, and up to and including the last.
        begin = 0 if first is None else first if first >= 0 else size + first
        end = size - 1 if last is None else last if last >= 0 else size + last
        found += value[max(begin, 0) : end + 1]
    single = len(step.places) == 1 and isinstance(step.places[0], int)
    return found[0] if single else found
