"""A model that is watched: its requests drift, its answers stop coming true, and somebody is told.

With IAM enforced: a monitor may do what it has to, as the role of its own.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from local_aws import process
from support.checkout import Checkout
from support.identity import EnforcingAws
from support.processes import free_port, left_of, processes_of
from support.waiting import eventually

FILE = """name: watch
account: "000000000000"
region: us-east-1
data: {on_destroy: delete, delete_confirmed_for: watch}
repositories: [line, monitor]
teams: {research: {members: {ada: mlops-engineer}}}
models:
  line:
    team: research
    image: {repository: line, source: workloads/line/container}
    artifact: {training: {data: workloads/line/data}}
    endpoint:
      update: {bake_minutes: 0}
      capture: {}
      monitors:
        data_quality:
          image: &monitor {repository: monitor, source: workloads/monitor/container}
          baseline: &usual {data: workloads/line/data}
          environment: &target {TARGET: "y"}
        model_quality:
          image: *monitor
          baseline: {files: workloads/line/monitor/quality}
          ground_truth: research/truth
          problem: Regression
        bias:
          image: *monitor
          baseline: *usual
          environment: *target
          config: workloads/line/monitor/analysis_config.json
          ground_truth: research/truth
        explainability:
          image: *monitor
          baseline: *usual
          environment: *target
          config: workloads/line/monitor/analysis_config.json
    api: {content_types: [text/csv], example: "1"}
