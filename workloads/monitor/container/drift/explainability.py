"""Whether predictions still follow from what they followed from.

A feature's attribution is how closely the answers follow it: the absolute value of their correlation. That
needs no more than what was captured; it is no SHAP value, and sees nothing of features that act together. The
rankings are compared as Clarify compares them, by their NDCG:
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from drift.capture import Row, Unreadable, number

LEAST = 0.9
"""Of the score, 1 being the baseline's ranking."""


def attributions(rows: Sequence[Row], names: Sequence[str]) -> dict[str, float]:
    """Raises `Unreadable`."""
    found = {}
    for index, name in enumerate(names):
        pairs = [(number(row.features[index]), number(row.answer)) for row in rows]
        known = [(one, other) for one, other in pairs if one is not None and other is not None]
        found[name] = abs(_correlation(known)) if len(known) > 1 else 0.0
    if not any(found.values()):
        raise Unreadable("no feature has anything to do with the answers: give more rows, with numbers")
    return found


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    means = [math.fsum(pair[side] for pair in pairs) / len(pairs) for side in (0, 1)]
    spread = [math.fsum((pair[side] - means[side]) ** 2 for pair in pairs) for side in (0, 1)]
    if not all(spread):
        return 0.0
    return math.fsum((one - means[0]) * (other - means[1]) for one, other in pairs) / math.sqrt(
        spread[0] * spread[1]
    )


def report(found: Mapping[str, float]) -> dict[str, Any]:
    return {
        "version": "1.0",
        "features": list(found),
        "explanations": {"correlation": {"label0": {"global_values": dict(found)}}},
    }


def score(wanted: Mapping[str, Any], found: Mapping[str, float]) -> float:
    """1.0 where the features have the order that they had, by what they mattered then."""
    before = wanted["explanations"]["correlation"]["label0"]["global_values"]

    def gain(of: Mapping[str, float]) -> float:
        ranking = sorted(before, key=lambda name: -of.get(name, 0.0))
        return math.fsum(before[name] / math.log2(place + 2) for place, name in enumerate(ranking))

    return gain(found) / gain(before)


def violations(value: float, least: float) -> list[dict[str, str]]:
    if value >= least:
        return []
    return [
        {
            "label": "label0",
            "metric_name": "correlation",
            "constraint_check_type": "feature_attribution_drift_check",
            "description": f"the ranking's NDCG is {value:.4g}, below {least:.4g}",
        }
    ]
