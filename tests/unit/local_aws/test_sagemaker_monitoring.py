"""Monitoring: what a job looks at, and when, without a clock."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.sagemaker import monitoring
from local_aws.sagemaker.behaviours import monitoring_schedule
from local_aws.store import STORE

DUE = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)


def definition(kind: str = "DataQuality", **input_: Any) -> monitoring.Definition:
    return monitoring.of_definition(
        kind,
        {
            f"{kind}AppSpecification": {"ImageUri": "image", "Environment": {"threshold": "0.5"}},
            f"{kind}JobInput": {"EndpointInput": {"EndpointName": "e", "LocalPath": "/opt/data", **input_}},
            f"{kind}JobOutputConfig": {
                "MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/reports/", "LocalPath": "/opt/out"}}]
            },
            "JobResources": {"ClusterConfig": {}},
            "RoleArn": "role",
        },
    )


def config(expression: str, **more: str) -> dict[str, Any]:
    return {"ScheduleConfig": {"ScheduleExpression": expression, **more}}


def hours(asked: dict[str, Any], **input_: str) -> list[str]:
    chosen = monitoring.period(asked, definition(**input_), DUE)
    return [f"{hour:%d %H}" for hour in chosen.hours()]


def test_looks_at_the_time_since_the_one_before() -> None:
    assert hours(config("cron(0 * ? * * *)")) == ["02 11"]
    assert len(hours(config("cron(0 12 ? * * *)"))) == 24


def test_looks_at_the_time_that_its_offsets_say() -> None:
    once = config("NOW", DataAnalysisStartTime="-PT2H", DataAnalysisEndTime="-PT0H")

    assert hours(once) == ["02 10", "02 11"]
    late = {"StartTimeOffset": "-P1DT1H", "EndTimeOffset": "-P1D"}
    assert hours(config("cron(0 * ? * * *)"), **late) == ["01 11"]


@pytest.mark.parametrize("expression", ["rate(1 hour)", "every hour", "cron(0 * * * *)"])
def test_refuses_what_is_no_schedule(expression: str) -> None:
    with pytest.raises(ServiceError, match="Invalid schedule expression"):
        monitoring.schedule_of(config(expression))


def test_refuses_a_duration_that_is_none() -> None:
    with pytest.raises(ServiceError, match="ISO 8601"):
        monitoring.schedule_of(config("NOW", DataAnalysisStartTime="an hour ago"))


def test_tells_the_container_what_it_wants_to_know() -> None:
    asked = definition(InferenceAttribute="0")
    chosen = monitoring.period(config("cron(0 * ? * * *)"), asked, DUE)
    baseline = {"constraints": "s3://b/base/constraints.json", "statistics": "s3://b/base/statistics.json"}

    request = monitoring.request(asked, "watch", DUE, chosen, [], baseline, "abc")

    environment = request["Environment"]
    assert json.loads(environment.pop("dataset_format")) == {
        "sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}
    }
    assert environment == {
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
        "baseline_statistics": "/opt/ml/processing/baseline/stats/statistics.json",
        "dataset_source": "/opt/data",
        "end_time": "2026-03-02T12:00:00Z",
        "inference_attribute": "0",
        "output_path": "/opt/out",
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": "e",
        "sagemaker_monitoring_schedule_name": "watch",
        "start_time": "2026-03-02T11:00:00Z",
        "threshold": "0.5",
    }
    assert request["ProcessingJobName"] == "model-monitoring-202603021200-abc"
    (output,) = request["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == "s3://b/reports/e/watch/2026/03/02/12"


def test_a_jobs_name_is_one_that_sagemaker_takes_however_long_the_kind_is_called() -> None:
    asked = definition("ModelExplainability")
    chosen = monitoring.period(config("cron(0 * ? * * *)"), asked, DUE)

    request = monitoring.request(asked, "watch", DUE, chosen, [], {}, "0" * 24)

    assert len(request["ProcessingJobName"]) == 63


@pytest.mark.parametrize(
    ("kind", "namespace"),
    [
        ("DataQuality", "aws/sagemaker/Endpoints/data-metrics"),
        ("ModelBias", "aws/sagemaker/Endpoints/bias-metrics"),
        ("ModelExplainability", "aws/sagemaker/Endpoints/explainability-metrics"),
        ("ModelQuality", "aws/sagemaker/Endpoints/model-metrics"),
    ],
)
def test_each_kind_has_its_own_metrics(kind: str, namespace: str) -> None:
    assert definition(kind).namespace == namespace


def test_an_hourly_schedule_is_kept_each_hour_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[float] = []
    monkeypatch.setattr(
        monitoring_schedule, "_execute", lambda _, execution: begun.append(execution["ScheduledTime"])
    )
    behaviour, noon = monitoring_schedule.MonitoringSchedule(), DUE.timestamp()
    schedule = {
        "MonitoringScheduleName": "hourly",
        "MonitoringScheduleStatus": "Scheduled",
        "MonitoringScheduleConfig": config("cron(0 * ? * * *)"),
        "MonitoringType": "DataQuality",
        "_due": noon,
    }

    def look(minutes: float) -> list[float]:
        for thread in monitoring_schedule.keep_appointments(noon + minutes * 60):
            thread.join()
        return [(due - noon) / 60 for due in begun]

    STORE.clear()
    with hooks.request.scope("000000000078", "us-east-1"):
        STORE.add("MonitoringSchedule", ("hourly",), schedule)
        assert look(-1) == []
        assert look(0.5) == [0]
        assert look(59) == [0]
        assert look(61) == [0, 60]
        behaviour.stop(schedule)
        assert look(200) == [0, 60]
    STORE.clear()
