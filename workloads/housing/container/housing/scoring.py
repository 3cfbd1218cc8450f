"""The trained regression as plain numbers.

Importing scikit-learn takes four times as long as everything else that a server does before its first
answer, and a linear model needs none of it to predict. So training writes, beside the model, what its
pipeline amounts to: a weight for each number column, and one for each text of a text column. The file
is named after the model's own hash, and says nothing about any other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from housing.field import is_missing, number, shown

SCORES = "scoring.json"
_FORMAT = 1


class BadRow(ValueError):
    """What is wrong with a row of a request, for whoever sent it."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(f"row {row}: {problem}")


@dataclass(frozen=True)
class NumberColumn:
    """Adds `weight * (value - center)`. A missing value counts as `fill`, None when there must be one."""

    name: str
    weight: float
    center: float = 0.0
    fill: float | None = None

    def term(self, text: str) -> float:
        if is_missing(text):
            if self.fill is None:
                raise ValueError("a value is missing, and none was when the model was trained")
            return self.weight * (self.fill - self.center)
        return self.weight * (number(text) - self.center)


@dataclass(frozen=True)
class TextColumn:
    """Adds the weight of its text, one of those that training has seen."""

    name: str
    weights: Mapping[str, float]

    def term(self, text: str) -> float:
        try:
            return self.weights[text.strip()]
        except KeyError:
            known = ", ".join(shown(text) for text in self.weights)
            raise ValueError(f"{shown(text)} was not in the training data, choose one of: {known}") from None


@dataclass(frozen=True)
class Scores:
    """A linear model over the columns of a row, in their order."""

    intercept: float
    columns: Sequence[NumberColumn | TextColumn]

    def predict(self, rows: Sequence[Sequence[str]]) -> list[float]:
        """One prediction a row; a BadRow names the first row that has none."""
        return [self._predict(position, fields) for position, fields in enumerate(rows, start=1)]

    def _predict(self, position: int, fields: Sequence[str]) -> float:
        if len(fields) != len(self.columns):
            names = ",".join(column.name for column in self.columns)
            raise BadRow(position, f"{len(fields)} columns, give {len(self.columns)}: {names}")
        total = self.intercept
        for column, text in zip(self.columns, fields, strict=True):
            try:
                total += column.term(text)
            except ValueError as error:
                # somebody's first mistake: the file's first line goes along
                hint = ", send rows without the header" if text.strip() == column.name else ""
                raise BadRow(position, f"column {shown(column.name)}: {error}{hint}") from None
        if not isfinite(total):
            raise BadRow(position, "the prediction overflows, give smaller numbers")
        return total


def write(scores: Scores, model: Path) -> None:
    """Writes the scores of the model file `model` beside it."""
    document = {"format": _FORMAT, "model_sha256": _sha256(model), **asdict(scores)}
    (model.parent / SCORES).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read(model: Path) -> Scores | None:
    """The scores of the model file `model`; None when there are none of exactly this file."""
    try:
        document = json.loads((model.parent / SCORES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if document["format"] != _FORMAT or document["model_sha256"] != _sha256(model):
        return None
    return Scores(
        intercept=document["intercept"],
        columns=[
            TextColumn(**column) if "weights" in column else NumberColumn(**column)
            for column in document["columns"]
        ],
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
