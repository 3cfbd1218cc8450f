"""Monitoring schedules: a container looks at what an endpoint has captured, and says what is wrong."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.sagemaker import images
from support.deployed import LocalAws
from support.servicecatalog import refused
from support.serving import Hall
from support.waiting import eventually

_ANALYZE = """
import json, os, pathlib

told = os.environ
found = []
for file in sorted(pathlib.Path(told["dataset_source"]).rglob("*.jsonl")):
    found += [json.loads(line) for line in file.read_text().splitlines()]
values = [float(one["captureData"]["endpointInput"]["data"]) for one in found]
constraints = json.loads(pathlib.Path(told["baseline_constraints"]).read_text())
violations = [
    {"feature_name": "value", "constraint_check_type": "data_type_check", "description": str(value)}
    for value in values
    if value > constraints["most"]
]
output = pathlib.Path(told["output_path"])
(output / "constraint_violations.json").write_text(json.dumps({"violations": violations}))
known = [one for one in found if "groundTruthData" in one]
answers = [(one["groundTruthData"], one["captureData"]["endpointOutput"]) for one in known]
wrong = [truth["data"] for truth, answer in answers if truth["data"] != answer["data"]]
seen = {name: told.get(name) for name in ("dataset_format", "problem_type", "start_time", "end_time")}
(output / "seen.json").write_text(json.dumps({**seen, "values": sorted(values), "wrong": wrong}))
metrics = pathlib.Path("/opt/ml/output/metrics/cloudwatch")
metrics.mkdir(parents=True)
names = {"Endpoint": "sagemaker_endpoint_name", "MonitoringSchedule": "sagemaker_monitoring_schedule_name"}
metric = {
    "MetricName": "largest",
    "Dimensions": [{"Name": name, "Value": told[variable]} for name, variable in names.items()],
    "Value": max(values),
}
(metrics / "cloudwatch_metrics.jsonl").write_text(json.dumps(metric) + "\\n")
"""
LOCAL = "/opt/ml/processing/input_data"


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    made = Hall(local_aws, "200000000028", tmp_path_factory.mktemp("hall"))
    folder: Path = tmp_path_factory.mktemp("analyzer")
    (folder / "analyze.py").write_text(_ANALYZE)
    ecr = made.client("ecr")
    ecr.create_repository(repositoryName="analyzer")
    entrypoint = {"Entrypoint": ["python3", "analyze.py"]}
    images.push(ecr, "analyzer", "one", folder, local_aws.state / "images", entrypoint)
    with made:
        yield made


@pytest.fixture(scope="module")
def endpoint(hall: Hall) -> str:
    """An endpoint that doubles, and has been asked for 3 and for 70."""
    hall.serve(
        "watched",
        hall.variant(hall.model("watched", hall.container(2))),
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{hall.bucket}/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        },
    )
    hall.ask("watched", "3", InferenceId="first")
    hall.ask("watched", "70", InferenceId="second")

    def lines() -> int:
        keys = hall.workshop.keys("captured/watched/")
        return sum(len(hall.workshop.read(key).splitlines()) for key in keys)

    eventually(lambda: lines() == 2)
    return "watched"


def define(hall: Hall, kind: str, name: str, endpoint: str, most: float, **more: Any) -> str:
    """A job definition whose baseline allows values up to a limit."""
    key = f"baseline/{name}/constraints.json"
    hall.client("s3").put_object(Bucket=hall.bucket, Key=key, Body=json.dumps({"most": most}).encode())
    application: dict[str, Any] = {
        "ImageUri": f"{hall.account}.dkr.ecr.us-east-1.amazonaws.com/analyzer:one",
        **more.pop("application", {}),
    }
    output = {"S3Uri": f"s3://{hall.bucket}/reports", "LocalPath": "/opt/ml/processing/output"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    words = {"DataQuality": "data_quality", "ModelQuality": "model_quality"}[kind]
    getattr(hall.sagemaker, f"create_{words}_job_definition")(
        **{
            "JobDefinitionName": name,
            f"{kind}BaselineConfig": {"ConstraintsResource": {"S3Uri": f"s3://{hall.bucket}/{key}"}},
            f"{kind}AppSpecification": application,
            f"{kind}JobInput": {"EndpointInput": {"EndpointName": endpoint, "LocalPath": LOCAL}, **more},
            f"{kind}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
            "JobResources": {"ClusterConfig": cluster},
            "RoleArn": hall.role,
        }
    )
    return name


def once(hall: Hall, name: str, kind: str, definition: str) -> dict[str, Any]:
    """The execution of a schedule that looks once at the last hour."""
    hall.sagemaker.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={
            "MonitoringJobDefinitionName": definition,
            "MonitoringType": kind,
            "ScheduleConfig": {
                "ScheduleExpression": "NOW",
                "DataAnalysisStartTime": "-PT1H",
                "DataAnalysisEndTime": "-PT0H",
            },
        },
    )
    eventually(lambda: executions(hall, name) and ended(executions(hall, name)[0]))
    (found,) = executions(hall, name)
    return found


def executions(hall: Hall, schedule: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hall.sagemaker.list_monitoring_executions(MonitoringScheduleName=schedule)[
        "MonitoringExecutionSummaries"
    ]
    return found


def ended(execution: dict[str, Any]) -> bool:
    return execution["MonitoringExecutionStatus"] not in ("Pending", "InProgress")


def seen(hall: Hall, execution: dict[str, Any]) -> dict[str, Any]:
    """What the container of an execution has noted."""
    job = execution["ProcessingJobArn"].rpartition("/")[2]
    described = hall.sagemaker.describe_processing_job(ProcessingJobName=job)
    output = described["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    found: dict[str, Any] = json.loads(hall.object(f"{output}/seen.json"))
    return found


def test_finds_what_the_baseline_does_not_allow_and_tells_cloudwatch(hall: Hall, endpoint: str) -> None:
    definition = define(hall, "DataQuality", "strict", endpoint, most=50)

    execution = once(hall, "strictly", "DataQuality", definition)

    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations"
    assert (execution["EndpointName"], execution["MonitoringJobDefinitionName"]) == (endpoint, definition)
    noted = seen(hall, execution)
    assert noted["values"] == [3.0, 70.0]
    assert "sagemakerCaptureJson" in noted["dataset_format"]
    names = {"Endpoint": endpoint, "MonitoringSchedule": "strictly"}
    points = hall.client("cloudwatch").get_metric_statistics(
        Namespace="aws/sagemaker/Endpoints/data-metrics",
        MetricName="largest",
        Dimensions=[{"Name": name, "Value": value} for name, value in names.items()],
        StartTime=datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1),
        EndTime=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1),
        Period=7200,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert [point["Maximum"] for point in points] == [70.0]
    described = hall.sagemaker.describe_monitoring_schedule(MonitoringScheduleName="strictly")
    last = described["LastMonitoringExecutionSummary"]
    assert last["MonitoringExecutionStatus"] == "CompletedWithViolations"
    hall.sagemaker.delete_monitoring_schedule(MonitoringScheduleName="strictly")


def test_is_content_with_what_the_baseline_allows(hall: Hall, endpoint: str) -> None:
    execution = once(hall, "mildly", "DataQuality", define(hall, "DataQuality", "mild", endpoint, most=100))

    assert execution["MonitoringExecutionStatus"] == "Completed"
    assert (
        hall.sagemaker.list_monitoring_executions(
            MonitoringScheduleName="mildly", StatusEquals="CompletedWithViolations"
        )["MonitoringExecutionSummaries"]
        == []
    )


def test_model_quality_compares_with_what_was_true(hall: Hall, endpoint: str) -> None:
    """Of two answers, 6 and 140, one is known to be wrong; nothing is known of a third."""
    truths = {"first": "6.0", "second": "141.0", "nobody": "1.0"}
    lines = [
        json.dumps(
            {"groundTruthData": {"data": data, "encoding": "CSV"}, "eventMetadata": {"eventId": event}}
        )
        for event, data in truths.items()
    ]
    now = datetime.datetime.now(datetime.UTC)
    for hour in (now, now - datetime.timedelta(hours=1)):  # whichever it was when the endpoint was asked
        key = f"truth/{hour:%Y/%m/%d/%H}/labels.jsonl"
        hall.client("s3").put_object(Bucket=hall.bucket, Key=key, Body="\n".join(lines).encode())
    definition = define(
        hall,
        "ModelQuality",
        "right",
        endpoint,
        most=100,
        application={"ProblemType": "Regression"},
        GroundTruthS3Input={"S3Uri": f"s3://{hall.bucket}/truth"},
    )

    noted = seen(hall, once(hall, "rightly", "ModelQuality", definition))

    assert noted["wrong"] == ["141.0"]
    assert noted["problem_type"] == "Regression"
    assert "sagemakerMergeJson" in noted["dataset_format"]


def test_without_data_it_fails_and_says_why(hall: Hall) -> None:
    hall.serve("deaf", hall.variant(hall.model("deaf", hall.container(1))))
    blind = once(hall, "blindly", "DataQuality", define(hall, "DataQuality", "blind", "deaf", most=1))
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{hall.bucket}/never",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    hall.serve("silent", hall.variant("deaf"), DataCaptureConfig=capture)
    early = once(hall, "early", "DataQuality", define(hall, "DataQuality", "soon", "silent", most=1))

    assert [one["MonitoringExecutionStatus"] for one in (blind, early)] == ["Failed", "Failed"]
    assert "Data capture is not enabled" in blind["FailureReason"]
    assert early["FailureReason"] == "Job inputs had no data"


def test_a_schedule_is_stopped_and_started_and_says_when_it_cannot_be_kept(hall: Hall, endpoint: str) -> None:
    client = hall.sagemaker
    definition = define(hall, "DataQuality", "hourly", endpoint, most=1)
    name = {"MonitoringScheduleName": "hourly"}

    def config(expression: str) -> dict[str, Any]:
        return {
            "MonitoringJobDefinitionName": definition,
            "MonitoringType": "DataQuality",
            "ScheduleConfig": {"ScheduleExpression": expression},
        }

    nowhere = define(hall, "DataQuality", "nowhere", "nobody", most=1)
    with refused("ValidationException", "Could not find endpoint"):
        client.create_monitoring_schedule(
            **name,
            MonitoringScheduleConfig={
                **config("cron(0 * ? * * *)"),
                "MonitoringJobDefinitionName": nowhere,
            },
        )
    with refused("ValidationException", "Invalid schedule expression"):
        client.create_monitoring_schedule(**name, MonitoringScheduleConfig=config("rate(1 hour)"))
    client.create_monitoring_schedule(**name, MonitoringScheduleConfig=config("cron(0 * ? * * *)"))
    client.stop_monitoring_schedule(**name)
    stopped = client.describe_monitoring_schedule(**name)["MonitoringScheduleStatus"]
    client.start_monitoring_schedule(**name)
    started = client.describe_monitoring_schedule(**name)["MonitoringScheduleStatus"]
    client.delete_monitoring_schedule(**name)

    assert (stopped, started) == ("Stopped", "Scheduled")
    with pytest.raises(ClientError):
        client.list_monitoring_executions(**name)


def test_looks_at_what_batch_transform_has_captured(hall: Hall) -> None:
    s3, model = hall.client("s3"), hall.model("batched", hall.container(2))
    s3.put_object(Bucket=hall.bucket, Key="batch/in/a.csv", Body=b"5")

    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{hall.bucket}/batch/in/"}
    hall.sagemaker.create_transform_job(
        TransformJobName="batched",
        ModelName=model,
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": f"s3://{hall.bucket}/batch/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        DataCaptureConfig={"DestinationS3Uri": f"s3://{hall.bucket}/batch/captured"},
    )
    eventually(lambda: hall.workshop.keys("batch/captured/output/"))
    script = """
