"""Transform jobs through boto3, on a running local AWS: a container that insists on port 8080 where it
can have one of its own."""

from __future__ import annotations

import gzip
import json
from datetime import UTC
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local_aws.sagemaker import images
from support.deployed import LocalAws
from support.sagemaker import Workshop
from support.waiting import AT_ONCE, eventually

SERVE = """#!/usr/bin/env python3
import http.server, json, os, time

PORT = int(os.environ["SAGEMAKER_BIND_TO_PORT"]) if "SAGEMAKER_BASE_DIR" in os.environ else 8080
failures = int(os.environ.get("FAILURES", "0"))


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        wishes = os.environ.get("WISHES")
        known = self.path == "/ping" or (self.path == "/execution-parameters" and wishes)
        self.answer(200 if known else 404, wishes or "")

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def do_POST(self):
        global failures
        text = self.body().decode()
        how = self.headers.get("Accept"), self.headers.get("Transfer-Encoding")
        print("request of", len(text), *how, flush=True)
        if "hang" in text:
            time.sleep(60)
        if failures:
            failures -= 1
            return self.answer(503, "not yet")
        if "bad" in text:
            return self.answer(400, "cannot read it")
        if "json" in self.headers["Content-Type"]:
            rows = [json.loads(line) for line in text.splitlines()]
            return self.answer(200, "".join(json.dumps({"sum": sum(row)}) + "\\n" for row in rows))
        rows = [line.split(",") for line in text.split()]
        answers = [str(sum(map(float, row))) for row in rows]
        self.answer(200, "\\n".join(answers[: int(os.environ.get("KEEP", "1000"))]) + "\\n")

    def log_message(self, *args):
        pass


batch = sorted((name, value) for name, value in os.environ.items() if name.startswith("SAGEMAKER_BATCH"))
print("environment", batch, flush=True)
http.server.ThreadingHTTPServer(("", PORT), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = Workshop(local_aws, "200000000006", tmp_path_factory.mktemp("image"))
    folder = tmp_path_factory.mktemp("summing") / "image"
    folder.mkdir()
    (folder / "serve").write_text(SERVE)
    (folder / "serve").chmod(0o755)
    made.client("ecr").create_repository(repositoryName="summing")
    images.push(made.client("ecr"), "summing", "one", folder, local_aws.state / "images")
    image = made.image.replace("tiny", "summing")
    made.sagemaker.create_model(
        ModelName="summing", ExecutionRoleArn=made.role, PrimaryContainer={"Image": image}
    )
    for key, text in {"in/one.csv": "1,2\n3,4\n5,6\n", "in/deeper/two.csv": "7,8\n"}.items():
        made.client("s3").put_object(Bucket=made.bucket, Key=key, Body=text.encode())
    return made


def put(workshop: Workshop, key: str, body: bytes) -> str:
    workshop.client("s3").put_object(Bucket=workshop.bucket, Key=key, Body=body)
    return key


def start(
    workshop: Workshop,
    name: str,
    key: str = "in/",
    *,
    given: dict[str, Any] | None = None,
    output: dict[str, Any] | None = None,
    **more: Any,
) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{workshop.bucket}/{key}"}
    workshop.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="summing",
        TransformInput={
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv",
            "SplitType": "Line",
            **(given or {}),
        },
        TransformOutput={
            "S3OutputPath": f"s3://{workshop.bucket}/{name}",
            "AssembleWith": "Line",
            **(output or {}),
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": more.pop("instances", 1)},
        **more,
    )


def ended(workshop: Workshop, name: str) -> dict[str, Any]:
    waiter = workshop.sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=name, WaiterConfig=AT_ONCE)
    found: dict[str, Any] = workshop.sagemaker.describe_transform_job(TransformJobName=name)
    return found


def failed(workshop: Workshop, name: str) -> str:
    with pytest.raises(WaiterError):
        ended(workshop, name)
    return str(workshop.sagemaker.describe_transform_job(TransformJobName=name)["FailureReason"])


def printed(workshop: Workshop, name: str) -> list[str]:
    return [event["message"] for event in workshop.printed(name, "TransformJobs")]


def test_leaves_an_output_beside_each_input(workshop: Workshop) -> None:
    start(workshop, "plain")

    job = ended(workshop, "plain")

    assert job["TransformJobStatus"] == "Completed"
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    assert workshop.keys("plain/") == ["plain/deeper/two.csv.out", "plain/one.csv.out"]
    assert workshop.read("plain/one.csv.out") == b"3.0\n7.0\n11.0\n"
    said = printed(workshop, "plain")
    parameters = "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    assert "environment [('SAGEMAKER_BATCH', 'true')]" in said
    assert any(parameters in one for one in said)


def test_sends_single_records_to_several_instances(workshop: Workshop) -> None:
    start(workshop, "single", BatchStrategy="SingleRecord", MaxConcurrentTransforms=2, instances=2)

    ended(workshop, "single")

    assert workshop.read("single/one.csv.out") == b"3.0\n7.0\n11.0\n"
    said = printed(workshop, "single")
    assert [one for one in said if one.startswith("request")] == ["request of 3 None None"] * 4
    assert "environment [('SAGEMAKER_BATCH', 'true'), ('SAGEMAKER_BATCH_STRATEGY', 'SINGLE_RECORD')]" in said


def test_joins_inputs_and_outputs(workshop: Workshop) -> None:
    start(
        workshop,
        "joined",
        put(workshop, "with-ids/rows.csv", b"a,1,2\nb,3,4\n"),
        output={"Accept": "text/csv"},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )

    ended(workshop, "joined")

    assert workshop.read("joined/rows.csv.out") == b"a,3.0\nb,7.0\n"
    assert "request of 7 text/csv None" in printed(workshop, "joined")


def test_captures_where_its_records_and_answers_are_and_names_these(workshop: Workshop) -> None:
    capture = {
        "DestinationS3Uri": f"s3://{workshop.bucket}/captured",
        "GenerateInferenceId": True,
    }
    start(workshop, "captured-job", output={"Accept": "text/csv"}, DataCaptureConfig=capture)

    job = ended(workshop, "captured-job")

    rows = [line.split(",") for line in workshop.read("captured-job/one.csv.out").decode().splitlines()]
    assert [row[0] for row in rows] == ["3.0", "7.0", "11.0"]
    assert len({row[1] for row in rows}) == 3
    assert {row[2] for row in rows} == {f"{job['TransformStartTime'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    hour = f"{job['TransformStartTime'].astimezone(UTC):%Y/%m/%d/%H}"
    (given,), (left,) = (workshop.keys(f"captured/{kind}/{hour}/") for kind in ("input", "output"))
    bucket = f"s3://{workshop.bucket}"
    assert json.loads(workshop.read(given)) == [{"prefix": f"{bucket}/in/"}, "deeper/two.csv", "one.csv"]
    assert json.loads(workshop.read(left)) == [
        {"prefix": f"{bucket}/captured-job/"},
        "deeper/two.csv.out",
        "one.csv.out",
    ]


def test_joins_json_lines(workshop: Workshop) -> None:
    start(
        workshop,
        "json-lines",
        put(workshop, "lines/rows.jsonl", b'{"id": 1, "x": [1, 2]}\n{"id": 2, "x": [3]}\n'),
        given={"ContentType": "application/jsonlines"},
        DataProcessing={"InputFilter": "$.x", "JoinSource": "Input"},
    )

    ended(workshop, "json-lines")

    assert [json.loads(line) for line in workshop.read("json-lines/rows.jsonl.out").splitlines()] == [
        {"id": 1, "x": [1, 2], "SageMakerOutput": {"sum": 3}},
        {"id": 2, "x": [3], "SageMakerOutput": {"sum": 3}},
    ]


def test_reads_compressed_objects_and_sends_them_whole(workshop: Workshop) -> None:
    start(
        workshop,
        "packed",
        put(workshop, "packed-in/rows.csv.gz", gzip.compress(b"1,2\n3,4\n")),
        given={"CompressionType": "Gzip", "SplitType": "None"},
        output={"AssembleWith": "None"},
        MaxPayloadInMB=0,
    )

    ended(workshop, "packed")

    assert workshop.read("packed/rows.csv.gz.out") == b"3.0\n7.0\n"
    assert "request of 8 None chunked" in printed(workshop, "packed")


def test_does_what_the_container_wishes_where_the_request_does_not_say(workshop: Workshop) -> None:
    wishes = {"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}
    start(workshop, "wishes", MaxPayloadInMB=1, Environment={"WISHES": json.dumps(wishes)})

    ended(workshop, "wishes")

    said = printed(workshop, "wishes")
    assert any(
        "MaxConcurrentTransforms=3, MaxPayloadInMB=1, BatchStrategy=SINGLE_RECORD" in one for one in said
    )


def test_asks_again_when_the_container_fails(workshop: Workshop) -> None:
    start(workshop, "patient", "in/one.csv", Environment={"FAILURES": "3"})

    assert ended(workshop, "patient")["TransformJobStatus"] == "Completed"
    assert workshop.read("patient/one.csv.out") == b"3.0\n7.0\n11.0\n"


def test_gives_up_when_the_container_goes_on_failing(workshop: Workshop) -> None:
    start(
        workshop,
        "impatient",
        "in/one.csv",
        Environment={"FAILURES": "2"},
        ModelClientConfig={"InvocationsMaxRetries": 1},
    )

    assert failed(workshop, "impatient") == "AlgorithmError: See job logs for more information"
    said = printed(workshop, "impatient")
    assert any("in/one.csv: Bad HTTP status received from algorithm: 503" in one for one in said)
    assert workshop.keys("impatient/") == []


def test_gives_up_a_request_that_takes_too_long(workshop: Workshop) -> None:
    start(
        workshop,
        "hanging",
        put(workshop, "hang/rows.csv", b"hang\n"),
        ModelClientConfig={"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0},
    )

    assert failed(workshop, "hanging") == "AlgorithmError: See job logs for more information"
    assert any("Unable to get response from algorithm" in one for one in printed(workshop, "hanging"))


def test_keeps_the_good_files_when_one_is_bad(workshop: Workshop) -> None:
    put(workshop, "mixed/bad.csv", b"1,2\nbad\n")
    put(workshop, "mixed/good.csv", b"1,2\n")
    start(workshop, "mixed-out", "mixed/")

    assert failed(workshop, "mixed-out") == "ClientError: See job logs for more information"
    assert workshop.keys("mixed-out/") == ["mixed-out/good.csv.out"]
    said = printed(workshop, "mixed-out")
    assert any("mixed/bad.csv: ClientError: 400" in one for one in said)
    assert any("mixed/bad.csv: cannot read it" in one for one in said)


def test_fails_when_answers_do_not_match_the_records(workshop: Workshop) -> None:
    start(
        workshop,
        "mismatched",
        "in/one.csv",
        DataProcessing={"JoinSource": "Input"},
        Environment={"KEEP": "2"},
    )

    assert failed(workshop, "mismatched") == "ClientError: See job logs for more information"
    assert any("Fail to join data: mismatched line count" in one for one in printed(workshop, "mismatched"))


def test_fails_for_a_record_that_is_too_large(workshop: Workshop) -> None:
    start(workshop, "huge", put(workshop, "huge-in/rows.csv", b"1" * (1024 * 1024 + 1)), MaxPayloadInMB=1)

    assert failed(workshop, "huge") == "ClientError: See job logs for more information"


def test_stores_nothing_of_a_job_that_is_stopped(workshop: Workshop) -> None:
    put(workshop, "stop/a.csv", b"1,2\n")
    put(workshop, "stop/b.csv", b"hang\n")
    start(workshop, "stopped", "stop/")
    eventually(lambda: any(one.startswith("request of 4") for one in printed(workshop, "stopped")))

    workshop.sagemaker.stop_transform_job(TransformJobName="stopped")

    assert ended(workshop, "stopped")["TransformJobStatus"] == "Stopped"
    assert workshop.keys("stopped/") == []
    with pytest.raises(ClientError, match="because the transform job is in status Stopped"):
        workshop.sagemaker.stop_transform_job(TransformJobName="stopped")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"given": {"SplitType": "RecordIO"}}, "with the SplitType RecordIO, on AWS only"),
        ({"given": {"SplitType": "TFRecord"}}, "with the SplitType TFRecord, on AWS only"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB cannot be greater than 100 MB"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "cannot exceed 100 MB: it is 120"),
        ({"DataProcessing": {"InputFilter": "$.x"}}, "only indexes can be applied to text/csv"),
    ],
)
def test_refuses_what_neither_aws_nor_this_machine_does(
    workshop: Workshop, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        start(workshop, "refused", **more)


def test_refuses_a_model_that_is_not_there(workshop: Workshop) -> None:
    with pytest.raises(ClientError, match=r'Could not find model "arn:aws:sagemaker:.*model/none"'):
        workshop.sagemaker.create_transform_job(
            TransformJobName="modelless",
            ModelName="none",
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}},
            TransformOutput={"S3OutputPath": "s3://b/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
