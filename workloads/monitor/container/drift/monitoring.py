"""One monitor: a baseline of what is usual, or what is not as it was.

Says what it has found in the files that Model Monitor knows, and to CloudWatch; finding something is no
failure.
"""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drift import bias, data_quality, explainability, model_quality
from drift.capture import Row, Unreadable, Where, captured, table


@dataclass
class Findings:
    """What is written: files by name, and metrics by name. Violations are None for a baseline."""

    files: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    violations: list[dict[str, str]] | None = None


def main(environment: Mapping[str, str]) -> int:
    base = Path(environment.get("SAGEMAKER_BASE_DIR") or "/opt/ml")
    try:
        found = watch(environment, base)
    except (Unreadable, OSError, KeyError, ValueError) as error:
        print(f"nothing could be said: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        _write(base / "output" / "message", f"nothing could be said: {error}"[:1000])
        return 1
    output = Path(environment["output_path"])
    for name, content in found.files.items():
        _write(output / name, json.dumps(content, indent=1) + "\n")
    if found.violations is not None:
        _write(output / "constraint_violations.json", json.dumps({"violations": found.violations}, indent=1))
        found.metrics["violations"] = float(len(found.violations))
        for violation in found.violations:
            print(json.dumps(violation), flush=True)
        if environment.get("publish_cloudwatch_metrics") == "Enabled":
            _publish(base / "output" / "metrics" / "cloudwatch", found.metrics, environment)
        count = len(found.violations)
        said = f"CompletedWithViolations: {count} violations" if count else "Completed: no violations"
        _write(base / "output" / "message", said)
    return 0


def watch(environment: Mapping[str, str], base: Path) -> Findings:
    """Raises `Unreadable`, and what reading files raises."""
    kind = environment["MONITOR_KIND"]
    source = Path(environment["dataset_source"])
    baseline = "baseline_constraints" not in environment
    label = environment.get("ground_truth_attribute")
    if baseline:
        prediction = environment.get("inference_attribute")
        target = environment.get("TARGET")
        rows = list(table(source, target=target, prediction=prediction, label=label))
    else:
        where = Where(environment.get("inference_attribute", "0"), environment.get("probability_attribute"))
        rows = list(captured(source, where))
    if not rows:
        raise Unreadable("there are no rows to look at")
    wanted = None if baseline else _read(environment["baseline_constraints"])
    known = () if wanted is None else wanted.get("features", ())
    if known:
        names = [one["name"] if isinstance(one, dict) else one for one in known]
        rows = [row.in_order(names) for row in rows]
    if kind == "data-quality":
        return _data_quality(environment, rows, wanted)
    if kind == "model-quality":
        return _model_quality(environment, rows, wanted)
    names = _names(rows, wanted)
    if kind == "bias":
        (config,) = sorted((base / "processing/input/config").glob("*.json"))
        found = bias.metrics(json.loads(config.read_text()), rows, names)
        report = bias.report(found, names)
        if wanted is None:
            return Findings({"constraints.json": report, "statistics.json": report})
        tolerance = float(environment.get("TOLERANCE", bias.TOLERANCE))
        told = {name: value for each in found.values() for name, value in each.items()}
        return Findings({"statistics.json": report}, told, bias.violations(wanted, found, tolerance))
    if kind == "explainability":
        attributions = explainability.attributions(rows, names)
        report = explainability.report(attributions)
        if wanted is None:
            return Findings({"constraints.json": report, "statistics.json": report})
        score = explainability.score(wanted, attributions)
        least = float(environment.get("LEAST_NDCG", explainability.LEAST))
        return Findings({"statistics.json": report}, {"ndcg": score}, explainability.violations(score, least))
    raise Unreadable(
        f"no kind '{kind}', set MONITOR_KIND to data-quality, model-quality, bias or explainability"
    )


def _data_quality(
    environment: Mapping[str, str], rows: Sequence[Row], wanted: Mapping[str, Any] | None
) -> Findings:
    if wanted is None:
        names = _names(rows, None)
        told = data_quality.statistics(data_quality.columns(rows, names), {})
        return Findings({"statistics.json": told, "constraints.json": data_quality.constraints(told)})
    path = environment.get("baseline_statistics")
    found, told, distances = data_quality.violations(wanted, _read(path) if path else None, rows)
    metrics = {f"feature_baseline_drift_{name}": value for name, value in distances.items()}
    return Findings({"statistics.json": told}, metrics, found)


def _model_quality(
    environment: Mapping[str, str], rows: Sequence[Row], wanted: Mapping[str, Any] | None
) -> Findings:
    problem = environment["problem_type"]
    found = model_quality.metrics(
        problem,
        rows,
        threshold=float(environment.get("probability_threshold_attribute", "0.5")),
        positive=environment.get("POSITIVE", "1"),
    )
    told = model_quality.statistics(problem, found, rows)
    if wanted is None:
        return Findings(
            {"statistics.json": told, "constraints.json": model_quality.constraints(problem, found)}
        )
    return Findings({"statistics.json": told}, found, model_quality.violations(problem, wanted, found))


def _names(rows: Sequence[Row], wanted: Mapping[str, Any] | None) -> list[str]:
    """Of the columns; captured CSV has none, and the baseline's are in the same order.

    Raises `Unreadable`.
    """
    names = list(wanted["features"]) if wanted is not None else list(rows[0].names or ())
    wrong = [row for row in rows if len(row.features) != len(names)]
    if wrong:
        raise Unreadable(f"{len(wrong)} rows have {len(wrong[0].features)} columns, and not {len(names)}")
    return names


def _publish(folder: Path, metrics: Mapping[str, float], environment: Mapping[str, str]) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-cloudwatch.html"""
    now = datetime.datetime.now(datetime.UTC)
    dimensions = [
        {"Name": "Endpoint", "Value": environment["sagemaker_endpoint_name"]},
        {"Name": "MonitoringSchedule", "Value": environment["sagemaker_monitoring_schedule_name"]},
    ]
    lines = [
        json.dumps(
            {
                "MetricName": name,
                "Timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
                "Dimensions": dimensions,
                "Value": value,
            }
        )
        for name, value in metrics.items()
    ]
    _write(folder / "cloudwatch_metrics.jsonl", "\n".join([*lines, ""]))


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
