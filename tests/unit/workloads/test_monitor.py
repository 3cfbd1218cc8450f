"""The monitor that is an example: run as SageMaker runs it, over files as SageMaker leaves them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[3] / "workloads" / "monitor" / "container" / "monitor"


@dataclass
class Monitor:
    """A monitor, its baseline's table, and what was captured."""

    kind: str
    folder: Path
    table: str
    variables: dict[str, str] = field(default_factory=dict)
    analysis: Mapping[str, Any] | None = None

    def baseline(self) -> dict[str, Any]:
        source = self.folder / "table"
        source.mkdir(exist_ok=True)
        (source / "table.csv").write_text(self.table)
        self.run(source, self.folder / "baseline")
        return self.told("baseline/constraints.json")

    def watch(self, records: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        """The violations, found with the baseline that was made before."""
        source = self.folder / "captured"
        source.mkdir(exist_ok=True)
        (source / "records.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
        baseline = {
            "baseline_constraints": str(self.folder / "baseline/constraints.json"),
            "baseline_statistics": str(self.folder / "baseline/statistics.json"),
            "publish_cloudwatch_metrics": "Enabled",
            "sagemaker_endpoint_name": "e",
            "sagemaker_monitoring_schedule_name": "s",
        }
        self.run(source, self.folder / "report", baseline)
        found: list[dict[str, str]] = self.told("report/constraint_violations.json")["violations"]
        return found

    def run(self, source: Path, output: Path, more: Mapping[str, str] | None = None, code: int = 0) -> str:
        ml = self.folder / "ml"
        if self.analysis is not None:
            config = ml / "processing/input/config"
            config.mkdir(parents=True, exist_ok=True)
            (config / "analysis_config.json").write_text(json.dumps(self.analysis))
        variables = {
            "MONITOR_KIND": self.kind,
            "dataset_source": str(source),
            "output_path": str(output),
            "SAGEMAKER_BASE_DIR": str(ml),
            **self.variables,
            **(more or {}),
        }
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stderr

    def told(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name).read_text())
        return found

    @property
    def metrics(self) -> dict[str, float]:
        lines = (self.folder / "ml/output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text()
        return {one["MetricName"]: one["Value"] for one in map(json.loads, lines.splitlines())}

    @property
    def message(self) -> str:
        return (self.folder / "ml/output/message").read_text()


def record(asked: str, answered: str = "0", truth: str | None = None, kind: str = "CSV") -> dict[str, Any]:
    """As data capture writes it, and the merge job with what was true."""
    observed = {"CSV": "text/csv", "JSON": "application/json"}[kind]
    data = {
        name: {"data": text, "mode": name.upper(), "encoding": kind, "observedContentType": observed}
        for name, text in (("endpointInput", asked), ("endpointOutput", answered))
    }
    true = {} if truth is None else {"groundTruthData": {"data": truth, "encoding": "CSV"}}
    return {"captureData": data, **true, "eventMetadata": {"eventId": "1"}, "eventVersion": "0"}


def checks(found: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    return [(one["feature_name"], one["constraint_check_type"]) for one in found]


AGES = range(20, 70)


@pytest.fixture
def people(tmp_path: Path) -> Monitor:
    rows = [f"{age},{'north' if age % 2 else 'south'},{age / 10}" for age in AGES]
    return Monitor("data-quality", tmp_path, "\n".join(["age,place,risk", *rows]), {"TARGET": "risk"})


def usual(age: int) -> dict[str, Any]:
    return record(f"{age},{'north' if age % 2 else 'south'}")


def test_a_baseline_says_what_is_usual_and_nothing_of_the_target(people: Monitor) -> None:
    age, place = people.baseline()["features"]

    assert (age["name"], age["inferred_type"], age["num_constraints"]) == (
        "age",
        "Integral",
        {"is_non_negative": True},
    )
    assert place["string_constraints"] == {"domains": ["north", "south"]}


def test_what_is_usual_is_no_violation(people: Monitor) -> None:
    people.baseline()

    assert people.watch([usual(age) for age in AGES]) == []
    assert people.metrics["violations"] == 0
    assert people.message.startswith("Completed:")


def test_a_few_rows_are_no_drift(people: Monitor) -> None:
    people.baseline()

    assert people.watch([usual(age) for age in (25, 40, 61)]) == []


@pytest.mark.parametrize(
    ("unusual", "expected"),
    [
        ([usual(age) for age in range(70, 110)], ("age", "baseline_drift_check")),
        ([record(f"{age},north") for age in AGES], ("place", "baseline_drift_check")),
        ([usual(20), record("old,north")], ("age", "data_type_check")),
        ([usual(20), record("-3,north")], ("age", "data_type_check")),
        ([usual(20), record(",north")], ("age", "completeness_check")),
        ([usual(20), record("40,west")], ("place", "categorical_values_check")),
        ([usual(20), record("40")], ("Missing columns", "missing_column_check")),
        ([usual(20), record("40,north,1")], ("Extra columns", "extra_column_check")),
    ],
)
def test_what_is_unusual_is_a_violation(
    unusual: list[dict[str, Any]], expected: tuple[str, str], people: Monitor
) -> None:
    people.baseline()

    assert expected in checks(people.watch(unusual))
    assert people.message.startswith("CompletedWithViolations")


def test_a_body_may_hold_several_rows_in_csv_or_json(people: Monitor) -> None:
    people.baseline()

    lines = "\n".join(f"{age},north" for age in range(100, 140))
    assert ("age", "baseline_drift_check") in checks(people.watch([record(lines, "0\n" * 40)]))
    rows = json.dumps([{"age": age, "place": "north"} for age in range(100, 140)])
    as_rows = json.dumps([[0]] * 40)
    assert ("age", "baseline_drift_check") in checks(people.watch([record(rows, as_rows, kind="JSON")]))


def test_json_says_its_columns_in_any_order(people: Monitor) -> None:
    people.baseline()

    rows = [json.dumps({"place": "north" if age % 2 else "south", "age": age}) for age in AGES]

    assert people.watch([record(row, "[0]", kind="JSON") for row in rows]) == []
    other = people.watch([record(json.dumps({"place": "north", "years": 30}), "[0]", kind="JSON")])
    assert checks(other) == [("Missing columns", "missing_column_check")]


@pytest.fixture
def prices(tmp_path: Path) -> Monitor:
    rows = [f"{number},{number + number % 2}" for number in range(20)]
    columns = {
        "problem_type": "Regression",
        "inference_attribute": "said",
        "ground_truth_attribute": "true",
    }
    return Monitor("model-quality", tmp_path, "\n".join(["said,true", *rows]), columns)


def test_errors_that_grow_are_violations_and_those_that_do_not_are_none(prices: Monitor) -> None:
    prices.baseline()
    prices.variables = {"problem_type": "Regression"}

    assert prices.watch([record("1", f"{one}", f"{one + one % 2}") for one in range(20)]) == []
    worse = prices.watch([record("1", f"{one}", f"{one + 2}") for one in range(20)])

    assert {one["metric_name"] for one in worse} >= {"mae", "mse", "rmse"}
    assert prices.metrics["mae"] == 2


def test_a_classifier_is_judged_by_what_it_finds(prices: Monitor) -> None:
    prices.table = "said,true\n" + "1,1\n0,0\n" * 10
    prices.variables["problem_type"] = "BinaryClassification"
    prices.baseline()
    prices.variables = {
        "problem_type": "BinaryClassification",
        "probability_attribute": "0",
        "probability_threshold_attribute": "0.5",
    }

    found = prices.watch([record("1", "0.2", "1"), record("1", "0.9", "1"), record("1", "0.1", "0")])

    assert {one["metric_name"] for one in found} == {"accuracy", "recall", "f1"}
    assert prices.metrics["recall"] == 0.5
    assert prices.metrics["precision"] == 1


def test_without_any_truth_it_fails_and_says_so(prices: Monitor, tmp_path: Path) -> None:
    prices.baseline()
    source = tmp_path / "captured"
    source.mkdir()
    (source / "one.jsonl").write_text(json.dumps(record("1", "1")))
    prices.variables = {
        "problem_type": "Regression",
        "baseline_constraints": str(tmp_path / "baseline/constraints.json"),
    }

    assert "of no row it is known what was true" in prices.run(source, tmp_path / "report", code=1)


def loans(tmp_path: Path) -> Monitor:
    """Everybody under 40 gets half of the loans, and so does everybody else."""
    rows = [f"{age},{age % 2}" for age in AGES]
    analysis = {
        "label": "loan",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "age", "value_or_threshold": [40]}],
    }
    return Monitor("bias", tmp_path, "\n".join(["age,loan", *rows]), {"TARGET": "loan"}, analysis)


def test_a_group_that_is_treated_otherwise_is_a_violation(tmp_path: Path) -> None:
    monitor = loans(tmp_path)
    monitor.analysis = {**(monitor.analysis or {}), "label_values_or_threshold": [1, "1"]}
    monitor.baseline()

    assert monitor.watch([record(f"{age}", f"{age % 2}", f"{age % 2}") for age in AGES]) == []
    unfair = [record(f"{age}", f"{int(age <= 40)}", f"{age % 2}") for age in AGES]
    found = monitor.watch(unfair)

    assert {one["metric_name"] for one in found} >= {"DPPL", "DI"}
    assert monitor.metrics["DPPL"] == 1


def test_answers_that_follow_from_something_else_are_a_violation(tmp_path: Path) -> None:
    rows = [f"{one},{one * 37 % 50},{2 * one}" for one in range(50)]
    table = "\n".join(["size,noise,price", *rows])
    monitor = Monitor("explainability", tmp_path, table, {"TARGET": "price"})
    monitor.baseline()

    assert monitor.watch([record(f"{one},{one * 37 % 50}", f"{2 * one}") for one in range(50)]) == []
    (found,) = monitor.watch([record(f"{one},{one * 37 % 50}", f"{one * 37 % 50}") for one in range(50)])

    assert found["constraint_check_type"] == "feature_attribution_drift_check"
    assert monitor.metrics["ndcg"] < 0.9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "records.jsonl line 1: 'captureData'"),
        ("no json", "records.jsonl line 1"),
        ("", "there are no rows"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    text: str, said: str, people: Monitor, tmp_path: Path
) -> None:
    people.baseline()
    source = tmp_path / "broken"
    source.mkdir()
    (source / "records.jsonl").write_text(text)
    constraints = {"baseline_constraints": str(tmp_path / "baseline/constraints.json")}

    assert said in people.run(source, tmp_path / "report", constraints, code=1)
    assert said in people.message


def test_a_baseline_without_its_target_says_which_columns_there_are(people: Monitor, tmp_path: Path) -> None:
    people.baseline()
    wrong = {"TARGET": "price"}

    said = people.run(tmp_path / "table", tmp_path / "baseline", wrong, code=1)

    assert "no column 'price', there are age, place, risk" in said
