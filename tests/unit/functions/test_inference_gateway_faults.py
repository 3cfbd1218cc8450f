"""What the service can do wrong, over real HTTP, and what the client is told of it."""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from inference_gateway import handler as module
from inference_gateway.handler import handler
from runtime_common.connection import KeptConnection, Origin
from support.scripted_service import (
    ENDPOINT,
    Behaviour,
    Context,
    Service,
    drip,
    event,
    hang_up,
    raw,
    reply,
    reset,
    silence,
)

MODELS = {
    "housing": {"endpoint": ENDPOINT, "content_types": ["text/csv"], "example": "1,2,3"},
    "words": {"endpoint": ENDPOINT, "content_types": ["application/json"]},
    "many": {"endpoint": ENDPOINT, "content_types": ["text/csv"], "targets": True},
}

CERTIFICATE = Path(__file__).parent / "localhost.pem"

SECRET = "row 17 of /opt/ml/model/secret.joblib"
"""What the service says, and no client may see."""

LEAKS = re.compile(
    rf"{SECRET}|{ENDPOINT}|123456789012|arn:aws|127\.0\.0\.1|Traceback|Exception|Errno|\.py\b|sagemaker", re.I
)


@pytest.fixture(autouse=True)
def function(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "MODELS": json.dumps(MODELS),
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": service.url,
    }.items():
        monkeypatch.setenv(name, value)
    for name in (
        "AWS_CA_BUNDLE",
        "AWS_ENDPOINT_URL_SAGEMAKER",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
        "AWS_SESSION_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    opened: list[KeptConnection] = []

    class Noted(KeptConnection):
        def __init__(self, origin: Origin, *, ca_bundle: str | None = None) -> None:
            super().__init__(origin, ca_bundle=ca_bundle)
            opened.append(self)

    monkeypatch.setattr(module, "KeptConnection", Noted)
    module._gateway.cache_clear()
    yield
    module._gateway.cache_clear()
    for connection in opened:
        connection.close()


def error(status: int, code: str, message: str = SECRET, **members: object) -> Behaviour:
    return reply(status, {"Message": message, **members}, x_amzn_ErrorType=code)


def model_error(status: int) -> Behaviour:
    return error(
        424,
        "ModelError",
        f'Received server error ({status}) from primary with message "{SECRET}"',
        OriginalStatusCode=status,
        OriginalMessage=SECRET,
        LogStreamArn="arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/x:log-stream:y",
    )


TIMED_OUT = error(
    424,
    "ModelError",
    'Received server error (0) from primary with message "Your invocation timed out while waiting for a'
    ' response from container primary."',
    OriginalStatusCode=0,
)
NOT_FOUND = error(400, "ValidationError", f"Endpoint {ENDPOINT} of account 123456789012 not found.")
NO_ENDPOINT = reply(
    400, {"__type": "ValidationException", "message": f'Could not find endpoint "{ENDPOINT}".'}
)


def described(status: str) -> Behaviour:
    return reply(200, {"EndpointName": ENDPOINT, "EndpointStatus": status})


@dataclass(frozen=True)
class Fault:
    what: str
    invoked: Behaviour
    status: int
    problem: str
    retry_after: str | None = None
    described: Behaviour = field(default_factory=lambda: described("InService"))
    milliseconds: int = 30_000


THROTTLED = "throttled"
UNAVAILABLE = "temporarily-unavailable"
NOT_IN_SERVICE = "not-in-service"
LOST = "answer-failed"

FAULTS = [
    Fault("throttling with 400", error(400, "ThrottlingException"), 429, THROTTLED, "1"),
    Fault("throttling with 429", error(429, "ThrottlingException:http://a.example/"), 429, THROTTLED, "1"),
    Fault("429 without a name", reply(429, b"slow down", "text/plain"), 429, THROTTLED, "1"),
    Fault("a name in the body", reply(400, {"__type": "com.amazon#Throttling"}), 429, THROTTLED, "1"),
    Fault("the model's 400", model_error(400), 424, "model-refused"),
    Fault("the model's 404", model_error(404), 424, "model-refused"),
    Fault("the model's 415", model_error(415), 415, "unsupported-content-type"),
    Fault("the model's 500", model_error(500), 502, "model-failed"),
    Fault("the model's 503", model_error(503), 502, "model-failed"),
    Fault("a model error without a status", error(424, "ModelError"), 502, "model-failed"),
    Fault("the model's 60 seconds", TIMED_OUT, 504, "too-slow"),
    Fault("no answer of the model", model_error(0), 502, "model-failed"),
    Fault("a model that loads", error(429, "ModelNotReadyException"), 503, NOT_IN_SERVICE, "30"),
    Fault("no service", error(503, "ServiceUnavailable"), 503, UNAVAILABLE, "5"),
    Fault("503 from a balancer", reply(503, b"<html>", "text/html"), 503, UNAVAILABLE, "5"),
    Fault("an internal failure", error(500, "InternalFailure"), 502, LOST),
    Fault("a failing dependency", error(530, "InternalDependencyException"), 502, LOST),
    Fault("no permission", error(403, "AccessDeniedException"), 502, LOST),
    Fault("a redirect", reply(302, location="https://127.0.0.1/"), 502, LOST),
    Fault("a smaller limit", reply(413, b"", "text/plain"), 413, "body-too-large"),
    Fault("no endpoint", NOT_FOUND, 503, NOT_IN_SERVICE, "30", NO_ENDPOINT),
    Fault("an endpoint being made", NOT_FOUND, 503, NOT_IN_SERVICE, "30", described("Creating")),
    Fault("a failed endpoint", NOT_FOUND, 503, NOT_IN_SERVICE, "30", described("Failed")),
    Fault("no endpoint, and no description", NOT_FOUND, 503, NOT_IN_SERVICE, "30", hang_up),
    Fault("another refusal", error(400, "ValidationError"), 502, LOST),
    Fault("another refusal, not described", error(400, "ValidationError"), 429, THROTTLED, "1",
          error(400, "ThrottlingException")),
    Fault("a hang-up", hang_up, 502, LOST),
    Fault("a reset", reset, 502, LOST),
    Fault("garbage", raw(b"\x00\xffgarbage\r\n\r\n"), 502, LOST),
    Fault("half a head", raw(b"HTTP/1.1 200 OK\r\nContent-Type: te"), 502, LOST),
    Fault("a truncated body", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12"), 502, LOST),
    Fault("a truncated chunk",
          raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n12"), 502, LOST),
    Fault("a nonsensical chunk",
          raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n12"), 502, LOST),
    Fault("a head without an end", raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000), 502, LOST),
    Fault("too long an answer", reply(200, b"1" * 4_500_001, "text/csv"), 502, "answer-too-large"),
    Fault("too long an answer, not announced",
          raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n44aa21\r\n" + b"1" * 4_500_001),
          502, "answer-too-large"),
    Fault("an answer without an end", raw(b"HTTP/1.1 200 OK\r\n\r\n12"), 502, LOST),
    Fault("silence", silence, 504, "too-slow", milliseconds=300),
    Fault("an answer in drips", drip, 504, "too-slow", milliseconds=300),
    Fault("half an answer, then silence", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12", keep=True),
          504, "too-slow", milliseconds=300),
    Fault("no time at all", silence, 504, "too-slow", milliseconds=10),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_answers_a_fault_of_the_service_with_a_problem(service: Service, fault: Fault) -> None:
    service.on("InvokeEndpoint", fault.invoked)
    service.on("DescribeEndpoint", fault.described)

    answer = handler(event(), Context(fault.milliseconds))

    problem = expect_problem(answer, fault.status, fault.problem)
    assert headers(answer).get("Retry-After") == fault.retry_after
    assert problem["instance"] == "urn:clary:request:request-1"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_asks_a_model_at_most_once(service: Service, fault: Fault) -> None:
    service.on("InvokeEndpoint", fault.invoked)
    service.on("DescribeEndpoint", fault.described)

    handler(event(), Context(fault.milliseconds))

    assert service.operations().count("InvokeEndpoint") <= 1


def test_an_artifact_that_is_not_there_is_the_clients_fault(service: Service) -> None:
    message = "Failed to download model data(bucket: secret-bucket, key: secret/x.tar.gz)."
    service.on("InvokeEndpoint", error(400, "ValidationError", message))

    answer = handler(event("/models/many/invocations", queryStringParameters={"target": "x"}), Context())

    expect_problem(answer, 404, "unknown-target")
    assert "secret" not in str(answer)
    assert service.received[0].headers["x-amzn-sagemaker-target-model"] == "x"


def test_says_unavailable_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")

        answer = handler(event(), Context())

    expect_problem(answer, 503, "temporarily-unavailable")
    assert headers(answer)["Retry-After"] == "5"


@pytest.fixture
def tls_url(service: Service) -> str:
    """The service, over TLS."""
    service.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    service.tls.load_cert_chain(CERTIFICATE)
    return service.url.replace("http://127.0.0.1", "https://localhost")


def test_speaks_tls_on_one_connection(
    service: Service, tls_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", tls_url)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(CERTIFICATE))

    answers = [handler(event(), Context()) for _ in range(2)]

    assert [answer["statusCode"] for answer in answers] == [200, 200]
    assert len(service.connections) == 2  # one of TCP, and the same one of TLS


def test_sends_nothing_to_a_service_that_is_not_trusted(
    service: Service, tls_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", tls_url)

    answer = handler(event(), Context())

    expect_problem(answer, 503, "temporarily-unavailable")
    assert service.received == []


def test_gives_up_on_a_handshake_without_an_end(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url.replace("http:", "https:"))

    answer = handler(event(), Context(300))

    expect_problem(answer, 504, "too-slow")


def test_passes_bytes_and_types_both_ways(service: Service) -> None:
    image = bytes(range(256))
    service.on("InvokeEndpoint", reply(200, image, "image/png"))
    sent = event(body=base64.b64encode(b"\xff\x00,1").decode(), isBase64Encoded=True)
    sent["headers"]["ACCEPT"] = "image/png"

    answer = handler(sent, Context())

    assert answer["statusCode"] == 200
    assert headers(answer)["Content-Type"] == "image/png"
    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(str(answer["body"])) == image
    received = service.received[0]
    assert received.path == f"/endpoints/{ENDPOINT}/invocations"
    assert received.body == b"\xff\x00,1"
    assert received.headers["content-type"] == "text/csv"
    assert received.headers["accept"] == "image/png"


def test_answers_text_as_text_for_clients_that_send_no_accept_header(service: Service) -> None:
    answer = handler(event(), Context())

    assert (answer["body"], answer["isBase64Encoded"]) == ("29.8014\n", False)
    assert "accept" not in service.received[0].headers


def test_answers_text_in_another_encoding_as_bytes(service: Service) -> None:
    service.on("InvokeEndpoint", reply(200, b"caf\xe9", "text/plain; charset=latin-1"))

    answer = handler(event(), Context())

    assert base64.b64decode(str(answer["body"])) == b"caf\xe9"


def test_takes_an_answer_in_chunks(service: Service) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n1,2\r\n2\r\n,3\r\n0\r\n\r\n"
    service.on("InvokeEndpoint", raw(chunked, keep=True))

    answers = [handler(event(), Context()) for _ in range(2)]

    assert [base64.b64decode(str(answer["body"])) for answer in answers] == [b"1,2,3", b"1,2,3"]
    assert len(service.connections) == 1


def test_keeps_its_connection(service: Service) -> None:
    for _ in range(3):
        assert handler(event(), Context())["statusCode"] == 200

    assert len(service.connections) == 1


def test_uses_a_new_connection_after_the_service_has_closed_the_kept_one(service: Service) -> None:
    service.on("InvokeEndpoint", reply(200, b"1", "text/csv", keep=False), reply(200, b"2", "text/csv"))
    handler(event(), Context())
    service.threads[1].join(5)  # the connection's end has been sent

    answer = handler(event(), Context())

    assert answer["body"] == "2"
    assert len(service.connections) == 2


def test_does_not_send_an_invocation_twice_when_its_answer_is_lost(service: Service) -> None:
    service.on("InvokeEndpoint", reply(200, b"1", "text/csv"), hang_up, reply(200, b"3", "text/csv"))
    handler(event(), Context())

    answer = handler(event(), Context())

    expect_problem(answer, 502, "answer-failed")
    assert len(service.received) == 2


def test_sends_an_invocation_again_that_the_service_cannot_have_had(service: Service) -> None:
    handler(event(), Context())
    service.break_off_while_reading = True

    answer = handler(event(body="1," * 2_000_000), Context())

    assert answer["statusCode"] == 200
    assert len(service.connections) == 2


def test_asks_for_a_state_again_when_the_answer_is_lost(service: Service) -> None:
    service.on("DescribeEndpoint", described("InService"), hang_up, described("Updating"))
    handler(event("/models/housing", None, method="GET"), Context())

    answer = handler(event("/models/housing", None, method="GET"), Context())

    assert json.loads(str(answer["body"]))["state"] == "updating"


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [
        (described("InService"), "in-service"),
        (described("RollingBack"), "updating"),
        (described("Creating"), "creating"),
        (described("Failed"), "failed"),
        (NO_ENDPOINT, "missing"),
        (described("SomethingNew"), "unknown"),
        (error(400, "ThrottlingException"), "unknown"),
        (reply(200, b"[" * 100_000), "unknown"),
        (hang_up, "unknown"),
    ],
)
def test_describes_a_model(service: Service, behaviour: Behaviour, state: str) -> None:
    service.on("DescribeEndpoint", behaviour)

    answer = handler(event("/models/housing", None, method="GET"), Context())

    assert answer["statusCode"] == 200
    assert json.loads(str(answer["body"])) == {
        "name": "housing",
        "state": state,
        "mode": "real-time",
        "ways": ["invocations"],
        "content_types": ["text/csv"],
        "limits": {"request_bytes": 4_500_000, "answer_bytes": 4_500_000, "seconds": 27.0},
        "example": "1,2,3",
    }


def test_says_that_a_state_is_unknown_when_nobody_answers_in_time(service: Service) -> None:
    service.on("DescribeEndpoint", silence)

    answer = handler(event("/models/housing", None, method="GET"), Context(300))

    assert json.loads(str(answer["body"]))["state"] == "unknown"


def test_signs_with_the_functions_session(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")

    handler(event(), Context())

    signed = service.received[0].headers
    assert signed["x-amz-security-token"] == "token"
    assert "/eu-west-1/sagemaker/aws4_request" in signed["authorization"]


def test_prefers_the_services_own_address(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"{service.url}/behind/")

    answer = handler(event(), Context())

    assert answer["statusCode"] == 200
    assert service.received[0].path == f"/behind/endpoints/{ENDPOINT}/invocations"


def test_logs_one_line_with_what_the_client_is_not_told(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.on("InvokeEndpoint", model_error(500))

    handler(event(), Context())

    (line,) = capsys.readouterr().out.splitlines()
    logged = json.loads(line)
    assert (logged["request_id"], logged["status"], logged["level"]) == ("request-1", 502, "WARNING")
    assert "ModelFailed" in logged["reason"]
    assert "log-group:/aws/sagemaker/Endpoints/x" in logged["reason"]
    assert SECRET not in line


def expect_problem(answer: dict[str, object], status: int, kind: str) -> dict[str, Any]:
    body = str(answer["body"])
    assert answer["statusCode"] == status, body
    assert headers(answer)["Content-Type"] == "application/problem+json"
    assert not LEAKS.search(body), body
    assert not LEAKS.search(str(headers(answer)))
    problem: dict[str, Any] = json.loads(body)
    assert problem["type"] == f"urn:clary:problem:{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


def headers(answer: dict[str, object]) -> dict[str, str]:
    given = answer["headers"]
    assert isinstance(given, dict)
    return given
