"""pydantic's errors, in the words of the file: what was given, and what would do."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from clary.environment.document import Document, Entry, KeyPath, Problem, shown
from clary.environment.form import Form


class Kind:
    """A type of the model with its annotations: what a value at some place of the file has to be."""

    def __init__(self, annotation: Any, metadata: tuple[Any, ...] = (), default: Any = None) -> None:
        self.annotation: Any
        self.metadata = metadata
        self.default = default
        while hasattr(annotation, "__metadata__"):
            self.metadata += tuple(annotation.__metadata__)
            annotation = annotation.__origin__
        members = get_args(annotation)
        self.nullable = NoneType in members
        if self.nullable:
            inner = Kind(next(member for member in members if member is not NoneType), self.metadata)
            self.metadata, annotation = inner.metadata, inner.annotation
        self.annotation = annotation

    @property
    def part(self) -> type[BaseModel] | None:
        is_part = isinstance(self.annotation, type) and issubclass(self.annotation, BaseModel)
        return self.annotation if is_part else None

    @property
    def choices(self) -> list[str]:
        if get_origin(self.annotation) is Literal:
            return [str(choice) for choice in get_args(self.annotation)]
        if isinstance(self.annotation, type) and issubclass(self.annotation, Enum):
            return [str(member.value) for member in self.annotation]
        return []

    @property
    def key(self) -> Kind:
        """What the keys of a mapping are."""
        return Kind(get_args(self.annotation)[0])

    def below(self, key: str | int) -> Kind | None:
        """What the value of a key, or an item of a list, is; None for a key that nobody knows."""
        if self.part is not None:
            known = self.part.model_fields.get(str(key))
            return None if known is None else Kind(known.annotation, tuple(known.metadata), known.default)
        inner = get_args(self.annotation)
        if get_origin(self.annotation) is Mapping:
            return Kind(inner[1])
        return Kind(inner[0]) if get_origin(self.annotation) is tuple else None

    @property
    def wanted(self) -> str:
        """What would do, to follow 'give'."""
        words = self._words()
        null_says_something = self.nullable and isinstance(self.default, BaseModel)
        return f"{words}, or null for none" if null_says_something else words

    @property
    def form(self) -> Form | None:
        return next((each for each in self.metadata if isinstance(each, Form)), None)

    def fits(self, text: str) -> bool:
        """Whether a text would do, as far as its form goes."""
        return text in self.choices if self.choices else self.form is None or self.form.fits(text)

    def _words(self) -> str:
        if self.form is not None:
            return self.form.wanted
        if self.choices:
            return f"one of: {', '.join(self.choices)}"
        if self.part is not None:
            return f"a mapping with keys among: {', '.join(self.part.model_fields)}"
        if get_origin(self.annotation) is Mapping:
            return "a mapping, one 'name: value' a line"
        if get_origin(self.annotation) is tuple:
            return f"a list in brackets, each item {Kind(get_args(self.annotation)[0]).wanted}"
        if self.annotation is bool:
            return "true or false"
        if self.annotation is int:
            least, most = self._bound(annotated_types.Ge, "ge"), self._bound(annotated_types.Le, "le")
            return f"a whole number from {least} to {most}"
        return "text"

    def _bound(self, kind: type, name: str) -> Any:
        return next((getattr(bound, name) for bound in self.metadata if isinstance(bound, kind)), "any")


def problem(error: ErrorDetails, document: Document, top: type[BaseModel]) -> Problem:
    """One of pydantic's errors, placed in the file and said in its words."""
    path: KeyPath = error["loc"]
    is_key = path[-1:] == ("[key]",) and path not in document.entries
    path = path[:-1] if is_key else path
    entry = document.nearest(path)
    place = entry.key if (is_key or error["type"] == "extra_forbidden") and entry.key else entry.place
    above, kind = _kinds(path, top)
    if is_key and above is not None:
        kind = above.key
    sentence = _sentence(error, path, entry, kind, above, is_key)
    return Problem(place, sentence, path)


def _kinds(path: KeyPath, top: type[BaseModel]) -> tuple[Kind | None, Kind | None]:
    """What stands above a path's end, and at it, as far as the model knows."""
    above, kind = None, Kind(top)
    for key in path:
        above, below = kind, kind.below(key)
        if below is None:
            return above, None
        kind = below
    return above, kind


def _sentence(
    error: ErrorDetails, path: KeyPath, entry: Entry, kind: Kind | None, above: Kind | None, is_key: bool
) -> str:
    context = error.get("ctx", {})
    if error["type"] == "complaint":
        return str(error["msg"])
    if error["type"] == "extra_forbidden" and above is not None and above.part is not None:
        return _unknown_key(str(path[-1]), list(above.part.model_fields))
    wanted = "something else" if kind is None else kind.wanted
    if error["type"] == "missing":
        return f"is missing, give {wanted}"
    given = _given(str(path[-1]) if is_key else error["input"], None if is_key else entry.written)
    match error["type"]:
        case "value_error":
            return f"{given} {context['error']}"
        case "enum" | "literal_error" if kind is not None and isinstance(error["input"], str):
            near = get_close_matches(error["input"], kind.choices, n=1)
            hint = f", did you mean '{near[0]}'? choose" if near else ", choose"
            return f"{given} does not exist{hint} {wanted}"
        case "string_type" if entry.written and isinstance(error["input"], bool | int | float):
            fits = kind is None or kind.fits(entry.written)
            would_do = f'write "{shown(entry.written)}"' if fits else f"give {wanted}"
            return f"{given} without quotes is not text to YAML, {would_do}"
        case "too_short" | "too_long" | "string_too_short" | "string_too_long":
            least, most = context.get("min_length"), context.get("max_length")
            bound = f"at least {least}" if least is not None else f"at most {most}"
            unit = "characters" if error["type"].startswith("string") else "entries"
            count = context.get("actual_length", len(error["input"]))
            return f"has {count} {unit}, give {bound}"
        case "greater_than_equal" | "less_than_equal":
            return f"{given} is out of range, give {wanted}"
    return f"{given} {'is given' if error['input'] is None else 'does not fit'}, give {wanted}"


def _given(value: object, written: str | None) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"'{shown(written if written is not None else str(value))}'"


def _unknown_key(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    hint = f", did you mean '{near[0]}'? choose" if near else ", choose"
    return f"no such key{hint} one of: {', '.join(known)}"
