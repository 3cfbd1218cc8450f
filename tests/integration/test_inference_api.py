"""The API as programs use it, over HTTP: at once, later, in batches, and described."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.outside import Answer
from support.served_api import ORIGIN, ServedApi, fetch, read, send_form
from support.waiting import eventually

CSV = {"content-type": "text/csv"}
JSON = {"content-type": "application/json"}


def finished(served: ServedApi, where: str) -> dict[str, Any]:
    """What has become of an order, once something has."""
    found: list[dict[str, Any]] = []

    def over() -> bool:
        found.append(read(served.ask("GET", where)))
        return found[-1]["state"] not in ("in-progress", "awaiting-input")

    eventually(over, 120)
    return found[-1]


def beside(path: str, answer: Answer) -> str:
    """Where a relative Location leads to."""
    return path.rpartition("/")[0] + "/" + answer.headers["location"]


@pytest.mark.parametrize(
    ("model", "content_type", "body", "answer"),
    [
        ("rows", "application/json", b"[[1, 2], [3.5]]", b"[3, 3.5]"),
        ("rows", "application/jsonlines", b"[[1, 2], [3]]\n[[1]]\n", b"2\n1\n"),
        ("table", "text/csv", b"1,2\n3,4\n", b"3.0\n7.0\n"),
        ("table", "application/octet-stream", bytes(range(256)), bytes(range(255, -1, -1))),
        ("small", "text/csv", b"1,2", b"3.0\n"),
        ("many", "text/csv", b"2", b"6.0"),
    ],
)
def test_answers_at_once(
    served: ServedApi, model: str, content_type: str, body: bytes, answer: bytes
) -> None:
    headers = {"content-type": content_type, "accept": content_type}

    target = "?target=three.tar.gz" if model == "many" else ""
    given = served.ask("POST", f"/models/{model}/invocations{target}", body, headers)

    assert (given.status, given.body) == (200, answer), given
    assert given.headers["content-type"] == content_type


def test_a_model_is_asked_with_what_is_known_of_a_key(served: ServedApi) -> None:
    given = served.ask("POST", "/models/known/invocations", b"p1,2\np1,0.5\n", CSV)
    unknown = served.ask("POST", "/models/known/invocations", b"p1,2\np2,3\n", CSV)

    assert (given.status, given.body) == (200, b"26.5\n25.0\n"), given
    assert (unknown.status, unknown.problem()["type"]) == (422, "urn:clary:problem:unknown-key")
    assert unknown.problem()["errors"] == [
        {"pointer": "", "line": 2, "detail": "is a key of which nothing is known"}
    ]


def test_points_to_what_does_not_fit(served: ServedApi) -> None:
    given = served.ask("POST", "/models/rows/invocations", b'[[1, "2"], [3]]', JSON)

    assert given.status == 422
    assert given.problem()["errors"] == [{"pointer": "/0/1", "detail": "is not a number"}]


def test_a_job_is_answered_later(served: ServedApi) -> None:
    path = "/models/later/jobs"

    taken = served.ask("POST", path, b"1,2\n", CSV)
    job = finished(served, beside(path, taken))

    assert (taken.status, read(taken)["state"]) == (202, "in-progress")
    assert job["state"] == "completed"
    assert job["result"]["text"] == "3.0\n"
    assert fetch(job["result"]["url"]).body == b"3.0\n"


def test_a_large_job_goes_by_the_bucket(served: ServedApi) -> None:
    path = "/models/later/jobs"

    taken = served.ask("POST", path, b"1,2\n" * 40_000, CSV)
    job = finished(served, beside(path, taken))

    assert job["state"] == "completed"
    assert job["result"]["bytes"] == 160_000
    assert "text" not in job["result"]
    assert fetch(job["result"]["url"]).body == b"3.0\n" * 40_000


def test_an_input_can_be_uploaded_with_a_form(served: ServedApi) -> None:
    path = "/models/later/jobs"
    made = served.ask("POST", f"{path}?input=upload", None, CSV)
    where, upload = beside(path, made), read(made)["upload"]

    early = served.ask("POST", where)
    sent = send_form(upload, b"1,2\n" * 2_000_000)
    started = [served.ask("POST", where).status for _ in range(2)]

    assert made.status == 201
    assert (early.status, early.problem()["type"]) == (409, "urn:clary:problem:input-missing")
    assert sent.status == 204, sent
    assert started == [202, 202]
    assert finished(served, where)["result"]["bytes"] == 8_000_000


@pytest.mark.parametrize(
    "changed", [{"key": "jobs/later/other/input"}, {"Content-Type": "text/html"}, {"x-amz-meta-owner": "me"}]
)
def test_a_form_puts_nothing_but_its_own_input(served: ServedApi, changed: dict[str, str]) -> None:
    made = served.ask("POST", "/models/later/jobs?input=upload", None, CSV)

    assert send_form(read(made)["upload"], b"1", **changed).status == 403


def test_a_failed_job_says_so_and_keeps_the_models_words(served: ServedApi) -> None:
    path = "/models/later/jobs"

    job = finished(served, beside(path, served.ask("POST", path, b"words", CSV)))

    assert job["state"] == "failed"
    assert job["problem"]["type"] == "urn:clary:problem:job-failed"
    assert "secret" not in json.dumps(job)


def test_the_same_key_asks_once(served: ServedApi) -> None:
    path, headers = "/models/later/jobs", {**CSV, "Idempotency-Key": "order-7"}

    first, second = (served.ask("POST", path, b"4,5\n", headers) for _ in range(2))
    other = served.ask("POST", path, b"6,7\n", headers)
    finished(served, beside(path, first))

    assert (first.status, first.body) == (second.status, second.body)
    assert (other.status, other.problem()["type"]) == (422, "urn:clary:problem:idempotency-key-reused")
    assert finished(served, beside(path, second))["result"]["text"] == "9.0\n"
    assert served.hall.metric("InvocationsProcessed", EndpointName="later") >= 1


def test_the_same_key_asks_once_when_all_ask_at_once(served: ServedApi) -> None:
    path, headers = "/models/later/jobs", {**CSV, "Idempotency-Key": "order-8"}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: served.ask("POST", path, b"8,9\n", headers), range(24)))

    taken = [answer for answer in answers if answer.status == 202]
    told = {answer.problem()["type"] for answer in answers if answer.status != 202}
    assert len({answer.body for answer in taken}) == 1
    assert told <= {"urn:clary:problem:still-in-progress"}
    assert finished(served, beside(path, taken[0]))["result"]["text"] == "17.0\n"


def test_a_deleted_job_is_gone_with_all_that_was_of_it(served: ServedApi) -> None:
    path = "/models/later/jobs"
    where = beside(path, served.ask("POST", path, b"1,2\n", CSV))
    finished(served, where)

    deleted = [served.ask("DELETE", where).status for _ in range(2)]

    assert deleted == [204, 204]
    assert served.ask("GET", where).status == 404


def test_a_batch_is_a_transform(served: ServedApi) -> None:
    path = "/models/nightly/batches"

    taken = served.ask("POST", path, b"1,2\n3,4\n", {**CSV, "Idempotency-Key": "night-1"})
    again = served.ask("POST", path, b"1,2\n3,4\n", {**CSV, "Idempotency-Key": "night-1"})
    batch = finished(served, beside(path, taken))

    assert (taken.status, again.body) == (202, taken.body)
    assert batch["state"] == "completed"
    assert fetch(batch["result"]["url"]).body.split() == [b"3.0", b"7.0"]
    (job,) = served.hall.sagemaker.list_transform_jobs(NameContains=batch["batch"])["TransformJobSummaries"]
    assert job["TransformJobStatus"] == "Completed"


def test_a_batch_can_be_uploaded_and_fail(served: ServedApi) -> None:
    path = "/models/nightly/batches"
    made = served.ask("POST", f"{path}?input=upload", None, CSV)
    where = beside(path, made)

    assert send_form(read(made)["upload"], b"words\n").status == 204
    assert served.ask("POST", where).status == 202

    assert finished(served, where)["state"] == "failed"
    assert served.ask("DELETE", where).status == 204


def test_a_job_of_another_model_is_none_of_this_one(served: ServedApi) -> None:
    taken = served.ask("POST", "/models/later/jobs", b"1,2\n", CSV)

    answer = served.ask("GET", f"/models/nightly/batches/{read(taken)['job']}")

    assert (answer.status, answer.problem()["type"]) == (404, "urn:clary:problem:unknown-job")


def test_another_client_has_jobs_of_its_own(served: ServedApi) -> None:
    headers = {**CSV, "Idempotency-Key": "mine-or-yours"}
    mine = read(served.ask("POST", "/models/later/jobs", b"1,2\n", headers))
    stranger = served.another_client()

    found = stranger("GET", f"/models/later/jobs/{mine['job']}")
    theirs = read(stranger("POST", "/models/later/jobs", b"5,6\n", headers))

    assert (found.status, found.problem()["type"]) == (404, "urn:clary:problem:unknown-job")
    assert theirs["job"] != mine["job"]
    assert finished(served, f"/models/later/jobs/{mine['job']}")["result"]["text"] == "3.0\n"


def test_describes_each_model(served: ServedApi) -> None:
    listed = [model["name"] for model in read(served.ask("GET", "/models"))["models"]]
    described = {name: read(served.ask("GET", f"/models/{name}")) for name in listed}

    assert listed == ["broken", "known", "later", "many", "missing", "nightly", "rows", "small", "table"]
    assert {name: (one["mode"], one["state"], one["ways"]) for name, one in described.items()} == {
        "broken": ("real-time", "in-service", ["invocations"]),
        "known": ("real-time", "in-service", ["invocations"]),
        "later": ("asynchronous", "in-service", ["jobs"]),
        "many": ("real-time", "in-service", ["invocations"]),
        "missing": ("real-time", "missing", ["invocations"]),
        "nightly": ("batch", "on-demand", ["batches"]),
        "rows": ("real-time", "in-service", ["invocations"]),
        "small": ("serverless", "in-service", ["invocations"]),
        "table": ("real-time", "in-service", ["invocations"]),
    }
    assert described["rows"]["schema"]["items"] == {"type": "array", "items": {"type": "number"}}
    assert described["small"]["limits"]["request_bytes"] == 4_000_000
    assert [name for name, one in described.items() if "targets" in one] == ["many"]


def test_is_healthy_whatever_its_models_are(served: ServedApi) -> None:
    assert read(served.ask("GET", "/health")) == {"status": "ok"}


def test_a_page_of_a_known_origin_may_read_answers_and_faults(served: ServedApi) -> None:
    asking = {"origin": ORIGIN, "access-control-request-method": "POST"}

    preflight = type(served.ask)(served.url, {})("OPTIONS", "/models/rows/invocations", None, asking)
    answer = served.ask("GET", "/models", None, {"origin": ORIGIN})
    refused = type(served.ask)(served.url, {})("GET", "/models", None, {"origin": ORIGIN})
    stranger = served.ask("GET", "/models", None, {"origin": "https://evil.example"})

    assert preflight.status == 204
    assert preflight.headers["access-control-allow-methods"] == "POST"
    for readable in (preflight, answer, refused):
        assert readable.headers["access-control-allow-origin"] == ORIGIN
    assert refused.status == 403
    assert "access-control-allow-origin" not in stranger.headers


def test_the_models_log_and_metrics_are_in_one_line(served: ServedApi) -> None:
    answer = served.ask("POST", "/models/table/invocations", b"1,2", CSV)
    logs = served.hall.client("logs")
    (group,) = (
        each["logGroupName"]
        for each in logs.describe_log_groups()["logGroups"]
        if "InferenceLogs" in each["logGroupName"]
    )
    lines: list[dict[str, Any]] = []

    def logged() -> bool:
        events = logs.filter_log_events(logGroupName=group)["events"]
        lines[:] = [json.loads(one["message"]) for one in events if one["message"].startswith("{")]
        return any(line.get("request_id") == answer.headers["x-request-id"] for line in lines)

    eventually(logged)
    (line,) = (one for one in lines if one.get("request_id") == answer.headers["x-request-id"])
    assert (line["route"], line["model"], line["Model"], line["status"]) == (
        "invokeModel",
        "table",
        "table",
        200,
    )
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Clary/InferenceApi"


def test_binary_answers_need_no_accept_header(served: ServedApi) -> None:
    body = base64.b64encode(b"types")

    answer = served.ask(
        "POST", "/models/table/invocations", body, {"content-type": "application/octet-stream"}
    )

    assert answer.body == body[::-1]
