"""Asynchronous inference: from S3 to S3, and told by SNS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws
from support.serving import Hall
from support.waiting import eventually


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, "200000000022", tmp_path_factory.mktemp("hall")) as made:
        yield made


class Letters:
    """What topics have said, read from a queue."""

    def __init__(self, hall: Hall) -> None:
        sqs, sns = hall.client("sqs"), hall.client("sns")
        self._sqs = sqs
        self._url = sqs.create_queue(QueueName="letters")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.topics = {}
        for name in ("done", "failed"):
            self.topics[name] = sns.create_topic(Name=name)["TopicArn"]
            sns.subscribe(
                TopicArn=self.topics[name], Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"]
            )

    def next(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def look() -> bool:
            answer = self._sqs.receive_message(QueueUrl=self._url, WaitTimeSeconds=1)
            found.extend(answer.get("Messages", []))
            return bool(found)

        eventually(look)
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=found[0]["ReceiptHandle"])
        message: dict[str, Any] = json.loads(json.loads(found[0]["Body"])["Message"])
        return message


@pytest.fixture(scope="module")
def letters(hall: Hall) -> Letters:
    return Letters(hall)


@pytest.fixture(scope="module")
def endpoint(hall: Hall, letters: Letters) -> str:
    output = {
        "S3OutputPath": f"s3://{hall.bucket}/out",
        "S3FailurePath": f"s3://{hall.bucket}/bad",
        "NotificationConfig": {
            "SuccessTopic": letters.topics["done"],
            "ErrorTopic": letters.topics["failed"],
            "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
        },
    }
    client = {"MaxConcurrentInvocationsPerInstance": 1}
    described = hall.serve(
        "async",
        hall.variant(hall.model("async", hall.container(2))),
        AsyncInferenceConfig={"OutputConfig": output, "ClientConfig": client},
    )
    assert described["AsyncInferenceConfig"]["ClientConfig"] == client
    return "async"


def send(hall: Hall, endpoint: str, body: str, **more: Any) -> dict[str, Any]:
    key = f"in/{len(body)}-{abs(hash(body))}.csv"
    hall.client("s3").put_object(Bucket=hall.bucket, Key=key, Body=body.encode())
    answer: dict[str, Any] = hall.runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=f"s3://{hall.bucket}/{key}", ContentType="text/csv", **more
    )
    return answer


def test_writes_the_answer_to_s3_and_tells_so(hall: Hall, endpoint: str, letters: Letters) -> None:
    sent = send(hall, endpoint, "21", InferenceId="request-7")

    told = letters.next()
    assert sent["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert hall.object(sent["OutputLocation"]) == b"42.0"
    assert (told["invocationStatus"], told["inferenceId"]) == ("Completed", "request-7")
    assert told["responseParameters"] == {
        "contentType": "text/csv",
        "outputLocation": sent["OutputLocation"],
        "responseBody": {"content": "42.0", "encoding": "CSV"},
    }
    assert told["requestParameters"]["endpointName"] == "async"
    assert sent["InferenceId"] == "request-7"


def test_writes_what_failed_to_the_failure_path(hall: Hall, endpoint: str, letters: Letters) -> None:
    sent = send(hall, endpoint, "nonsense")

    told = letters.next()
    assert hall.object(sent["FailureLocation"]) == b"not a number: nonsense"
    assert (told["invocationStatus"], told["responseParameters"]["failureLocation"]) == (
        "Failed",
        sent["FailureLocation"],
    )
    assert told["failureReason"] == "Received client error (400) from primary"


def test_takes_a_small_payload_with_the_request(hall: Hall, endpoint: str, letters: Letters) -> None:
    sent = hall.runtime.invoke_endpoint_async(
        EndpointName=endpoint,
        Body=b"4",
        ContentType="text/csv",
        S3OutputPathExtension="today",
        Filename="four.csv",
    )

    assert letters.next()["invocationStatus"] == "Completed"
    assert sent["OutputLocation"] == f"s3://{hall.bucket}/out/today/four.csv"
    assert hall.object(sent["OutputLocation"]) == b"8.0"


def test_keeps_requests_waiting_while_the_container_is_busy(
    hall: Hall, endpoint: str, letters: Letters, tmp_path: Path
) -> None:
    go = tmp_path / "go"

    first = send(hall, endpoint, f"hold:{go}")
    second = send(hall, endpoint, "5")
    eventually(lambda: hall.metric("ApproximateBacklogSize", "Maximum", EndpointName="async") == 2)
    s3 = hall.client("s3")
    waiting = s3.list_objects_v2(
        Bucket=hall.bucket, Prefix=second["OutputLocation"].removeprefix(f"s3://{hall.bucket}/")
    )
    go.touch()

    assert "Contents" not in waiting
    assert hall.object(first["OutputLocation"]) == b"held"
    assert hall.object(second["OutputLocation"]) == b"10.0"
    assert [letters.next()["invocationStatus"] for _ in range(2)] == ["Completed", "Completed"]


def test_wakes_up_from_no_instances_at_all(hall: Hall, endpoint: str, letters: Letters) -> None:
    def scale(count: int) -> None:
        hall.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": count}],
        )
        hall.settled(endpoint)

    scale(0)
    sent = send(hall, endpoint, "6")
    eventually(lambda: hall.metric("HasBacklogWithoutCapacity", "Maximum", EndpointName="async") == 1)
    scale(1)

    assert hall.object(sent["OutputLocation"]) == b"12.0"
    assert letters.next()["invocationStatus"] == "Completed"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "exactly one of InputLocation and Body"),
        ({"InputLocation": "s3://none/at-all"}, "Could not find the input at s3://none/at-all"),
        ({"Body": b"1", "RequestTTLSeconds": 21601}, "less than or equal to 21600"),
        ({"Body": b"1", "InvocationTimeoutSeconds": 3601}, "less than or equal to 3600"),
    ],
)
def test_refuses_a_request_that_cannot_be_queued(
    hall: Hall, endpoint: str, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError) as raised:
        hall.runtime.invoke_endpoint_async(EndpointName=endpoint, **more)

    assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert said in raised.value.response["Error"]["Message"]


def test_answers_nothing_at_once(hall: Hall, endpoint: str) -> None:
    with pytest.raises(ClientError, match="is an asynchronous endpoint"):
        hall.ask(endpoint, "1")
