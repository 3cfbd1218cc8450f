"""Models that are asked with features: what is looked up, where it is put, and what if it is not there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_gateway import catalogue, openapi
from inference_gateway import handler as module
from inference_gateway.catalogue import CatalogueError, Lookup
from inference_gateway.enrichment import rows
from inference_gateway.handler import handler
from inference_gateway.problem import Problem
from runtime_common.connection import KeptConnection, Origin
from support.scripted_service import Behaviour, Context, Service, event, hang_up, reply, silence

LOOKUP = {
    "group": "research--dev-patients",
    "identifier": "patient",
    "key_type": "string",
    "member": "patient",
    "column": 1,
    "features": {"visits": "integral", "bmi": "fractional"},
}
MODELS = {
    "risk": {
        "endpoint": "risk",
        "content_types": ["application/json", "application/jsonlines", "text/csv"],
        "features": LOOKUP,
    },
    "plain": {"endpoint": "plain", "content_types": ["text/csv"]},
}
JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"


def lookup(**changes: Any) -> Lookup:
    return Lookup(**{**LOOKUP, **changes})


def records(*known: Mapping[str, str | list[str]], **more: object) -> Behaviour:
    return reply(
        200,
        {
            "Records": [
                {
                    "FeatureGroupName": LOOKUP["group"],
                    "RecordIdentifierValueAsString": each["patient"],
                    "Record": [
                        {"FeatureName": name, "ValueAsString": value}
                        if isinstance(value, str)
                        else {"FeatureName": name, "ValueAsStringList": value}
                        for name, value in each.items()
                    ],
                }
                for each in known
            ],
            "Errors": [],
            "UnprocessedIdentifiers": [],
            **more,
        },
    )


P1 = {"patient": "p1", "visits": "3", "bmi": "21.5"}
P2 = {"patient": "p2", "bmi": "30"}


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
    for name in ("SAGEMAKER", "SAGEMAKER_RUNTIME", "SAGEMAKER_FEATURESTORE_RUNTIME"):
        monkeypatch.delenv(f"AWS_ENDPOINT_URL_{name}", raising=False)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    opened: list[KeptConnection] = []

    class Noted(KeptConnection):
        def __init__(self, origin: Origin, *, ca_bundle: str | None = None) -> None:
            super().__init__(origin, ca_bundle=ca_bundle)
            opened.append(self)

    monkeypatch.setattr(module, "KeptConnection", Noted)
    module._gateway.cache_clear()
    service.on("BatchGetRecord", records(P1, P2))
    yield
    module._gateway.cache_clear()
    for connection in opened:
        connection.close()


def ask(body: str, content_type: str = CSV, model: str = "risk") -> tuple[int, dict[str, str], Any]:
    answer: Any = handler(event(f"/models/{model}/invocations", body, content_type=content_type), Context())
    found = answer["body"]
    return (
        answer["statusCode"],
        answer["headers"],
        found if answer["statusCode"] == 200 else json.loads(found),
    )


def asked(service: Service) -> list[bytes]:
    """What the model was."""
    return [each.body for each in service.received if each.operation == "InvokeEndpoint"]


# --- what the model is asked --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "becomes"),
    [
        (CSV, "p1,7", "3,21.5,7\n"),
        (CSV, "p2,7\r\np1,8\r\n", ",30,7\n3,21.5,8\n"),
        (CSV, '"p1","a, ""b"""', '3,21.5,"a, ""b"""\n'),
        (JSON, '{"patient": "p1", "age": 7.50}', '{"visits":3,"bmi":21.5,"age":7.5}'),
        (JSON, '[{"age": 1, "patient": "p2"}]', '[{"age":1,"visits":null,"bmi":30.0}]'),
        (
            LINES,
            '{"patient": "p1"}\n{"patient": "p2"}\n',
            '{"visits":3,"bmi":21.5}\n{"visits":null,"bmi":30.0}\n',
        ),
        (JSON, '{"patient": "p1", "name": "Zoë"}', '{"visits":3,"bmi":21.5,"name":"Zoë"}'),
    ],
)
def test_what_is_known_of_a_key_stands_in_its_place(
    service: Service, content_type: str, body: str, becomes: str
) -> None:
    status, _, _ = ask(body, content_type)

    assert status == 200
    assert asked(service) == [becomes.encode()]


def test_each_key_is_looked_up_once_with_the_features_by_name(service: Service) -> None:
    ask("p1,1\np1,2\np2,3\n")

    (received,) = (each for each in service.received if each.operation == "BatchGetRecord")
    assert (received.method, received.headers["content-type"]) == ("POST", JSON)
    assert "/eu-west-1/sagemaker/aws4_request" in received.headers["authorization"]
    assert json.loads(received.body) == {
        "Identifiers": [
            {
                "FeatureGroupName": "research--dev-patients",
                "RecordIdentifiersValueAsString": ["p1", "p2"],
                "FeatureNames": ["patient", "visits", "bmi"],
            }
        ]
    }