import json, os, pathlib
files = pathlib.Path(os.environ["dataset_source"]).rglob("*.csv*")
found = {path.name: path.read_text() for path in files}
seen = {"files": found, "format": os.environ["dataset_format"]}
(pathlib.Path(os.environ["output_path"]) / "seen.json").write_text(json.dumps(seen))
"""
    s3.put_object(Bucket=hall.bucket, Key="batch/code/main.py", Body=script.encode())
    batches = {
        "DataCapturedDestinationS3Uri": f"s3://{hall.bucket}/batch/captured",
        "DatasetFormat": {"Csv": {"Header": False}},
        "LocalPath": LOCAL,
    }
    output = {"S3Uri": f"s3://{hall.bucket}/reports", "LocalPath": "/opt/ml/processing/output"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    hall.sagemaker.create_data_quality_job_definition(
        JobDefinitionName="batches",
        DataQualityAppSpecification={
            "ImageUri": f"{hall.account}.dkr.ecr.us-east-1.amazonaws.com/analyzer:one",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/preprocessing/main.py"],
            "RecordPreprocessorSourceUri": f"s3://{hall.bucket}/batch/code/main.py",
        },
        DataQualityJobInput={"BatchTransformInput": batches},
        DataQualityJobOutputConfig={"MonitoringOutputs": [{"S3Output": output}]},
        JobResources={"ClusterConfig": cluster},
        RoleArn=hall.role,
    )

    noted = seen(hall, once(hall, "batchwise", "DataQuality", "batches"))

    assert noted["files"] == {"a.csv": "5", "a.csv.out": "10.0"}
    assert json.loads(noted["format"]) == {"csv": {"header": False}}
