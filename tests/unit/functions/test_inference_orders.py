"""Jobs and batches over real HTTP: what is sent to S3 and SageMaker, and what their faults become."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from inference_gateway import handler as module
from inference_gateway.handler import handler
from runtime_common.connection import KeptConnection
from support.scripted_service import Behaviour, Context, Service, event, hang_up, reply, silence

MODELS = {
    "later": {"endpoint": "clary-test-later", "mode": "asynchronous", "content_types": ["text/csv"]},
    "nightly": {
        "mode": "batch",
        "content_types": ["text/csv", "image/png"],
        "batch": {"model": "clary-test-nightly-0123", "instance_type": "ml.m5.large", "instance_count": 2},
    },
}
LEAKS = re.compile(r"clary-test|jobs-bucket|arn:aws|127\.0\.0\.1|AccessDenied|SlowDown|\.py\b", re.IGNORECASE)
KEPT = reply(200, ETag='"one"')
GONE = reply(204)
TAKEN_ALREADY = reply(412, b"<Error><Code>PreconditionFailed</Code></Error>", "application/xml")
ACCEPTED = reply(
    202,
    {"InferenceId": "x"},
    X_Amzn_SageMaker_OutputLocation="s3://jobs-bucket/jobs/later/output/x/output",
    X_Amzn_SageMaker_FailureLocation="s3://jobs-bucket/jobs/later/failure/x/y-error.out",
)


def denied(status: int, code: str) -> Behaviour:
    return reply(status, f"<Error><Code>{code}</Code></Error>".encode(), "application/xml")


@pytest.fixture(autouse=True)
def function(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "MODELS": json.dumps(MODELS),
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": service.url,
        "JOBS_BUCKET": "jobs-bucket",
        "JOBS_KEY": "arn:aws:kms:eu-west-1:123456789012:key/k",
        "BATCH_PREFIX": "clary-test-",
        "_X_AMZN_TRACE_ID": "Root=1-2-3;Sampled=1",
    }.items():
        monkeypatch.setenv(name, value)
    opened: list[KeptConnection] = []

    class Noted(KeptConnection):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            opened.append(self)

    monkeypatch.setattr(module, "KeptConnection", Noted)
    module._gateway.cache_clear()
    yield
    module._gateway.cache_clear()
    for connection in opened:
        connection.close()


def post(model: str, many: str, *, milliseconds: int = 30_000, **headers: str) -> dict[str, Any]:
    sent = event(f"/models/{model}/{many}")
    sent["headers"] |= headers
    return handler(sent, Context(milliseconds))


def requests(service: Service) -> list[tuple[str, str]]:
    return [(one.method, one.path.partition("?")[0]) for one in service.received]


def problem(answer: dict[str, Any]) -> str:
    assert not LEAKS.search(json.dumps(answer)), answer
    return str(json.loads(answer["body"])["type"]).removeprefix("urn:clary:problem:")


def test_a_job_is_a_record_a_request_and_a_record(service: Service) -> None:
    service.on("InvokeEndpoint", KEPT, ACCEPTED, KEPT)

    answer = post("later", "jobs", accept="text/csv")

    assert answer["statusCode"] == 202
    job = json.loads(answer["body"])["job"]
    record = f"/jobs-bucket/jobs/later/{job}/record.json"
    assert requests(service) == [
        ("PUT", record),
        ("POST", "/endpoints/clary-test-later/async-invocations"),
        ("PUT", record),
    ]
    first, asked, last = service.received
    assert first.headers["if-none-match"] == "*"
    assert "/eu-west-1/s3/aws4_request" in first.headers["authorization"]
    assert last.headers["if-match"] == '"one"'
    assert json.loads(last.body)["failure"] == "jobs/later/failure/x/y-error.out"
    assert asked.body == b"1,2,3"
    said = {name: value for name, value in asked.headers.items() if name.startswith("x-amzn-")}
    assert said == {
        "x-amzn-sagemaker-accept": "text/csv",
        "x-amzn-sagemaker-content-type": "text/csv",
        "x-amzn-sagemaker-filename": "output",
        "x-amzn-sagemaker-inference-id": job,
        "x-amzn-sagemaker-invocationtimeoutseconds": "900",
        "x-amzn-sagemaker-requestttlseconds": "21600",
        "x-amzn-sagemaker-s3outputpathextension": job,
        "x-amzn-trace-id": "Root=1-2-3;Sampled=1",
    }
    assert "x-amzn-trace-id" not in asked.headers["authorization"]


@pytest.mark.parametrize(
    ("invoked", "status", "kind"),
    [
        (reply(400, {"__type": "ThrottlingException"}), 429, "throttled"),
        (reply(503, b""), 503, "temporarily-unavailable"),
    ],
)
def test_nothing_is_left_of_a_job_that_was_not_taken(
    service: Service, invoked: Behaviour, status: int, kind: str
) -> None:
    service.on("InvokeEndpoint", KEPT, invoked, GONE)

    answer = post("later", "jobs")

    assert (answer["statusCode"], problem(answer)) == (status, kind)
    assert [method for method, _ in requests(service)] == ["PUT", "POST", "DELETE", "DELETE"]


def test_a_request_whose_answer_is_lost_is_not_sent_twice(service: Service) -> None:
    service.on("InvokeEndpoint", KEPT, hang_up, KEPT)

    answer = post("later", "jobs")

    assert problem(answer) == "answer-failed"
    assert [method for method, _ in requests(service)] == ["PUT", "POST"]


@pytest.mark.parametrize(
    ("stored", "milliseconds"),
    [
        (denied(403, "AccessDenied"), 30_000),
        (denied(503, "SlowDown"), 30_000),
        (hang_up, 30_000),
        (silence, 300),
    ],
)
def test_what_is_wrong_with_the_store_is_nobodys_business(
    service: Service, stored: Behaviour, milliseconds: int
) -> None:
    service.on("InvokeEndpoint", stored)

    answer = post("later", "jobs", milliseconds=milliseconds)

    assert (answer["statusCode"], problem(answer)) == (503, "temporarily-unavailable")
    assert answer["headers"]["Retry-After"] == "5"


def test_a_key_that_is_taken_is_looked_up(service: Service) -> None:
    record = {
        "owner": "anybody",
        "state": "submitted",
        "created": 0.0,
        "moved": 0.0,
        "content_type": "text/csv",
        "accept": None,
        "fingerprint": "another request's",
        "output": "x",
        "failure": None,
    }
    service.on("InvokeEndpoint", TAKEN_ALREADY, reply(200, record, ETag='"one"'))

    answer = post("later", "jobs", **{"Idempotency-Key": "k"})

    assert (answer["statusCode"], problem(answer)) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("key", ["", "k" * 256, "\u00e4", "a\tb"])
def test_refuses_a_key_that_is_none(service: Service, key: str) -> None:
    assert problem(post("later", "jobs", **{"Idempotency-Key": key})) == "unreadable-request"
    assert service.received == []


def test_a_batch_is_an_input_and_a_transform_job_of_its_name(service: Service) -> None:
    service.on("InvokeEndpoint", KEPT)
    service.on("CreateTransformJob", reply(200, {"TransformJobArn": "arn"}))

    answer = post("nightly", "batches")

    batch = json.loads(answer["body"])["batch"]
    folder = f"jobs/nightly/batches/{batch}"
    (created,) = (one for one in service.received if one.operation == "CreateTransformJob")
    key = "arn:aws:kms:eu-west-1:123456789012:key/k"
    assert answer["statusCode"] == 202
    assert json.loads(created.body) == {
        "TransformJobName": f"clary-test-{batch}",
        "ModelName": "clary-test-nightly-0123",
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://jobs-bucket/{folder}/input"}
            },
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://jobs-bucket/{folder}/output",
            "AssembleWith": "Line",
            "KmsKeyId": key,
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeKmsKeyId": key},
    }


@pytest.mark.parametrize(
    ("code", "message", "status", "kind"),
    [
        ("ResourceInUse", "Job name must be unique", 202, None),
        ("ResourceLimitExceeded", "The account-level limit", 429, "throttled"),
        ("ValidationException", 'Could not find model "arn:aws:x"', 503, "not-in-service"),
        ("ValidationException", "arn:aws:x is wrong", 502, "answer-failed"),
        ("AccessDeniedException", "arn:aws:x may not", 502, "answer-failed"),
    ],
)
def test_tells_what_becomes_of_a_transform(
    service: Service, code: str, message: str, status: int, kind: str | None
) -> None:
    service.on("InvokeEndpoint", KEPT)
    service.on("CreateTransformJob", reply(400, {"__type": code, "message": message}))

    answer = post("nightly", "batches")

    assert answer["statusCode"] == status
    if kind is not None:
        assert problem(answer) == kind