def test_a_model_without_features_is_asked_with_what_came(service: Service) -> None:
    ask("p1 , 7", model="plain")

    assert service.operations() == ["InvokeEndpoint"]
    assert asked(service) == [b"p1 , 7"]


def test_collections_are_lists_and_what_is_no_number_is_null() -> None:
    wanted = lookup(features={"words": "string", "ratios": "fractional", "bmi": "fractional"})
    known = {"p1": {"words": ["a", "b"], "ratios": ["1", "2.5"], "bmi": "NaN"}}

    made = rows(b'{"patient": "p1"}', JSON, wanted).filled(known)

    assert json.loads(made) == {"words": ["a", "b"], "ratios": [1.0, 2.5], "bmi": None}


def test_the_key_stays_where_the_identifier_is_asked_for() -> None:
    wanted = lookup(features={"bmi": "fractional", "patient": "string"}, column=2)
    known = {"p1": {"patient": "p1", "bmi": "21.5"}}

    assert rows(b"7,p1,8", CSV, wanted).filled(known) == b"7,21.5,p1,8\n"
    assert rows(b'{"patient":"p1"}', JSON, wanted).filled(known) == b'{"bmi":21.5,"patient":"p1"}'


@pytest.mark.parametrize(("content_type", "body"), [(CSV, b" 007 ,1"), (JSON, b'{"patient": 7}')])
def test_a_whole_number_is_a_key_however_it_is_written(content_type: str, body: bytes) -> None:
    assert rows(body, content_type, lookup(key_type="integral")).keys == ["7"]


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=3, max_size=3),
        min_size=1,
    )
)
def test_other_columns_stay_what_they_were(table: list[list[str]]) -> None:
    def text(lines: list[list[str]]) -> bytes:
        written = io.StringIO(newline="")
        csv.writer(written, quoting=csv.QUOTE_ALL).writerows(lines)
        return written.getvalue().encode()

    asked_for = rows(text([["p1", *line] for line in table]), CSV, lookup())
    made = asked_for.filled({"p1": {"visits": "3", "bmi": "21.5"}})

    assert list(csv.reader(io.StringIO(made.decode(), newline=""))) == [
        ["3", "21.5", *line] for line in table
    ]


# --- what a client sends wrongly ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "error"),
    [
        (
            JSON,
            '{"age": 1}',
            {"pointer": "", "detail": "is not an object with the member 'patient', its key"},
        ),
        (JSON, '[{"patient": "p1"}, 3]', {"pointer": "/1", "detail": "is not an object with the member"}),
        (JSON, '{"patient": true}', {"pointer": "/patient", "detail": "is not text of 1 to 1024 characters"}),
        (JSON, '{"patient": ""}', {"pointer": "/patient", "detail": "is not text"}),
        (JSON, '[{"patient": ["p1"]}]', {"pointer": "/0/patient", "detail": "is not text"}),
        (JSON, '{"patient": "p1", "bmi": 9}', {"pointer": "/bmi", "detail": "is looked up, leave it out"}),
        (LINES, '{"patient": "p1"}\n{}\n', {"pointer": "", "line": 2, "detail": "is not an object with"}),
        (CSV, "p1,1\n,2", {"pointer": "", "line": 2, "detail": "column 1 is not text of 1 to 1024"}),
        (CSV, "p1\n\np2", {"pointer": "", "line": 2, "detail": "has no column 1, where its key is"}),
    ],
)
def test_a_row_without_a_key_is_refused_where_it_is(
    service: Service, content_type: str, body: str, error: dict[str, object]
) -> None:
    status, _, problem = ask(body, content_type)

    (found,) = problem["errors"]
    assert (status, problem["type"]) == (422, "urn:clary:problem:body-does-not-fit")
    assert found["detail"].startswith(str(error["detail"]))
    assert {**found, "detail": error["detail"]} == error
    assert service.operations() == [], "nothing is looked up, and nobody asked"


@pytest.mark.parametrize(
    ("content_type", "body", "count"),
    [(CSV, "p1\n" * 101, 101), (JSON, "[]", 0)],
)
def test_so_many_rows_at_a_time(service: Service, content_type: str, body: str, count: int) -> None:
    status, _, problem = ask(body, content_type)

    assert (status, problem["detail"]) == (422, f"the body has {count} rows, send 1 to 100 at a time")
    assert service.operations() == []