"""
ENDPOINT = "clary-watch-line"
USUAL = range(1, 41)
"""What the model learned from."""


@dataclass
class Watch:
    """An environment whose model is watched."""

    checkout: Checkout
    aws: EnforcingAws

    def client(self, service: str) -> Any:
        return self.aws.client(service)


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    folder = tmp_path_factory.mktemp("watch")
    checkout = Checkout.made(folder / "repository", folder / "state", free_port())
    (checkout.root / "environments" / "watch.yaml").write_text(FILE)
    started = checkout("local", "start", "--port", str(checkout.port), "--enforce-iam")
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        deployed = checkout("deploy", "watch")
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        running = process.running(checkout.state)
        assert running is not None
        assert running.ca is not None
        yield Watch(checkout, EnforcingAws(running.url, running.ca, checkout.state))
    finally:
        checkout("local", "stop")
    assert left_of(processes_of(checkout.state)) == []


def bucket(watch: Watch) -> str:
    (stack,) = watch.client("cloudformation").describe_stacks(StackName="clary-watch-data")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return str(outputs["DataBucketName"])


def keys(watch: Watch, prefix: str) -> list[str]:
    found = watch.client("s3").list_objects_v2(Bucket=bucket(watch), Prefix=prefix)
    return [one["Key"] for one in found.get("Contents", [])]


def read(watch: Watch, key: str) -> Any:
    return json.loads(watch.client("s3").get_object(Bucket=bucket(watch), Key=key)["Body"].read())


def captured(watch: Watch) -> int:
    s3, found = watch.client("s3"), 0
    for key in keys(watch, f"research/captured/line/{ENDPOINT}/"):
        found += len(s3.get_object(Bucket=bucket(watch), Key=key)["Body"].read().splitlines())
    return found


def forget(watch: Watch) -> None:
    """What was captured, and what was true of it: so that each test has its own."""
    for prefix in ("research/captured/line/", "research/truth/"):
        for key in keys(watch, prefix):
            watch.client("s3").delete_object(Bucket=bucket(watch), Key=key)


def ask(watch: Watch, numbers: Sequence[int], *, truth: Callable[[int], float] = lambda x: 3 * x + 2) -> None:
    """Asks for each number, and says afterwards what was true of it."""
    forget(watch)
    runtime = watch.client("sagemaker-runtime")
    for index, number in enumerate(numbers):
        runtime.invoke_endpoint(
            EndpointName=ENDPOINT, Body=str(number), ContentType="text/csv", InferenceId=f"{index}"
        )
    eventually(lambda: captured(watch) == len(numbers))
    lines = [
        json.dumps(
            {
                "groundTruthData": {"data": str(truth(number)), "encoding": "CSV"},
                "eventMetadata": {"eventId": f"{index}"},
                "eventVersion": "0",
            }
        )
        for index, number in enumerate(numbers)
    ]
    now = datetime.datetime.now(datetime.UTC)
    for hour in (now, now - datetime.timedelta(hours=1)):  # whichever it was
        key = f"research/truth/{hour:%Y/%m/%d/%H}/truth.jsonl"
        watch.client("s3").put_object(Bucket=bucket(watch), Key=key, Body="\n".join(lines).encode())


@contextmanager
def at_once(watch: Watch, kind: str) -> Iterator[dict[str, Any]]:
    """Lets the monitor look at the last hour now, rather than when the clock says so."""
    sagemaker, name = watch.client("sagemaker"), f"{ENDPOINT}-{kind}"
    config = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)["MonitoringScheduleConfig"]
    before = {one["CreationTime"] for one in executions(watch, name)}
    now = {
        "ScheduleExpression": "NOW",
        "DataAnalysisStartTime": "-PT1H",
        "DataAnalysisEndTime": "-PT0H",
    }
    sagemaker.update_monitoring_schedule(
        MonitoringScheduleName=name, MonitoringScheduleConfig={**config, "ScheduleConfig": now}
    )

    def new() -> list[dict[str, Any]]:
        return [one for one in executions(watch, name) if one["CreationTime"] not in before]

    eventually(
        lambda: any(one["MonitoringExecutionStatus"] not in ("Pending", "InProgress") for one in new())
    )
    try:
        yield new()[0]
    finally:
        sagemaker.update_monitoring_schedule(MonitoringScheduleName=name, MonitoringScheduleConfig=config)


def executions(watch: Watch, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = watch.client("sagemaker").list_monitoring_executions(
        MonitoringScheduleName=name
    )["MonitoringExecutionSummaries"]
    return found


def violations(watch: Watch, execution: dict[str, Any]) -> list[dict[str, str]]:
    job = execution["ProcessingJobArn"].rpartition("/")[2]
    described = watch.client("sagemaker").describe_processing_job(ProcessingJobName=job)
    uri = described["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    key = f"{uri.removeprefix(f's3://{bucket(watch)}/')}/constraint_violations.json"
    found: list[dict[str, str]] = read(watch, key)["violations"]
    return found


def alarm(watch: Watch, kind: str) -> str:
    """The state of the alarm on what a monitor has found."""
    found = watch.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (state,) = [
        str(one["StateValue"])
        for one in found
        if {"Name": "MonitoringSchedule", "Value": f"{ENDPOINT}-{kind}"} in one.get("Dimensions", ())
        and one["MetricName"] == "violations"
    ]
    return state


def test_the_baseline_is_made_of_data_before_there_is_a_monitor(watch: Watch) -> None:
    (constraints,) = [
        key for key in keys(watch, "research/monitors/line/data-quality/baseline/") if "constraints" in key
    ]

    (feature,) = read(watch, constraints)["features"]

    assert (feature["name"], feature["inferred_type"]) == ("x", "Integral")


def test_requests_like_those_that_were_learned_from_are_no_violation(watch: Watch) -> None:
    ask(watch, USUAL)

    with at_once(watch, "data-quality") as execution:
        assert violations(watch, execution) == []
    assert execution["MonitoringExecutionStatus"] == "Completed"


def test_requests_that_drift_are_found_and_set_off_an_alarm(watch: Watch) -> None:
    ask(watch, range(60, 100))

    with at_once(watch, "data-quality") as execution:
        found = violations(watch, execution)

    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations"
    assert [(one["feature_name"], one["constraint_check_type"]) for one in found] == [
        ("x", "baseline_drift_check")
    ]
    eventually(lambda: alarm(watch, "data-quality") == "ALARM")


def test_answers_that_come_true_are_no_violation_and_others_set_off_an_alarm(watch: Watch) -> None:
    ask(watch, USUAL)
    with at_once(watch, "model-quality") as right:
        assert violations(watch, right) == []

    ask(watch, USUAL, truth=lambda x: 4 * x)
    with at_once(watch, "model-quality") as wrong:
        found = violations(watch, wrong)

    assert [one["metric_name"] for one in found] == ["rmse"]
    eventually(lambda: alarm(watch, "model-quality") == "ALARM")


def test_bias_is_measured_between_the_groups_of_the_analysis(watch: Watch) -> None:
    ask(watch, USUAL)
    with at_once(watch, "bias") as usual:
        assert violations(watch, usual) == []

    ask(watch, [*range(17, 21), *range(21, 41)])  # most of those below the limit are predicted above it
    with at_once(watch, "bias") as unusual:
        found = violations(watch, unusual)

    assert {one["metric_name"] for one in found} >= {"DPPL"}
    eventually(lambda: alarm(watch, "bias") == "ALARM")


def test_what_answers_follow_from_is_compared(watch: Watch) -> None:
    ask(watch, USUAL)

    with at_once(watch, "explainability") as execution:
        assert violations(watch, execution) == []
    assert execution["MonitoringExecutionStatus"] == "Completed"


def test_a_changed_monitor_is_another_definition_of_the_same_schedule(watch: Watch) -> None:
    sagemaker, schedule = watch.client("sagemaker"), {"MonitoringScheduleName": f"{ENDPOINT}-bias"}

    def definition() -> str:
        config = sagemaker.describe_monitoring_schedule(**schedule)["MonitoringScheduleConfig"]
        return str(config["MonitoringJobDefinitionName"])

    before = definition()
    file = watch.checkout.root / "environments" / "watch.yaml"
    head, found, rest = file.read_text().partition("        bias:\n")
    assert found
    file.write_text(head + found + rest.replace("*target", '{TARGET: "y", TOLERANCE: 0.2}', 1))

    changed = watch.checkout("deploy", "watch")

    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert "line, bias: baseline" in changed.stdout
    listed = sagemaker.list_model_bias_job_definitions()["JobDefinitionSummaries"]
    assert [one["MonitoringJobDefinitionName"] for one in listed] == [definition()]
    assert definition() != before
