"""Whether the data that comes is like the data that was learned from.

The files are those of Model Monitor's own container, as far as they go here:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-outputs.html
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from drift.capture import Row, Value, number

_BUCKETS = 10
_MOST_VALUES = 20
"""A text column with more different values has no list of those that are known."""
_KOLMOGOROV = 1.358
"""Two samples of one distribution differ by less than this, times sqrt((n + m) / nm), in 95 of 100 cases."""
_WHOLE = ("Integral",)
_NUMBERS = ("Integral", "Fractional")


def columns(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[Value]]:
    return {name: [row.features[index] for row in rows] for index, name in enumerate(names)}


def statistics(found: Mapping[str, Sequence[Value]], edges: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """`edges` are the bounds of the buckets that a column is counted in; by default, its own."""
    count = max((len(values) for values in found.values()), default=0)
    return {
        "version": 0,
        "dataset": {"item_count": count},
        "features": [_feature(name, values, edges.get(name)) for name, values in found.items()],
    }


def _feature(name: str, values: Sequence[Value], edges: Sequence[float] | None) -> dict[str, Any]:
    present = [value for value in values if value is not None]
    common = {"num_present": len(present), "num_missing": len(values) - len(present)}
    kind = inferred_type(present)
    if kind in _NUMBERS:
        numbers = [found for found in map(number, present) if found is not None]
        mean = math.fsum(numbers) / len(numbers)
        bounds = edges or _edges(min(numbers), max(numbers))
        return {
            "name": name,
            "inferred_type": kind,
            "numerical_statistics": {
                "common": common,
                "mean": mean,
                "sum": math.fsum(numbers),
                "std_dev": math.sqrt(math.fsum((one - mean) ** 2 for one in numbers) / len(numbers)),
                "min": min(numbers),
                "max": max(numbers),
                "distribution": {"kll": {"buckets": _counted(numbers, bounds)}},
            },
        }
    counted = Counter(present)
    buckets = [{"value": value, "count": count} for value, count in sorted(counted.items())]
    text = {"common": common, "distinct_count": len(counted)}
    if len(counted) <= _MOST_VALUES:
        text["distribution"] = {"categorical": {"buckets": buckets}}
    return {"name": name, "inferred_type": kind, "string_statistics": text}


def inferred_type(present: Sequence[str]) -> str:
    if not present:
        return "Unknown"
    numbers = [number(value) for value in present]
    if any(found is None for found in numbers):
        return "String"
    return "Integral" if all(float(found or 0).is_integer() for found in numbers) else "Fractional"


def _edges(least: float, most: float) -> list[float]:
    width = (most - least) / _BUCKETS
    return [least + width * index for index in range(_BUCKETS)] + [most]


def _counted(numbers: Sequence[float], edges: Sequence[float]) -> list[dict[str, float]]:
    """How many are in each bucket; the first and the last take what is beyond them."""
    counts = [0] * (len(edges) - 1)
    for one in numbers:
        counts[next((i for i, upper in enumerate(edges[1:-1]) if one < upper), len(counts) - 1)] += 1
    return [
        {"lower_bound": edges[index], "upper_bound": edges[index + 1], "count": count}
        for index, count in enumerate(counts)
    ]


def constraints(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a baseline's statistics suggest."""
    return {
        "version": 0,
        "features": [_constraint(feature) for feature in found["features"]],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": 0.1,
                "comparison_method": "Robust",
                "categorical_comparison_threshold": 0.1,
                "categorical_drift_method": "LInfinity",
            },
        },
    }


def _constraint(feature: Mapping[str, Any]) -> dict[str, Any]:
    of_numbers = "numerical_statistics" in feature
    told = feature["numerical_statistics" if of_numbers else "string_statistics"]
    common = told["common"]
    count = common["num_present"] + common["num_missing"]
    constraint: dict[str, Any] = {
        "name": feature["name"],
        "inferred_type": feature["inferred_type"],
        "completeness": common["num_present"] / count if count else 0.0,
    }
    if of_numbers:
        constraint["num_constraints"] = {"is_non_negative": told["min"] >= 0}
    elif "distribution" in told and feature["inferred_type"] == "String":
        buckets = told["distribution"]["categorical"]["buckets"]
        constraint["string_constraints"] = {"domains": [bucket["value"] for bucket in buckets]}
    return constraint