@pytest.mark.parametrize("body", [b'p1,"x', b"p1,\xff", b'p1,"x"y'])
def test_what_is_no_csv_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        rows(body, CSV, lookup())

    assert raised.value.kind.name == "body-does-not-fit"


def test_a_number_without_an_end_goes_no_further() -> None:
    asked_for = rows(b'{"patient": "p1", "age": 1e999}', JSON, lookup())

    with pytest.raises(Problem) as raised:
        asked_for.filled({"p1": {}})

    assert raised.value.kind.name == "invalid-json"


@pytest.mark.parametrize(
    ("content_type", "body", "where"),
    [
        (CSV, "p1,1\np3,2\n", {"pointer": "", "line": 2}),
        (JSON, '[{"patient": "p1"}, {"patient": "p3"}]', {"pointer": "/1/patient"}),
        (LINES, '{"patient": "p3"}', {"pointer": "/patient", "line": 1}),
    ],
)
def test_a_key_of_which_nothing_is_known_is_said_with_its_place(
    service: Service, content_type: str, body: str, where: dict[str, object]
) -> None:
    status, _, problem = ask(body, content_type)

    assert (status, problem["type"]) == (422, "urn:clary:problem:unknown-key")
    assert problem["errors"] == [{**where, "detail": "is a key of which nothing is known"}]
    assert asked(service) == []


# --- when the store does not answer -------------------------------------------------------------------


def refused(status: int, code: str) -> Behaviour:
    return reply(status, {"Message": "arn:aws:secret"}, x_amzn_ErrorType=code)


@pytest.mark.parametrize(
    "behaviour",
    [
        refused(403, "AccessForbidden"),
        refused(404, "ResourceNotFound"),
        refused(429, "ThrottlingException"),
        refused(503, "ServiceUnavailable"),
        hang_up,
        reply(200, b"x" * 7_000_000),
        records(P1, Errors=[{"RecordIdentifierValueAsString": "p2", "ErrorCode": "InternalFailure"}]),
        records(P1, UnprocessedIdentifiers=[{"FeatureGroupName": "g"}]),
        records({"patient": "p1", "visits": "three"}),
    ],
)
def test_a_store_that_fails_is_no_fault_of_the_model_and_shows_in_the_log(
    service: Service, behaviour: Behaviour, capsys: pytest.CaptureFixture[str]
) -> None:
    service.on("BatchGetRecord", behaviour)

    status, headers, problem = ask('{"patient": "p1"}', JSON)

    line = json.loads(capsys.readouterr().out)
    assert (status, problem["type"]) == (503, "urn:clary:problem:features-unavailable")
    assert headers["Retry-After"] == "5"
    assert "arn:aws" not in json.dumps(problem)
    assert (line["problem"], line["level"]) == ("features-unavailable", "WARNING")
    assert line["reason"].startswith("FeaturesUnavailable")
    assert asked(service) == []
    assert service.operations() == ["BatchGetRecord"], "nobody waits for another attempt"


def test_does_not_wait_for_a_store_that_says_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference_gateway.limit.FEATURES_SECONDS", 0.2)
    service.on("BatchGetRecord", silence)

    status, _, problem = ask("p1,1")

    assert (status, problem["type"]) == (503, "urn:clary:problem:features-unavailable")


# --- what the API says of it --------------------------------------------------------------------------


def test_the_description_says_where_the_key_is(service: Service) -> None:
    described: Any = handler(event("/models/risk", None, method="GET"), Context())

    found = json.loads(described["body"])
    assert found["key"] == {"member": "patient", "column": 1}
    assert found["limits"]["rows"] == 100


def test_the_document_says_what_to_send() -> None:
    document = openapi.document(catalogue.parse(json.dumps(MODELS)).values())

    body = document["paths"]["/models/risk/invocations"]["post"]["requestBody"]
    row = body["content"][LINES]["x-item-schema"]
    assert row["required"] == ["patient"]
    assert body["content"][JSON]["schema"]["anyOf"][0] == row
    assert body["content"][JSON]["schema"]["anyOf"][1]["maxItems"] == 100
    assert body["content"][CSV]["schema"]["description"] == "CSV, without a header. Column 1 is the key."
    assert "100 rows" in body["description"]
    assert "rows" not in document["paths"]["/models/plain/invocations"]["post"]["requestBody"]["description"]


@pytest.mark.parametrize("features", [3, {"group": "g"}, {**LOOKUP, "more": 1}])
def test_half_a_lookup_is_refused(features: object) -> None:
    entry = {"endpoint": "risk", "content_types": [CSV], "features": features}

    with pytest.raises(CatalogueError, match="'risk': features is"):
        catalogue.parse(json.dumps({"risk": entry}))
