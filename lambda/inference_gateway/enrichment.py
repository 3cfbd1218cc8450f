"""A body with features in the place of keys: what a client sends, and what its model is asked instead.

Each row has a key: a member of an object in JSON, or a column in CSV. The model gets what is known of it in
its place: members with the features' names, or columns in the order of the features. Where nothing is
known of a feature, it is null, or an empty column.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from inference_gateway import payload
from inference_gateway.catalogue import FeatureType, Lookup
from inference_gateway.limit import KEY_CHARACTERS, KEYS
from inference_gateway.payload import Misfit
from inference_gateway.ports import Known, KnownValue
from inference_gateway.problem import BODY_DOES_NOT_FIT, INVALID_JSON, Problem

_CRLF = "\r\n"
_WHOLE_NUMBER = re.compile("-?[0-9]{1,19}")

Value = str | int | float | None | list["Value"]


class Rows(NamedTuple):
    """The rows of a body, of which each has a key."""

    keys: Sequence[str]
    places: Sequence[tuple[str, int | None]]
    """Where each key is, for who is told of it: a JSON Pointer, and the number of the line."""
    filled: Callable[[Mapping[str, Known]], bytes]
    """The body for the model, once something is known of all keys."""

    def without(self, known: Mapping[str, Known]) -> list[Misfit]:
        """The rows of whose keys nothing is known."""
        message = "is a key of which nothing is known"
        return [
            Misfit(pointer, message, line)
            for key, (pointer, line) in zip(self.keys, self.places, strict=True)
            if key not in known
        ]


def rows(body: bytes, content_type: str, lookup: Lookup) -> Rows:
    """Of a body that `payload.check` has let pass. Raises :class:`Problem`."""
    media_type = content_type.partition(";")[0].strip().lower()
    if payload.is_json(media_type):
        value = json.loads(body)
        if isinstance(value, list):
            return _objects(value, [(f"/{index}", None) for index in range(len(value))], lookup, _as_array)
        return _objects([value], [("", None)], lookup, _as_object)
    if payload.is_json_lines(media_type):
        lines = body.removesuffix(b"\n").split(b"\n")
        values = [json.loads(line) for line in lines]
        return _objects(values, [("", number) for number in range(1, len(lines) + 1)], lookup, _as_lines)
    return _columns(body, lookup)


def _as_array(objects: list[dict[str, object]]) -> bytes:
    return _json(objects)


def _as_object(objects: list[dict[str, object]]) -> bytes:
    return _json(objects[0])


def _as_lines(objects: list[dict[str, object]]) -> bytes:
    return b"".join(_json(each) + b"\n" for each in objects)


def _json(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise Problem(INVALID_JSON, "a number is larger than programs can read") from error


def _objects(
    values: list[object],
    places: list[tuple[str, int | None]],
    lookup: Lookup,
    written: Callable[[list[dict[str, object]]], bytes],
) -> Rows:
    member = lookup.member
    keys: list[str] = []
    wrong: list[Misfit] = []
    ours = lookup.features.keys() - {member}
    for value, (pointer, line) in zip(values, places, strict=True):
        if not isinstance(value, dict) or member not in value:
            wrong.append(Misfit(pointer, f"is not an object with the member '{member}', its key", line))
            continue
        given = sorted(ours & value.keys())
        wrong += [Misfit(f"{pointer}/{name}", "is looked up, leave it out", line) for name in given]
        key = value[member]
        if isinstance(key, bool) or not isinstance(key, str | int) or not _is_key(str(key), lookup):
            wrong.append(Misfit(f"{pointer}/{member}", _no_key(lookup), line))
            continue
        keys.append(_normal(str(key), lookup))
    _refuse(wrong, values)

    def filled(known: Mapping[str, Known]) -> bytes:
        full = []
        for key, value in zip(keys, values, strict=True):
            assert isinstance(value, dict)
            row: dict[str, object] = {}
            for name, each in value.items():
                row |= _values(known[key], lookup) if name == member else {name: each}
            full.append(row)
        return written(full)

    return Rows(keys, [(f"{pointer}/{member}", line) for pointer, line in places], filled)


def _columns(body: bytes, lookup: Lookup) -> Rows:
    at = lookup.column - 1
    try:
        read = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Problem(BODY_DOES_NOT_FIT, "the body is not CSV in UTF-8", reason=str(error)) from error
    keys: list[str] = []
    wrong: list[Misfit] = []
    for number, row in enumerate(read, 1):
        key = row[at].strip() if at < len(row) else None
        if key is None:
            wrong.append(Misfit("", f"has no column {lookup.column}, where its key is", number))
        elif not _is_key(key, lookup):
            wrong.append(Misfit("", f"column {lookup.column} {_no_key(lookup)}", number))
        else:
            keys.append(_normal(key, lookup))
    _refuse(wrong, read)

    def filled(known: Mapping[str, Known]) -> bytes:
        lines = _Lines()
        writer = csv.writer(lines, lineterminator=_CRLF)
        for key, row in zip(keys, read, strict=True):
            values = [known[key].get(name, "") for name in lookup.features]
            writer.writerow([*row[:at], *values, *row[at + 1 :]])
        return "".join(lines.written).encode()

    return Rows(keys, [("", number) for number in range(1, len(read) + 1)], filled)


class _Lines:
    """Ends lines with a line feed: a writer that is told to do so leaves carriage returns unquoted."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        self.written.append(line.removesuffix(_CRLF) + "\n")


def _refuse(wrong: list[Misfit], values: Sequence[object]) -> None:
    if wrong:
        raise payload.misfitting(BODY_DOES_NOT_FIT, wrong)
    if not 0 < len(values) <= KEYS:
        raise Problem(BODY_DOES_NOT_FIT, f"the body has {len(values)} rows, send 1 to {KEYS} at a time")


def _is_key(text: str, lookup: Lookup) -> bool:
    if lookup.key_type == "integral":
        return _WHOLE_NUMBER.fullmatch(text) is not None
    return 0 < len(text) <= KEY_CHARACTERS


def _normal(text: str, lookup: Lookup) -> str:
    return str(int(text)) if lookup.key_type == "integral" else text


def _no_key(lookup: Lookup) -> str:
    what = "a whole number" if lookup.key_type == "integral" else f"text of 1 to {KEY_CHARACTERS} characters"
    return f"is not {what}"


def _values(known: Known, lookup: Lookup) -> dict[str, Value]:
    return {name: _value(known.get(name), kind) for name, kind in lookup.features.items()}


def _value(known: KnownValue | None, kind: FeatureType) -> Value:
    """As JSON has it, which knows no number that is none, or has no end."""
    if known is None or kind == "string":
        return known if known is None or isinstance(known, str) else list(known)
    if not isinstance(known, str):
        return [_value(each, kind) for each in known]
    if kind == "integral":
        return int(known)
    number = float(known)
    return number if math.isfinite(number) else None
