"""Processing jobs through boto3, on a running local AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local_aws.containers import why_not_separated
from support.deployed import LocalAws
from support.sagemaker import Workshop
from support.waiting import AT_ONCE, eventually

CODE = "/opt/ml/processing/code"


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(local_aws, "200000000005", tmp_path_factory.mktemp("image")) as made:
        yield made


def s3_input(workshop: Workshop, name: str, key: str, **more: Any) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": f"s3://{workshop.bucket}/{key}",
            "LocalPath": f"/opt/ml/processing/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            **more,
        },
    }


def s3_output(workshop: Workshop, name: str, mode: str = "EndOfJob") -> dict[str, Any]:
    return {
        "OutputName": name,
        "S3Output": {
            "S3Uri": f"s3://{workshop.bucket}/processed/{name}",
            "LocalPath": f"/opt/ml/processing/{name}",
            "S3UploadMode": mode,
        },
    }


def start(
    workshop: Workshop, name: str, script: str, *, instances: int = 1, seconds: int = 60, **more: Any
) -> None:
    """Starts a job of a Python program, given as its text."""
    workshop.script(name, script)
    inputs = [*more.pop("inputs", []), s3_input(workshop, "code", f"code/{name}/")]
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 1}
    workshop.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=workshop.role,
        AppSpecification={
            "ImageUri": workshop.image,
            "ContainerEntrypoint": ["python3", "-u", f"{CODE}/main.py"],
            "ContainerArguments": more.pop("arguments", ["--all"]),
        },
        ProcessingInputs=inputs,
        ProcessingOutputConfig={"Outputs": more.pop("outputs", [])},
        ProcessingResources={"ClusterConfig": resources},
        StoppingCondition={"MaxRuntimeInSeconds": seconds},
        **more,
    )


def ended(workshop: Workshop, name: str) -> dict[str, Any]:
    waiter = workshop.sagemaker.get_waiter("processing_job_completed_or_stopped")
    waiter.wait(ProcessingJobName=name, WaiterConfig=AT_ONCE)
    found: dict[str, Any] = workshop.sagemaker.describe_processing_job(ProcessingJobName=name)
    return found


def failed(workshop: Workshop, name: str) -> dict[str, Any]:
    with pytest.raises(WaiterError):
        ended(workshop, name)
    found: dict[str, Any] = workshop.sagemaker.describe_processing_job(ProcessingJobName=name)
    return found


def printed(workshop: Workshop, name: str) -> list[str]:
    return [event["message"] for event in workshop.printed(name, "ProcessingJobs")]


COUNT_ROWS = """
import json, os, pathlib, sys
processing = pathlib.Path("processing")
rows = sorted(path.read_text().strip() for path in (processing / "rows").rglob("*.csv"))
(processing / "counted" / "deeper").mkdir()
(processing / "counted" / "deeper" / "rows.json").write_text(json.dumps(rows))
os.symlink("/etc/hosts", processing / "counted" / "link")
(processing.parent / "output").joinpath("message").write_text("counted " + str(len(rows)))
job = json.load(open("config/processingjobconfig.json"))
hosts = json.load(open("config/resourceconfig.json"))
print(sys.argv[1:], os.environ["GREETING"], job["ProcessingJobName"], job["StoppingCondition"])
print(hosts["hosts"], "AWS_ACCESS_KEY_ID" in os.environ)
"""


def test_reads_its_inputs_and_uploads_its_outputs(workshop: Workshop) -> None:
    start(
        workshop,
        "count",
        COUNT_ROWS,
        inputs=[s3_input(workshop, "rows", "data")],
        outputs=[s3_output(workshop, "counted")],
        Environment={"GREETING": "hello"},
    )

    job = ended(workshop, "count")

    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Completed", "counted 2")
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert json.loads(workshop.read("processed/counted/deeper/rows.json")) == ["1,2", "3,4"]
    assert workshop.keys("processed/counted/") == ["processed/counted/deeper/rows.json"]
    host = "algo-1" if why_not_separated() is None else "localhost"
    assert printed(workshop, "count") == [
        "['--all'] hello count {'MaxRuntimeInSeconds': 60}",
        f"['{host}'] True",
    ]


UPLOAD_AS_IT_GOES = """
import pathlib, signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
output = pathlib.Path("processing")
(output / "late" / "one").write_text("1")
(output / "early" / "one").write_text("1")
signal.pause()
"""


def test_uploads_as_it_goes_and_stops_when_asked(workshop: Workshop) -> None:
    outputs = [s3_output(workshop, "early", "Continuous"), s3_output(workshop, "late")]
    start(workshop, "endless", UPLOAD_AS_IT_GOES, outputs=outputs)
    eventually(lambda: workshop.keys("processed/early/"))
    with pytest.raises(ClientError, match="ResourceInUse"):
        workshop.sagemaker.delete_processing_job(ProcessingJobName="endless")

    workshop.sagemaker.stop_processing_job(ProcessingJobName="endless")

    assert ended(workshop, "endless")["ProcessingJobStatus"] == "Stopped"
    assert workshop.keys("processed/late/") == []
    with pytest.raises(ClientError, match="because the processing job is in status Stopped"):
        workshop.sagemaker.stop_processing_job(ProcessingJobName="endless")
    workshop.sagemaker.delete_processing_job(ProcessingJobName="endless")


def test_ends_a_job_that_takes_longer_than_it_may(workshop: Workshop) -> None:
    start(workshop, "slow", "import signal; signal.pause()", seconds=1)

    assert ended(workshop, "slow")["ProcessingJobStatus"] == "Stopped"


def test_fails_with_the_programs_exit_code_and_keeps_its_message(workshop: Workshop) -> None:
    script = "import sys; open('output/message', 'w').write('x' * 2000); sys.exit(1)"
    start(workshop, "broken", script, outputs=[s3_output(workshop, "nothing")])

    job = failed(workshop, "broken")

    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert job["ExitMessage"] == "x" * 1024


@pytest.mark.parametrize(
    ("name", "script", "inputs", "reason"),
    [
        (
            "binary-message",
            "open('output/message', 'wb').write(b'\\xff')",
            [],
            "ClientError: the file /opt/ml/output/message is not UTF-8 encoded",
        ),
        ("no-data", "", ["nothing-there/"], "ClientError: No S3 objects found under S3 URL"),
    ],
)
def test_says_what_the_caller_did_wrong(
    workshop: Workshop, name: str, script: str, inputs: list[str], reason: str
) -> None:
    start(workshop, name, script, inputs=[s3_input(workshop, "rows", key) for key in inputs])

    assert failed(workshop, name)["FailureReason"].startswith(reason)


SHARE = """
import json, pathlib
host = json.load(open("config/resourceconfig.json"))["current_host"]
rows = [path.name for path in pathlib.Path("processing/rows").rglob("*.csv")]
pathlib.Path("processing/shares", host).write_text(" ".join(rows))
"""


def test_shares_its_input_among_its_instances(workshop: Workshop) -> None:
    if why_not_separated() is not None:
        pytest.skip(str(why_not_separated()))
    start(
        workshop,
        "shared",
        SHARE,
        instances=2,
        inputs=[s3_input(workshop, "rows", "data", S3DataDistributionType="ShardedByS3Key")],
        outputs=[s3_output(workshop, "shares")],
        NetworkConfig={"EnableNetworkIsolation": True},
    )

    assert ended(workshop, "shared")["ProcessingJobStatus"] == "Completed"
    assert workshop.read("processed/shares/algo-1") == b"a.csv"
    assert workshop.read("processed/shares/algo-2") == b"b.csv"


def test_lists_jobs_by_status(workshop: Workshop) -> None:
    start(workshop, "listed", "")
    ended(workshop, "listed")

    found = workshop.sagemaker.list_processing_jobs(NameContains="listed", StatusEquals="Completed")

    assert [one["ProcessingJobName"] for one in found["ProcessingJobSummaries"]] == ["listed"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"inputs": [None]}, "needs S3Input"),
        (
            {"inputs": [{"S3DataType": "S3Prefix", "LocalPath": "/data"}]},
            "must begin with /opt/ml/processing/",
        ),
        ({"inputs": [{"LocalPath": "/opt/ml/processing/../model"}]}, "must begin with /opt/ml/processing/"),
        ({"inputs": [{"S3InputMode": "Pipe"}]}, "in the mode Pipe, on AWS only"),
        ({"inputs": [{"S3CompressionType": "Gzip"}]}, "Gzip can only be used if Pipe mode is specified"),
        ({"inputs": [{}, {}]}, "InputName must be unique"),
    ],
)
def test_refuses_inputs_that_cannot_be(workshop: Workshop, more: dict[str, Any], said: str) -> None:
    inputs = [
        {"InputName": "x"} if one is None else s3_input(workshop, "rows", "data", **one)
        for one in more["inputs"]
    ]

    with pytest.raises(ClientError, match=said):
        start(workshop, "refused", "", inputs=inputs)


def test_refuses_an_image_without_a_program(workshop: Workshop) -> None:
    with pytest.raises(ClientError, match=r"has no entry point: give AppSpecification\.ContainerEntrypoint"):
        workshop.sagemaker.create_processing_job(
            ProcessingJobName="aimless",
            RoleArn=workshop.role,
            AppSpecification={"ImageUri": workshop.image},
            ProcessingResources={
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
            },
        )
