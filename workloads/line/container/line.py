"""The model: a line through points, and what is done to numbers around it."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

Task = Callable[[float], float]
"""What is done to one number."""

_FILE = "line.json"


class Line(NamedTuple):
    slope: float
    intercept: float

    def __call__(self, x: float) -> float:
        return self.slope * x + self.intercept

    def write(self, folder: Path) -> None:
        (folder / _FILE).write_text(json.dumps(self._asdict()))

    @classmethod
    def read(cls, folder: Path) -> Line:
        return cls(**json.loads((folder / _FILE).read_text()))


def base() -> Path:
    """`SAGEMAKER_BASE_DIR` stands in where a process cannot be given an /opt/ml of its own."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml")


def fit(points: Sequence[tuple[float, float]], *, through_origin: bool) -> Line:
    """By least squares. Raises ValueError for points that no line is told by."""
    if len(points) < 2:
        raise ValueError(f"{len(points)} points make no line, give at least 2")
    if through_origin:
        squares = math.fsum(x * x for x, _ in points)
        if squares == 0:
            raise ValueError("every x is 0, give points beside each other")
        return Line(math.fsum(x * y for x, y in points) / squares, 0.0)
    mean_x = math.fsum(x for x, _ in points) / len(points)
    mean_y = math.fsum(y for _, y in points) / len(points)
    squares = math.fsum((x - mean_x) ** 2 for x, _ in points)
    if squares == 0:
        raise ValueError("every x is the same, give points beside each other")
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / squares
    return Line(slope, mean_y - slope * mean_x)


def read_points(text: str) -> list[tuple[float, float]]:
    """Lines of `x,y` below a header."""
    rows = list(csv.reader(io.StringIO(text)))
    return [(number(x), number(y)) for x, y in rows[1:]]


def number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is no number to work with")
    return value


def task(name: str, folder: Path) -> Task:
    """`line` predicts; `scale` multiplies by FACTOR; `round` rounds; `slow` and `fail` are models
    that are no good: they take 3 seconds, or answer nothing."""
    if name == "line":
        return Line.read(folder)
    if name == "scale":
        factor = number(os.environ["FACTOR"])
        return lambda x: factor * x
    if name == "round":
        return lambda x: float(round(x))
    if name == "slow":
        predict = Line.read(folder)
        return lambda x: _after(3.0, predict(x))
    if name == "fail":
        return _fail
    raise ValueError(f"no task '{name}', set TASK to line, scale, round, slow or fail")


def _after(seconds: float, answer: float) -> float:
    time.sleep(seconds)
    return answer


def _fail(x: float) -> float:
    raise ArithmeticError(f"nothing is right about {x}")
