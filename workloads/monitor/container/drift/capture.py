"""What an endpoint was asked and answered, as rows, and the tables that baselines are made from."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Value = str | None
"""A field as text; None for nothing."""
_NOTHING = {"", "na", "n/a", "nan", "null", "none"}


class Unreadable(Exception):
    """Data that is not what this program knows, and where it is."""


@dataclass(frozen=True)
class Row:
    """A row of a request. What was answered and what was true are there when they are known."""

    features: Sequence[Value]
    names: Sequence[str] | None = None
    """Of the features, where the data itself says them."""
    answer: Value = None
    probability: Value = None
    truth: Value = None

    def in_order(self, names: Sequence[str]) -> Row:
        """With the features as `names` has them, where the data says which is which: JSON has no order. What
        `names` does not know is left out where something else is missing."""
        if self.names is None or list(self.names) == list(names):
            return self
        told = dict(zip(self.names, self.features, strict=True))
        more = [] if len(told) <= len(names) else [name for name in told if name not in names]
        order = [*(name for name in names if name in told), *more]
        return replace(self, features=[told[name] for name in order], names=order)


@dataclass(frozen=True)
class Where:
    """Where in an answer the prediction is: an index of a CSV row, or a key of a JSON object."""

    prediction: str = "0"
    probability: str | None = None


def number(value: Value) -> float | None:
    if value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if found == found and abs(found) != float("inf") else None


def captured(folder: Path, where: Where) -> Iterator[Row]:
    """The rows of all records below a folder. Raises `Unreadable`."""
    for path in sorted(folder.rglob("*.jsonl")):
        for index, line in enumerate(path.read_text().splitlines(), 1):
            if line.strip():
                try:
                    yield from _rows(json.loads(line), where)
                except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                    raise Unreadable(f"{path.name} line {index}: {error}") from error


def table(folder: Path, *, target: str | None, prediction: str | None, label: str | None) -> Iterator[Row]:
    """The rows of CSV files with a header. `target` is what a model predicts, and no feature; so are
    `prediction` and `label`, where the files have columns of these names. Raises `Unreadable`."""
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise Unreadable(f"no *.csv in {folder}, give tables with a header")
    for path in files:
        lines = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
        columns = list(lines.fieldnames or ())
        if target is not None and target not in columns:
            raise Unreadable(f"{path.name}: no column '{target}', there are {', '.join(columns)}")
        features = [name for name in columns if name not in (target, prediction, label)]
        for line in lines:
            if None in line or None in line.values():
                raise Unreadable(f"{path.name} line {lines.line_num}: not as many fields as the header has")
            said = {name: _value(value) for name, value in line.items()}
            truth = said.get(label or "", said.get(target or ""))
            yield Row(
                features=[said[name] for name in features],
                names=features,
                answer=said.get(prediction or "", truth),
                truth=truth,
            )


def _rows(record: Mapping[str, Any], where: Where) -> Iterator[Row]:
    data = record["captureData"]
    asked = _parsed(data["endpointInput"]) if "endpointInput" in data else []
    answered = _parsed(data["endpointOutput"]) if "endpointOutput" in data else []
    true = _parsed(record["groundTruthData"]) if "groundTruthData" in record else []
    count = max(len(asked), len(answered), len(true))
    for name, rows in (("asked", asked), ("answered", answered), ("true", true)):
        if rows and len(rows) != count:
            raise ValueError(f"{len(rows)} rows of what was {name}, where there are {count}")
    for index in range(count):
        features = asked[index] if asked else []
        answer = answered[index] if answered else []
        yield Row(
            features=list(features.values()) if isinstance(features, dict) else features,
            names=list(features) if isinstance(features, dict) else None,
            answer=_at(answer, where.prediction) if answered else None,
            probability=_at(answer, where.probability) if answered and where.probability else None,
            truth=_first(true[index]) if true else None,
        )


def _parsed(part: Mapping[str, str]) -> list[list[Value] | dict[str, Value]]:
    kind, text = part.get("observedContentType", ""), part["data"]
    encoding = part["encoding"].upper()
    if encoding == "BASE64":
        text = base64.b64decode(text).decode()
    if "lines" in kind:
        return [row for line in text.splitlines() if line.strip() for row in _of_json(json.loads(line))]
    if encoding == "JSON" or "json" in kind:
        return _of_json(json.loads(text))
    if encoding == "CSV" or "csv" in kind:
        return [[_value(field) for field in row] for row in csv.reader(io.StringIO(text, newline="")) if row]
    raise ValueError(f"'{kind}' in {encoding} is no table, capture CSV or JSON")


def _of_json(value: Any) -> list[list[Value] | dict[str, Value]]:
    """An object is a row with names; a list is a row, or rows where it holds lists or objects."""
    if isinstance(value, dict):
        return [{str(name): _told(one) for name, one in value.items()}]
    if isinstance(value, list) and any(isinstance(one, list | dict) for one in value):
        return [row for one in value for row in _of_json(one)]
    return [[_told(one) for one in value] if isinstance(value, list) else [_told(value)]]


def _told(value: Any) -> Value:
    if value is None:
        return None
    return _value(value if isinstance(value, str) else json.dumps(value))


def _value(text: str) -> Value:
    stripped = text.strip()
    return None if stripped.lower() in _NOTHING else stripped


def _at(row: list[Value] | dict[str, Value], place: str) -> Value:
    return row[place] if isinstance(row, dict) else row[int(place)]


def _first(row: list[Value] | dict[str, Value]) -> Value:
    return next(iter(row.values())) if isinstance(row, dict) else row[0]
