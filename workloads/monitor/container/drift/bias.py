"""Whether a group of people is treated as the others are.

What is asked for is said in Clarify's own words, `analysis_config.json`
(https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-analysis.html). Three of its
metrics are here: DPPL, the difference in positive predictions, DI, their ratio, and AD, the difference in
accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drift.capture import Row, Unreadable, Value, number

TOLERANCE = 0.1
"""How far a metric may be from the baseline's."""


def metrics(
    config: Mapping[str, Any], rows: Sequence[Row], names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """By facet and value, each metric. Raises `Unreadable`."""
    positive = config.get("label_values_or_threshold")
    if not positive or not config.get("facet"):
        raise Unreadable("the analysis has no 'label_values_or_threshold' or no 'facet', give both")
    found = {}
    for facet in config["facet"]:
        name, values = facet["name_or_index"], facet.get("value_or_threshold")
        if not values:
            raise Unreadable(f"the facet '{name}' has no 'value_or_threshold', give one")
        index = name if isinstance(name, int) else _index(names, name)
        groups: dict[bool, list[Row]] = {True: [], False: []}
        for row in rows:
            groups[_among(row.features[index], values)].append(row)
        if not groups[True] or not groups[False]:
            continue  # nobody to compare with
        found[f"{names[index]} {values}"] = _compared(groups[False], groups[True], positive)
    return found


def _compared(others: Sequence[Row], group: Sequence[Row], positive: Sequence[Any]) -> dict[str, float]:
    share = [sum(_among(row.answer, positive) for row in rows) / len(rows) for rows in (others, group)]
    right = [
        sum(_among(row.answer, positive) == _among(row.truth, positive) for row in rows) / len(rows)
        for rows in ([row for row in rows if row.truth is not None] for rows in (others, group))
        if rows
    ]
    found = {"DPPL": share[0] - share[1]}
    if share[0]:
        found["DI"] = share[1] / share[0]
    if len(right) == 2:
        found["AD"] = right[0] - right[1]
    return found


def _index(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise Unreadable(f"no column '{name}', there are {', '.join(names)}")
    return list(names).index(name)


def _among(value: Value, wanted: Sequence[Any]) -> bool:
    """One number is a threshold, of values that are numbers; otherwise values are listed."""
    found = number(value)
    if len(wanted) == 1 and isinstance(wanted[0], int | float) and found is not None:
        return found > wanted[0]
    return any(value == str(one) or (found is not None and found == one) for one in wanted)


def report(found: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> dict[str, Any]:
    """`features` are the columns of a request, in order, which captured CSV does not say."""
    facets = {
        facet: [{"metrics": [{"name": name, "value": value} for name, value in told.items()]}]
        for facet, told in found.items()
    }
    return {"version": "1.0", "features": list(names), "post_training_bias_metrics": {"facets": facets}}


def violations(
    wanted: Mapping[str, Any], found: Mapping[str, Mapping[str, float]], tolerance: float
) -> list[dict[str, str]]:
    violated = []
    for facet, told in wanted["post_training_bias_metrics"]["facets"].items():
        for metric in told[0]["metrics"]:
            value = found.get(facet, {}).get(metric["name"])
            if value is not None and abs(value - metric["value"]) > tolerance:
                message = f"{metric['name']} is {value:.4g}, and was {metric['value']:.4g}"
                violated.append(
                    {
                        "facet": facet,
                        "metric_name": metric["name"],
                        "constraint_check_type": "bias_drift_check",
                        "description": message,
                    }
                )
    return violated
