"""Whether predictions come true.

The files are Model Monitor's: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from drift.capture import Row, Unreadable, number

_SECTIONS = {
    "Regression": "regression",
    "BinaryClassification": "binary_classification",
    "MulticlassClassification": "multiclass_classification",
}
_ERRORS = ("mae", "mse", "rmse")
_MARGIN = 0.1
"""How much worse than the baseline suggested constraints allow."""


def section(problem: str) -> str:
    if problem not in _SECTIONS:
        raise Unreadable(f"no problem '{problem}', choose one of: {', '.join(_SECTIONS)}")
    return _SECTIONS[problem]


def metrics(problem: str, rows: Sequence[Row], *, threshold: float, positive: str) -> dict[str, float]:
    """Of all rows whose truth is known. Raises `Unreadable`."""
    known = [row for row in rows if row.truth is not None]
    if not known:
        raise Unreadable("of no row it is known what was true")
    if section(problem) == "regression":
        return _regression(known)
    pairs = [(_class(row, threshold, positive), _plain(row.truth)) for row in known]
    found = {"accuracy": sum(one == other for one, other in pairs) / len(pairs)}
    if section(problem) == "binary_classification":
        wanted = _plain(positive)
        hits = sum(one == other == wanted for one, other in pairs)
        said, true = sum(one == wanted for one, _ in pairs), sum(other == wanted for _, other in pairs)
        found["precision"] = hits / said if said else 0.0
        found["recall"] = hits / true if true else 0.0
        both = found["precision"] + found["recall"]
        found["f1"] = 2 * found["precision"] * found["recall"] / both if both else 0.0
    return found


def _regression(rows: Sequence[Row]) -> dict[str, float]:
    pairs = [(number(row.answer), number(row.truth)) for row in rows]
    numbers = [(one, other) for one, other in pairs if one is not None and other is not None]
    if len(numbers) != len(pairs):
        raise Unreadable(f"{len(pairs) - len(numbers)} predictions or truths are no numbers")
    errors = [one - other for one, other in numbers]
    mse = math.fsum(error * error for error in errors) / len(errors)
    mean = math.fsum(other for _, other in numbers) / len(numbers)
    spread = math.fsum((other - mean) ** 2 for _, other in numbers) / len(numbers)
    found = {"mae": math.fsum(map(abs, errors)) / len(errors), "mse": mse, "rmse": math.sqrt(mse)}
    return {**found, "r2": 1 - mse / spread} if spread else found


def _class(row: Row, threshold: float, positive: str) -> str:
    probability = number(row.probability)
    if probability is not None:
        return _plain(positive) if probability > threshold else f"not {positive}"
    return _plain(row.answer)


def _plain(value: str | None) -> str:
    """1, 1.0 and "1" are one class."""
    found = number(value)
    return str(value) if found is None else repr(found)


def statistics(problem: str, found: Mapping[str, float], rows: Sequence[Row]) -> dict[str, Any]:
    told = {name: {"value": value} for name, value in found.items()}
    known = sum(row.truth is not None for row in rows)
    return {"version": 0, "dataset": {"item_count": known}, f"{section(problem)}_metrics": told}


def constraints(problem: str, found: Mapping[str, float]) -> dict[str, Any]:
    def constraint(name: str, value: float) -> dict[str, Any]:
        if name in _ERRORS:
            return {"threshold": value * (1 + _MARGIN), "comparison_operator": "GreaterThanThreshold"}
        return {"threshold": value - abs(value) * _MARGIN, "comparison_operator": "LessThanThreshold"}

    told = {name: constraint(name, value) for name, value in found.items()}
    return {"version": 0, f"{section(problem)}_constraints": told}


def violations(problem: str, wanted: Mapping[str, Any], found: Mapping[str, float]) -> list[dict[str, str]]:
    violated = []
    for name, constraint in wanted[f"{section(problem)}_constraints"].items():
        value, threshold = found.get(name), constraint["threshold"]
        above = constraint["comparison_operator"] == "GreaterThanThreshold"
        if value is not None and (value > threshold if above else value < threshold):
            violated.append(
                {
                    "metric_name": name,
                    "constraint_check_type": constraint["comparison_operator"],
                    "description": f"{name} is {value:.6g}, {'above' if above else 'below'} {threshold:.6g}",
                }
            )
    return violated
