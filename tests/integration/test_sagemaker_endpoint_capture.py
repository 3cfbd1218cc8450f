"""What is kept of an endpoint's work: captured data in S3, metrics in CloudWatch."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws
from support.serving import Hall
from support.waiting import eventually

NAMES = {"EndpointName": "captured", "VariantName": "main"}


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, "200000000024", tmp_path_factory.mktemp("hall")) as made:
        yield made


@pytest.fixture(scope="module")
def endpoint(hall: Hall) -> str:
    described = hall.serve(
        "captured",
        hall.variant(hall.model("captured", hall.container(2))),
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{hall.bucket}/captured-data/",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        },
    )
    assert described["DataCaptureConfig"]["CaptureStatus"] == "Started"
    return "captured"


def captured(hall: Hall) -> list[tuple[str, dict[str, Any]]]:
    """The keys and the records, of all files."""
    s3 = hall.client("s3")
    found = []
    for entry in s3.list_objects_v2(Bucket=hall.bucket, Prefix="captured-data/").get("Contents", []):
        lines = s3.get_object(Bucket=hall.bucket, Key=entry["Key"])["Body"].read().decode().splitlines()
        found += [(entry["Key"], json.loads(line)) for line in lines]
    return found


def test_captures_requests_and_answers_as_aws_does(hall: Hall, endpoint: str) -> None:
    hall.ask(endpoint, "21", InferenceId="request-7", CustomAttributes="trace-1")
    hall.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"4", ContentType="application/x-thing")
    with pytest.raises(ClientError):
        hall.ask(endpoint, "nonsense")

    eventually(lambda: len(captured(hall)) == 2)
    (key, first), (_, second) = captured(hall)
    assert re.fullmatch(
        r"captured-data/captured/main/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl", key
    )
    assert first["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": "21",
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/csv",
            "mode": "OUTPUT",
            "data": "42.0",
            "encoding": "CSV",
        },
    }
    assert first["eventMetadata"]["inferenceId"] == "request-7"
    assert first["eventMetadata"]["customAttributes"] == ["trace-1"]
    assert first["eventVersion"] == "0"
    assert second["captureData"]["endpointInput"] == {
        "observedContentType": "application/x-thing",
        "mode": "INPUT",
        "data": base64.b64encode(b"4").decode(),
        "encoding": "BASE64",
    }


def test_counts_what_was_invoked_and_what_failed(hall: Hall, endpoint: str) -> None:
    eventually(lambda: hall.metric("Invocations", **NAMES) == 3)

    assert hall.metric("Invocation4XXErrors", **NAMES) == 1
    assert hall.metric("Invocation5XXErrors", **NAMES) == 0
    assert hall.metric("InvocationsPerInstance", **NAMES) == 3
    assert hall.metric("ModelLatency", "Average", **NAMES) > 0
    assert hall.metric("Invocations", **NAMES, EndpointConfigName="captured") == 3


def test_sets_off_the_alarm_of_its_endpoint_and_no_other(hall: Hall, endpoint: str) -> None:
    cloudwatch = hall.client("cloudwatch")
    for name in (endpoint, "another"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SageMaker",
            MetricName="Invocation4XXErrors",
            Dimensions=[
                {"Name": "EndpointName", "Value": name},
                {"Name": "VariantName", "Value": "main"},
            ],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
    with pytest.raises(ClientError):
        hall.ask(endpoint, "nonsense")

    def states() -> dict[str, str]:
        alarms = cloudwatch.describe_alarms(AlarmNames=[endpoint, "another"])["MetricAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}

    eventually(lambda: states()[endpoint] == "ALARM")
    assert states()["another"] == "INSUFFICIENT_DATA"
