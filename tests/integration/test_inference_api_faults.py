"""What clients and endpoints do wrong, over HTTP: the right status, in time, and nothing leaked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from support.fault_page import PAGE, WRITE, Row, page_text
from support.outside import Answer, Api
from support.served_api import ServedApi, read, send_form
from support.waiting import eventually

CSV = {"content-type": "text/csv"}
JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/jsonlines"}
MEBIBYTE = 1024 * 1024
ROWS, TABLE, BROKEN, MANY, KNOWN = (
    f"/models/{name}/invocations" for name in ("rows", "table", "broken", "many", "known")
)
JOBS = "/models/later/jobs"

LEAKS = re.compile(
    rb"Traceback|File \"|/opt/ml|secret|\.py\b|no-such-endpoint|arn:aws|2200000000|127\.0\.0\.1|boto|Errno"
    rb"|Exception",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Fault:
    what: str
    status: int
    kind: str
    method: str = "POST"
    path: str = TABLE
    body: bytes | None = b"1,2"
    headers: Mapping[str, str] = field(default_factory=lambda: dict(CSV))
    key: str | None = "theirs"


CLIENT = [
    Fault("a model that is not there", 404, "unknown-model", path="/models/none/invocations"),
    Fault("a description of a model that is not there", 404, "unknown-model", "GET", "/models/none", None),
    Fault("a path that is not there", 404, "unknown-route", "GET", "/nothing", None),
    Fault("a path below one that is there", 404, "unknown-route", "GET", TABLE + "/more", None),
    Fault("a name with an encoded slash", 404, "unknown-route", path="/models/table%2Fmore/invocations"),
    Fault("a name with a byte 0", 404, "unknown-model", path="/models/ta%00ble/invocations"),
    Fault("a method that the path does not take", 405, "method-not-allowed", "DELETE"),
    Fault("GET where something is to be sent", 405, "method-not-allowed", "GET", body=None, headers={}),
    Fault("another content type", 415, "unsupported-content-type",
          body=b"<x/>", headers={"content-type": "text/xml"}),
    Fault("no content type", 415, "unsupported-content-type", headers={"content-type": ""}),
    Fault("a content type that is none", 415, "unsupported-content-type", headers={"content-type": "\t;;="}),
    Fault("a header that is too long", 400, "unreadable-request",
          headers={**CSV, "accept": "a/" + "b" * 1100}),
    Fault("an empty body", 400, "empty-body", body=b""),
    Fault("no body", 400, "empty-body", body=None),
    Fault("half a JSON text", 400, "invalid-json", path=ROWS, body=b"[[1, 2", headers=JSON),
    Fault("NaN in JSON", 400, "invalid-json", path=ROWS, body=b"[[NaN]]", headers=JSON),
    Fault("NaN deep in a large JSON text", 400, "invalid-json", path=ROWS,
          body=b"[" + b"[1, 2]," * 50_000 + b"[NaN]]", headers=JSON),
    Fault("JSON that is nested too deep", 400, "invalid-json", path=ROWS,
          body=b"[" * 300 + b"]" * 300, headers=JSON),
    Fault("JSON that is not UTF-8", 400, "invalid-json", path=ROWS, body=b'[["\xe4"]]', headers=JSON),
    Fault("half a surrogate pair in JSON", 400, "invalid-json", path=ROWS,
          body=b'[["\\ud800"]]', headers=JSON),
    Fault("a broken line in JSON Lines", 400, "invalid-json", path=ROWS, body=b"[[1]]\n[[1]", headers=LINES),
    Fault("a value of another type than the schema's", 422, "body-does-not-fit", path=ROWS,
          body=b'[[1, "2"]]', headers=JSON),
    Fault("another shape than the schema's", 422, "body-does-not-fit", path=ROWS, body=b"{}", headers=JSON),
    Fault("a line that does not fit the schema", 422, "body-does-not-fit", path=ROWS,
          body=b"[[1]]\n[]\n", headers=LINES),
    Fault("a row without the key of what is looked up", 422, "body-does-not-fit", path=KNOWN, body=b",1\n"),
    Fault("a key of which nothing is known", 422, "unknown-key", path=KNOWN, body=b"p1,1\np2,1\n"),
    Fault("a body over the function's limit", 413, "body-too-large", body=b"1" * (9 * MEBIBYTE // 2)),
    Fault("a body over Lambda's limit", 413, "body-too-large", body=b"1" * (5 * MEBIBYTE)),
    Fault("a body over API Gateway's limit", 413, "body-too-large", body=b"1" * (11 * MEBIBYTE)),
    Fault("a body over a serverless endpoint's limit", 413, "body-too-large",
          path="/models/small/invocations", body=b"1" * 4_000_001),
    Fault("a job for a model that answers at once", 404, "not-offered", path="/models/table/jobs"),
    Fault("an invocation of a model that takes jobs", 404, "not-offered", path="/models/later/invocations"),
    Fault("a batch for a model that takes jobs", 404, "not-offered", path="/models/later/batches"),
    Fault("a job that is not there", 404, "unknown-job", "GET", f"{JOBS}/{'0' * 32}", None, {}),
    Fault("a job's name that is none", 404, "unknown-job", "DELETE", f"{JOBS}/none", None, {}),
    Fault("an idempotency key that is too long", 400, "unreadable-request", path=JOBS,
          headers={**CSV, "idempotency-key": "k" * 256}),
    Fault("an unknown value of a parameter", 400, "unreadable-request", path=f"{JOBS}?input=link"),
    Fault("a body where it is to be uploaded", 400, "unreadable-request", path=f"{JOBS}?input=upload"),
    Fault("no target, where there are many models", 400, "unreadable-request", path=MANY),
    Fault("a target outside of the models' folder", 400, "unreadable-request",
          path=f"{MANY}?target=..%2Fthree.tar.gz"),
    Fault("a target that is not there", 404, "unknown-target", path=f"{MANY}?target=four.tar.gz"),
    Fault("no API key", 403, "forbidden", key=None),
    Fault("a wrong API key", 403, "forbidden", key="x" * 40),
]  # fmt: skip

ENDPOINT = [
    Fault("the model answers 400", 424, "model-refused", body=b"answer:400"),
    Fault("the model answers 404", 424, "model-refused", body=b"answer:404"),
    Fault("the model answers 415", 415, "unsupported-content-type", body=b"answer:415"),
    Fault("the model answers 500", 502, "model-failed", body=b"answer:500"),
    Fault("the model answers 503", 502, "model-failed", body=b"answer:503"),
    Fault("the model's answer is too large", 502, "answer-too-large", body=b"large"),
    Fault("the model does not answer in time", 504, "too-slow", path=BROKEN, body=b"wait"),
    Fault("the model hangs up", 502, "model-failed", path=BROKEN, body=b"hang up"),
    Fault("the model's container ends", 502, "model-failed", path=BROKEN, body=b"die"),
    Fault("there is no endpoint", 503, "not-in-service", path="/models/missing/invocations"),
]


def send(served: ServedApi, fault: Fault) -> Answer:
    headers = {} if fault.key is None else {"x-api-key": served.key if fault.key == "theirs" else fault.key}
    return Api(served.url, headers)(fault.method, fault.path, fault.body, fault.headers)


@pytest.fixture(scope="module")
def answers(served: ServedApi) -> dict[str, Answer]:
    """Each fault, provoked once."""
    found = {fault.what: send(served, fault) for fault in (*CLIENT, *ENDPOINT)}
    return found | {what: provoke(served) for what, (_, _, provoke) in IN_STEPS.items()}


def start_without_input(served: ServedApi) -> Answer:
    made = served.ask("POST", f"{JOBS}?input=upload", None, CSV)
    return served.ask("POST", f"{JOBS}/{read(made)['job']}")


def start_with_body(served: ServedApi) -> Answer:
    made = served.ask("POST", f"{JOBS}?input=upload", None, CSV)
    return served.ask("POST", f"{JOBS}/{read(made)['job']}", b"1,2", CSV)


def start_after_deletion(served: ServedApi) -> Answer:
    made = served.ask("POST", f"{JOBS}?input=upload", None, CSV)
    where = f"{JOBS}/{read(made)['job']}"
    send_form(read(made)["upload"], b"1,2")
    assert served.ask("DELETE", where).status == 204
    return served.ask("POST", where)


def reuse_a_key(served: ServedApi) -> Answer:
    headers = {**CSV, "idempotency-key": "of-the-faults"}
    assert served.ask("POST", JOBS, b"1,2", headers).status == 202
    return served.ask("POST", JOBS, b"3,4", headers)


def more_than_it_can_take(served: ServedApi) -> Answer:
    """The serverless endpoint takes one request at a time."""
    path, refused = "/models/small/invocations", []
    done = threading.Event()

    def hold() -> None:
        while not done.is_set():
            served.ask("POST", path, b"pause:2", CSV)

    holding = threading.Thread(target=hold)
    holding.start()

    def busy() -> bool:
        refused.append(served.ask("POST", path, b"1,2", CSV))
        return refused[-1].status != 200

    try:
        eventually(busy)
    finally:
        done.set()
        holding.join()
    return refused[-1]


IN_STEPS: dict[str, tuple[int, str, Callable[[ServedApi], Answer]]] = {
    "a job that starts before its input is uploaded": (409, "input-missing", start_without_input),
    "a start with a body": (400, "unreadable-request", start_with_body),
    "a start of a job that was deleted": (404, "unknown-job", start_after_deletion),
    "an idempotency key of another request": (422, "idempotency-key-reused", reuse_a_key),
    "more requests than the endpoint can take": (429, "throttled", more_than_it_can_take),
}
_ENDPOINTS_OWN = "more requests than the endpoint can take"


def expected() -> dict[str, tuple[int, str]]:
    at_once = {fault.what: (fault.status, fault.kind) for fault in (*CLIENT, *ENDPOINT)}
    return at_once | {what: (status, kind) for what, (status, kind, _) in IN_STEPS.items()}


@pytest.mark.parametrize("what", expected())
def test_answers_a_fault_with_its_problem_and_nothing_of_the_inside(
    answers: dict[str, Answer], what: str
) -> None:
    answer = answers[what]
    status, kind = expected()[what]

    problem = answer.problem()
    assert (answer.status, problem["status"], problem["type"]) == (
        status,
        status,
        f"urn:clary:problem:{kind}",
    )
    assert problem["request_id"] == problem["instance"].removeprefix("urn:clary:request:")
    assert problem["title"]
    assert problem["detail"]
    assert not LEAKS.search(answer.body), answer.body
    # API Gateway's own answers name their error, as AWS has them do.
    headers = {name: value for name, value in answer.headers.items() if name != "x-amzn-errortype"}
    assert not LEAKS.search(json.dumps(headers).encode()), headers


@pytest.mark.parametrize("body", [b"words", b"answer:500"])
def test_tells_the_failure_of_a_job_the_same_way(served: ServedApi, body: bytes) -> None:
    job = read(served.ask("POST", JOBS, body, CSV))["job"]
    seen: list[Any] = []

    def over() -> bool:
        seen.append(served.ask("GET", f"{JOBS}/{job}"))
        return read(seen[-1])["state"] != "in-progress"

    eventually(over)

    assert read(seen[-1])["problem"]["type"] == "urn:clary:problem:job-failed"
    assert not LEAKS.search(read(seen[-1])["problem"]["detail"].encode())


def rows(faults: list[str], answers: dict[str, Answer]) -> list[Row]:
    return [
        (
            what[0].upper() + what[1:],
            answers[what].status,
            answers[what].problem()["type"].removeprefix("urn:clary:problem:"),
            with_it(answers[what]),
            answers[what].problem()["detail"],
        )
        for what in faults
    ]


def with_it(answer: Answer) -> str:
    """Headers and members that come with some problems only."""
    headers = [name for name in ("Allow", "Retry-After") if name.lower() in answer.headers]
    usual = {"type", "title", "status", "detail", "instance", "request_id"}
    return ", ".join(f"`{name}`" for name in (*headers, *sorted(answer.problem().keys() - usual)))


def test_the_page_has_the_answers_as_they_are(answers: dict[str, Answer]) -> None:
    of_clients = [fault.what for fault in CLIENT] + [what for what in IN_STEPS if what != _ENDPOINTS_OWN]
    of_endpoints = [fault.what for fault in ENDPOINT] + [_ENDPOINTS_OWN]
    page = PAGE.read_text(encoding="utf-8")

    wanted = page_text(page, {"client": rows(of_clients, answers), "endpoint": rows(of_endpoints, answers)})

    if WRITE:
        PAGE.write_text(wanted, encoding="utf-8")
    else:
        assert page == wanted, "set CLARY_WRITE_PAGES=1 for this test to write it"