def violations(
    wanted: Mapping[str, Any], baseline: Mapping[str, Any] | None, rows: Sequence[Row]
) -> tuple[list[dict[str, str]], dict[str, Any], dict[str, float]]:
    """What is not as the constraints want it; the statistics of `rows`; and each column's distance from the
    baseline, where there are statistics of one."""
    names = [feature["name"] for feature in wanted["features"]]
    found = _width(rows, len(names))
    told = {feature["name"]: feature for feature in (baseline or {}).get("features", ())}
    there = columns([row for row in rows if len(row.features) == len(names)], names)
    edges = {name: _bounds(feature) for name, feature in told.items() if "numerical_statistics" in feature}
    current = statistics(there, edges)
    distances: dict[str, float] = {}
    if not there or not next(iter(there.values()), ()):
        return found, current, distances
    config = wanted.get("monitoring_config", {})
    for constraint, feature in zip(wanted["features"], current["features"], strict=True):
        name = constraint["name"]
        settings = {**config, **constraint.get("monitoringConfigOverrides", {})}
        found += _against(constraint, there[name], settings)
        drift = settings.get("distribution_constraints", {})
        if name not in told or drift.get("perform_comparison", "Enabled") != "Enabled":
            continue
        compared = distance(told[name], feature)
        if compared is None:
            continue
        distances[name], slack = compared
        of_numbers = "numerical_statistics" in feature
        limit = drift.get("comparison_threshold" if of_numbers else "categorical_comparison_threshold", 0.1)
        if drift.get("comparison_method", "Robust") == "Robust":
            limit += slack
        if distances[name] > limit:
            message = f"the distance from the baseline is {distances[name]:.4g}, more than {limit:.4g}"
            found.append(_violation(name, "baseline_drift_check", message))
    return found, current, distances


def distance(baseline: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[float, float] | None:
    """The largest difference between two distributions (of numbers: cumulated, over the baseline's buckets),
    and how large chance makes it with so few rows. None where they cannot be compared."""
    one, other = _frequencies(baseline), _frequencies(now)
    if one is None or other is None or one[1] != other[1]:
        return None
    cumulated = one[1]
    n, m = sum(one[0].values()), sum(other[0].values())
    if not n or not m:
        return None
    largest = difference = 0.0
    for key in {**one[0], **other[0]}:
        step = one[0].get(key, 0) / n - other[0].get(key, 0) / m
        difference = difference + step if cumulated else step
        largest = max(largest, abs(difference))
    return largest, _KOLMOGOROV * math.sqrt((n + m) / (n * m))


def _frequencies(feature: Mapping[str, Any]) -> tuple[dict[Any, float], bool] | None:
    if "numerical_statistics" in feature:
        buckets = feature["numerical_statistics"]["distribution"]["kll"]["buckets"]
        return {index: bucket["count"] for index, bucket in enumerate(buckets)}, True
    text = feature.get("string_statistics", {})
    if "distribution" not in text:
        return None
    return {
        bucket["value"]: bucket["count"] for bucket in text["distribution"]["categorical"]["buckets"]
    }, False


def _bounds(feature: Mapping[str, Any]) -> list[float]:
    buckets = feature["numerical_statistics"]["distribution"]["kll"]["buckets"]
    return [buckets[0]["lower_bound"], *(bucket["upper_bound"] for bucket in buckets)]


def _width(rows: Sequence[Row], wanted: int) -> list[dict[str, str]]:
    found = []
    for check, wrong in (
        ("missing_column_check", [row for row in rows if len(row.features) < wanted]),
        ("extra_column_check", [row for row in rows if len(row.features) > wanted]),
    ):
        if wrong:
            message = f"{len(wrong)} of {len(rows)} rows have {len(wrong[0].features)} columns, not {wanted}"
            found.append(
                _violation("Extra columns" if "extra" in check else "Missing columns", check, message)
            )
    return found


def _against(
    constraint: Mapping[str, Any], values: Sequence[Value], settings: Mapping[str, Any]
) -> list[dict[str, str]]:
    name, found = constraint["name"], []
    present = [value for value in values if value is not None]
    completeness = len(present) / len(values)
    if completeness < constraint.get("completeness", 0.0):
        message = f"{completeness:.4g} of the values are there, less than {constraint['completeness']:.4g}"
        found.append(_violation(name, "completeness_check", message))
    if not present:
        return found
    kind = constraint["inferred_type"]
    fitting = sum(_fits(value, kind) for value in present) / len(present)
    if fitting < settings.get("datatype_check_threshold", 1.0):
        message = f"{fitting:.4g} of the values are {kind}, less than {settings['datatype_check_threshold']}"
        found.append(_violation(name, "data_type_check", message))
    negative = sum((number(value) or 0) < 0 for value in present)
    if negative and constraint.get("num_constraints", {}).get("is_non_negative"):
        message = f"{negative} of {len(present)} values are negative, and none of the baseline was"
        found.append(_violation(name, "data_type_check", message))
    domains = constraint.get("string_constraints", {}).get("domains")
    if domains:
        known = sum(value in domains for value in present) / len(present)
        if known < settings.get("domain_content_threshold", 1.0):
            other = next(value for value in present if value not in domains)
            message = f"{known:.4g} of the values are known, '{other[:50]}' is not"
            found.append(_violation(name, "categorical_values_check", message))
    return found


def _fits(value: str, kind: str) -> bool:
    found = number(value)
    if kind in _WHOLE:
        return found is not None and found.is_integer()
    return kind not in _NUMBERS or found is not None


def _violation(name: str, check: str, description: str) -> dict[str, str]:
    return {"feature_name": name, "constraint_check_type": check, "description": description}
