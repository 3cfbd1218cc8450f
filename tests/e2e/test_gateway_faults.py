"""What clients do wrong, over real HTTP against the deployed API: the right status, and nothing leaked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from support.outside import Api

INVOCATIONS = "/models/housing/invocations"
CSV = {"content-type": "text/csv"}
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Fault:
    what: str
    status: int
    method: str = "POST"
    path: str = INVOCATIONS
    body: bytes | None = b"1,2,3"
    headers: dict[str, str] = field(default_factory=lambda: dict(CSV))


FAULTS = [
    Fault("a model that is not there", 404, path="/models/sentiment/invocations"),
    Fault("a model's description that is not there", 404, method="GET", path="/models/sentiment", body=None),
    Fault("a name with an encoded slash", 404, path="/models/housing%2Fother/invocations"),
    Fault("a name with a null byte", 404, path="/models/hou%00sing/invocations"),
    Fault("a wrong method", 405, method="DELETE"),
    Fault("a GET of invocations", 405, method="GET", body=None, headers={}),
    Fault("JSON for a model that takes CSV", 415, body=b"{}", headers={"content-type": "application/json"}),
    Fault("bad JSON with a JSON content type", 415, body=b"{", headers={"content-type": "application/json"}),
    Fault("a content type that is none", 415, headers={"content-type": "\t;;="}),
    Fault("no content type", 415, headers={"content-type": ""}),
    Fault("an empty body", 400, body=b""),
    Fault("no body", 400, body=None),
    Fault("rows with too few columns", 424, body=b"1,2,3\n"),
    Fault("words where numbers belong", 424, body=b"a,b,c,d,e,f,g,h,i,j\n"),
    Fault("NaN where a number belongs", 424, body=b"nan,0,0,0,0,0,0,0,0,0\n"),
    Fault("bytes that are no text", 424, body=bytes(range(256))),
    Fault("a body over the function's limit", 413, body=b"1" * (5 * MEBIBYTE)),
    Fault("a body over the front's limit", 413, body=b"1" * (11 * MEBIBYTE)),
    Fault("a path that is not there", 404, method="GET", path="/nothing", body=None),
    Fault(
        "an Accept that the model cannot meet",
        424,
        body=b"0," * 9 + b"0",
        headers={**CSV, "accept": "image/png"},
    ),
]

LEAKS = re.compile(
    rb"Traceback|File \"|/opt/ml|\.py\b|clary-local|arn:aws|000000000000|127\.0\.0\.1|boto|Errno|Exception",
    re.IGNORECASE,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_answers_a_fault_with_a_problem(api: Api, fault: Fault) -> None:
    answer = api(fault.method, fault.path, fault.body, fault.headers)

    assert answer.status == fault.status, answer
    problem = answer.problem()
    assert problem["status"] == fault.status
    assert problem["title"]
    assert not LEAKS.search(answer.body), answer.body


@pytest.mark.parametrize("key", [None, "", "x" * 40], ids=["no key", "an empty key", "a wrong key"])
def test_lets_nobody_in_without_a_key(api: Api, key: str | None) -> None:
    stranger = Api(api.url, {} if key is None else {"x-api-key": key})

    answer = stranger("GET", "/models")

    assert answer.status == 403
    assert answer.problem()["status"] == 403
    assert b"housing" not in answer.body


def test_says_what_would_do_for_a_wrong_type(api: Api) -> None:
    answer = api("POST", INVOCATIONS, b"<x/>", {"content-type": "text/xml"})

    assert "text/csv" in answer.problem()["detail"]


def test_says_the_limit_for_a_large_body(api: Api) -> None:
    answer = api("POST", INVOCATIONS, b"1" * (5 * MEBIBYTE), CSV)

    assert re.search(r"\d", answer.problem()["detail"])


def test_lists_and_describes_the_models(api: Api) -> None:
    listed = api("GET", "/models")
    described = api("GET", "/models/housing")

    assert listed.status == described.status == 200
    assert b"housing" in listed.body
    assert b"text/csv" in described.body
    assert not LEAKS.search(listed.body + described.body)
