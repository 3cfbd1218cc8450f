"""The gateway's rules, with models that are played by the test."""

from __future__ import annotations

import base64
import json
import string
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_gateway import catalogue
from inference_gateway import handler as module
from inference_gateway.catalogue import CatalogueError
from inference_gateway.gateway import Gateway
from inference_gateway.handler import handler
from inference_gateway.ports import EndpointFault, Prediction, State, Throttled
from inference_gateway.quota import Meter
from runtime_common.deadline import Deadline
from support.scripted_service import ENDPOINT, Context, event

MODELS = catalogue.parse(
    json.dumps(
        {
            "housing": {"endpoint": ENDPOINT, "content_types": ["text/csv"], "example": "1,2,3"},
            "many": {"endpoint": "clary-test-many", "content_types": ["text/csv"], "targets": True},
            "words": {"endpoint": "clary-test-words", "content_types": ["application/json", "text/plain"]},
            "graph": {
                "component": "clary-test-graph-copies",
                "endpoint": "clary-test-graph",
                "content_types": ["application/x+json"],
                "example": None,
            },
        }
    )
)


@dataclass
class PlayedEndpoints:
    """Answers with what it was asked, or fails as it is told to."""

    fault: Exception | None = None
    asked: list[tuple[str, bytes, str, str | None]] = field(default_factory=list)
    seconds_given: list[float] = field(default_factory=list)
    components: list[str | None] = field(default_factory=list)
    targets: list[str | None] = field(default_factory=list)

    def invoke(
        self,
        endpoint: str,
        *,
        body: bytes,
        content_type: str,
        accept: str | None,
        component: str | None,
        target: str | None,
        deadline: Deadline,
        limit_bytes: int,
    ) -> Prediction:
        self.components.append(component)
        self.targets.append(target)
        self.asked.append((endpoint, body, content_type, accept))
        self.seconds_given.append(deadline.remaining())
        if self.fault is not None:
            raise self.fault
        return Prediction("application/json", b"[1]")

    def state(self, endpoint: str, *, deadline: Deadline) -> State:
        if self.fault is not None:
            raise self.fault
        return "in-service"


def no_desks() -> Any:
    raise AssertionError("these models answer at once")


def no_features() -> Any:
    raise AssertionError("these models need no features")


def no_counter() -> Any:
    raise AssertionError("nobody has a quota here")


@pytest.fixture
def endpoints(monkeypatch: pytest.MonkeyPatch) -> PlayedEndpoints:
    endpoints = PlayedEndpoints()
    monkeypatch.setattr(
        module, "_gateway", lambda: Gateway(MODELS, endpoints, no_desks, Meter(no_counter), no_features)
    )
    return endpoints


def answered(given: object, context: Context | None = None) -> tuple[int, dict[str, Any], dict[str, str]]:
    answer: Any = handler(given, context or Context())
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def test_lists_the_models(endpoints: PlayedEndpoints) -> None:
    status, listed, headers = answered(event("/models", None, method="GET"))

    assert status == 200
    assert listed == {"models": [{"name": "graph"}, {"name": "housing"}, {"name": "many"}, {"name": "words"}]}
    assert headers["X-Request-Id"] == "request-1"


def test_passes_the_body_and_the_types_on(endpoints: PlayedEndpoints) -> None:
    sent = event(body="1,2\n", content_type="Text/CSV; charset=utf-8")
    sent["headers"]["accept"] = "application/json"

    answer = handler(sent, Context())

    assert (answer["statusCode"], answer["body"]) == (200, "[1]")
    assert endpoints.asked == [(ENDPOINT, b"1,2\n", "Text/CSV; charset=utf-8", "application/json")]


@pytest.mark.parametrize(
    ("remaining_milliseconds", "seconds"), [(60_000, 27.0), (29_000, 27.0), (10_250, 10.0)]
)
def test_gives_the_model_less_time_than_the_front_and_the_function_have(
    endpoints: PlayedEndpoints, remaining_milliseconds: int, seconds: float
) -> None:
    answered(event(), Context(remaining_milliseconds))

    assert endpoints.seconds_given[0] <= seconds
    assert endpoints.seconds_given[0] == pytest.approx(seconds, abs=0.5)


def test_finds_the_model_below_a_custom_domains_path(endpoints: PlayedEndpoints) -> None:
    mapped = event(
        "/ml/models/housing/invocations",
        resource="/models/{model}/invocations",
        pathParameters={"model": "housing"},
    )

    assert answered(mapped)[0] == 200


def test_finds_the_model_behind_one_greedy_resource(endpoints: PlayedEndpoints) -> None:
    greedy = event(resource="/{proxy+}", pathParameters={"proxy": "models/housing/invocations"})

    assert answered(greedy)[0] == 200


def test_says_which_copies_of_a_component_are_meant(endpoints: PlayedEndpoints) -> None:
    answered(event("/models/graph/invocations", "{}", content_type="application/x+json"))

    assert endpoints.components == ["clary-test-graph-copies"]


def test_says_which_of_many_models_is_meant(endpoints: PlayedEndpoints) -> None:
    answered(event("/models/many/invocations", queryStringParameters={"target": "near/by.tar.gz"}))
    answered(event("/models/housing/invocations", queryStringParameters={"target": "by.tar.gz"}))

    assert endpoints.targets == ["near/by.tar.gz", None]


@pytest.mark.parametrize("target", [None, "", "../x", "a/..", "a\r\nX: 1", "/a", "a//b", "\u00e4"])
def test_refuses_a_target_that_is_none(endpoints: PlayedEndpoints, target: str | None) -> None:
    query = None if target is None else {"target": target}

    status, problem, _ = answered(event("/models/many/invocations", queryStringParameters=query))

    assert (status, problem["type"]) == (400, "urn:clary:problem:unreadable-request")
    assert endpoints.asked == []


DEEP = "[" * 101 + "]" * 101


@pytest.mark.parametrize(
    ("given", "status", "kind"),
    [
        (event("/models/sentiment/invocations"), 404, "unknown-model"),
        (event("/models/sentiment", None, method="GET"), 404, "unknown-model"),
        (event("/models/../housing", None, method="GET"), 404, "unknown-route"),
        (event("/models/a\x00b/invocations"), 404, "unknown-model"),
        (event("/models/\ud800/invocations"), 404, "unknown-model"),
        (event("/"), 404, "unknown-route"),
        (event(""), 404, "unknown-route"),
        (event("/models/housing/invocations/x"), 404, "unknown-route"),
        (event("//models", None, method="GET"), 404, "unknown-route"),
        (event(method="GET"), 405, "method-not-allowed"),
        (event(method="DELETE"), 405, "method-not-allowed"),
        (event(method="post"), 405, "method-not-allowed"),
        (event("/models", method="POST"), 405, "method-not-allowed"),
        (event("/models/housing", method="PUT"), 405, "method-not-allowed"),
        (event(content_type="application/json"), 415, "unsupported-content-type"),
        (event(content_type=None), 415, "unsupported-content-type"),
        (event(content_type="\t;;="), 415, "unsupported-content-type"),
        (event(content_type="text/csv\r\nX-Injected: 1"), 415, "unsupported-content-type"),
        (event(content_type="text/csv;\r\nX-Injected: 1"), 400, "unreadable-request"),
        (event(content_type="text/csv; charset=\u00fctf"), 400, "unreadable-request"),
        (event(content_type="text/csv; " + "x" * 2000), 400, "unreadable-request"),
        (event(headers={"content-type": "text/csv", "Accept": "*/*\nX: 1"}), 400, "unreadable-request"),
        (event(headers=None), 415, "unsupported-content-type"),
        (event(body=None), 400, "empty-body"),
        (event(body=""), 400, "empty-body"),
        (event(body="no base64!", isBase64Encoded=True), 400, "unreadable-request"),
        (event(body="\u00e9\u00e9\u00e9\u00e9", isBase64Encoded=True), 400, "unreadable-request"),
        (event(body="MSwyL\ndw=", isBase64Encoded=True), 400, "unreadable-request"),
        (event(body="\ud800"), 400, "unreadable-request"),
        (event(body="1" * 4_500_001), 413, "body-too-large"),
    ],
)  # fmt: skip
def test_refuses_a_request(endpoints: PlayedEndpoints, given: dict[str, Any], status: int, kind: str) -> None:
    refused = answered(given)

    assert refused[0] == refused[1]["status"] == status
    assert refused[1]["type"] == f"urn:clary:problem:{kind}"
    assert refused[2]["Content-Type"] == "application/problem+json"
    assert endpoints.asked == []


@pytest.mark.parametrize("model", ["words", "graph"])
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "expecting property name enclosed in double quotes at line 1, column 2"),
        (b"nul", "expecting value at line 1, column 1"),
        (b"[1]\n[2]", "extra data at line 2, column 1"),
        (b"[NaN]", "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b"[" + b"1" * 5000 + b"]", "a number is too long"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\uDFFF": 1}', "surrogate"),
        (b'["\xed\xa0\x80"]', "not UTF-8 at byte 2"),
        (b'["caf\xe9"]', "not UTF-8 at byte 5"),
        (b"\xef\xbb\xbf{}", "line 1, column 1"),
        (DEEP.encode(), "deeper than 100"),
        (b"[" * 200_000 + b"]" * 200_000, "deeper than 100"),
        (b"[" * 200_000, "deeper than 100"),
        (b'["[", ' + b'{"]":' * 100 + b"1" + b"}" * 100 + b"]", "deeper than 100"),
    ],
)  # fmt: skip
def test_refuses_what_is_not_strict_json(
    endpoints: PlayedEndpoints, model: str, body: bytes, detail: str
) -> None:
    content_type = MODELS[model].content_types[0]
    encoded = base64.b64encode(body).decode()

    status, problem, _ = answered(
        event(f"/models/{model}/invocations", encoded, content_type=content_type, isBase64Encoded=True)
    )

    assert status == 400
    assert problem["type"] == "urn:clary:problem:invalid-json"
    assert detail in problem["detail"]
    assert endpoints.asked == []


@pytest.mark.parametrize(
    "body",
    [
        '{"a": "\\ud83d\\ude00", "b": "\u00e9"}',
        '"\\\\ud800"',
        "[" * 100 + "]" * 100,
        '["\\"' + "[" * 200 + '", "\\\\", ' + '{"}":' * 99 + "1" + "}" * 99 + "]",
        json.dumps([[{}] * 50] * 50),
        '{"a": 1, "a": 2}',
        " 1 ",
    ],
)
def test_passes_json_on_as_it_came(endpoints: PlayedEndpoints, body: str) -> None:
    status, _, _ = answered(event("/models/words/invocations", body, content_type="application/json"))

    assert status == 200
    assert endpoints.asked[0][1] == body.encode()


def test_leaves_other_types_to_the_model(endpoints: PlayedEndpoints) -> None:
    assert answered(event("/models/words/invocations", "NaN", content_type="text/plain"))[0] == 200


def test_names_the_types_the_model_takes(endpoints: PlayedEndpoints) -> None:
    _, problem, _ = answered(event("/models/words/invocations", content_type="text/xml"))

    assert problem["accepts"] == ["application/json", "text/plain"]
    assert "application/json or text/plain" in problem["detail"]


def test_names_the_method_the_path_takes(endpoints: PlayedEndpoints) -> None:
    assert answered(event(method="PATCH"))[2]["Allow"] == "POST"
    assert answered(event("/models", None, method="PATCH"))[2]["Allow"] == "GET"


def test_says_the_limit_and_the_way_out_for_a_large_body(endpoints: PlayedEndpoints) -> None:
    _, problem, _ = answered(event(body="1" * 4_500_001))

    assert problem["limit_bytes"] == 4_500_000
    assert "fewer rows" in problem["detail"]


def test_takes_a_body_of_just_the_limit(endpoints: PlayedEndpoints) -> None:
    assert answered(event(body="1" * 4_500_000))[0] == 200


def test_fits_into_lambdas_payload_at_the_limit() -> None:
    event_bytes = len(json.dumps(event(body=base64.b64encode(b"1" * 4_500_000).decode())))
    header_bytes = 2 * 10_240

    assert event_bytes + header_bytes < 6 * 1024 * 1024


def test_never_echoes_what_the_client_sent(endpoints: PlayedEndpoints) -> None:
    marker = "<script>alert</script>"
    for sent in (
        event(f"/models/{marker}/invocations"),
        event(f"/{marker}"),
        event(method=marker),
        event(content_type=marker),
        event("/models/words/invocations", marker, content_type="application/json"),
    ):
        assert marker not in json.dumps(handler(sent, Context()))


def test_answers_a_bug_without_its_inside_and_logs_it_whole(
    endpoints: PlayedEndpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoints.fault = ZeroDivisionError("clary-test-housing")

    answer = handler(event(), Context())

    assert answer["statusCode"] == 500
    assert "clary-test" not in json.dumps(answer)
    assert "ZeroDivision" not in json.dumps(answer)
    (line,) = capsys.readouterr().out.splitlines()
    logged = json.loads(line)
    assert (logged["level"], logged["request_id"]) == ("ERROR", "request-1")
    assert "ZeroDivisionError: clary-test-housing" in logged["trace"]


def test_falls_back_to_the_functions_request_id(endpoints: PlayedEndpoints) -> None:
    given = event(requestContext={"requestId": "not\nan id"})

    assert answered(given)[2]["X-Request-Id"] == "function-request-id"


def test_logs_no_bodies(endpoints: PlayedEndpoints, capsys: pytest.CaptureFixture[str]) -> None:
    handler(event(body="personal"), Context())

    (line,) = capsys.readouterr().out.splitlines()
    assert "personal" not in line


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "Content-Type", "ACCEPT", "x"]),
    st.sampled_from(["text/csv", "application/json", "text/csv;x=\u00e9", ""]) | JSON_VALUES,
)
PATHS = st.sampled_from(["/models", "/models/housing", "/models/words/invocations"]) | st.text(max_size=30)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "httpMethod": st.sampled_from(["GET", "POST", "HEAD"]) | JSON_VALUES,
        "path": PATHS | JSON_VALUES,
        "resource": PATHS | st.sampled_from(["/{proxy+}", "/models/{model}"]) | JSON_VALUES,
        "pathParameters": st.dictionaries(st.sampled_from(["model", "proxy"]), PATHS | JSON_VALUES)
        | JSON_VALUES,
        "headers": HEADERS | JSON_VALUES,
        "requestContext": JSON_VALUES | st.fixed_dictionaries({"requestId": JSON_VALUES}),
        "body": st.text(string.printable) | st.sampled_from(["1,2", "{}", "[NaN]", "\ud800"]) | JSON_VALUES,
        "isBase64Encoded": JSON_VALUES,
    },
)
FAULTS = st.none() | st.sampled_from([Throttled("t"), EndpointFault("e")])


@settings(max_examples=500, deadline=None)
@given(given_event=EVENTS | JSON_VALUES, fault=FAULTS)
def test_no_event_makes_it_raise_or_answer_500(given_event: object, fault: EndpointFault | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module,
            "_gateway",
            lambda: Gateway(MODELS, PlayedEndpoints(fault), no_desks, Meter(no_counter), no_features),
        )

        answer = handler(given_event, Context())

    assert answer["statusCode"] in {200, 400, 404, 405, 415, 429, 502}
    json.dumps(answer).encode()


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=60) | st.text(st.sampled_from('[]{}",:\\ud81e-.NaIfinty ')).map(str.encode))
def test_passes_on_what_a_strict_reader_takes_and_nothing_else(body: bytes) -> None:
    endpoints = PlayedEndpoints()
    encoded = base64.b64encode(body).decode()
    sent = event("/models/words/invocations", encoded, content_type="application/json", isBase64Encoded=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module, "_gateway", lambda: Gateway(MODELS, endpoints, no_desks, Meter(no_counter), no_features)
        )

        status, _, _ = answered(sent)

    assert status == (200 if is_strict_json(body) else 400)
    assert [asked[1] for asked in endpoints.asked] == ([body] if status == 200 else [])


def is_strict_json(body: bytes) -> bool:
    """The long way round, for bodies too short to be deep."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        value = json.loads(body.decode(), parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "MODELS is not JSON"),
        ("[" * 100_000, "MODELS is not JSON"),
        ("[]", "MODELS is a list, give an object"),
        ('{"A": {"endpoint": "e", "content_types": ["text/csv"]}}', "'A' is not a name"),
        ('{"a": 1}', "'a' is a int, give an object"),
        ('{"a": {"endpoint": "e/../x", "content_types": ["text/csv"]}}', "endpoint is 'e/../x'"),
        ('{"a": {"content_types": ["text/csv"]}}', "endpoint is None"),
        ('{"a": {"endpoint": "e", "content_types": []}}', "content_types is []"),
        ('{"a": {"endpoint": "e", "content_types": "text/csv"}}', "content_types is 'text/csv'"),
        ('{"a": {"endpoint": "e", "content_types": ["csv"]}}', "content_types is ['csv']"),
        ('{"a": {"endpoint": "e", "content_types": ["text/csv"], "example": 1}}', "example is a int"),
        ('{"a": {"endpoint": "e", "content_types": ["text/csv"], "sample": 1}}', "unknown key 'sample'"),
    ],
)
def test_refuses_a_broken_catalogue(text: str, complaint: str) -> None:
    with pytest.raises(CatalogueError) as refused:
        catalogue.parse(text)

    assert complaint in str(refused.value)


def test_reports_all_that_is_wrong_with_a_catalogue() -> None:
    with pytest.raises(CatalogueError) as refused:
        catalogue.parse('{"a": {"endpoint": 1, "content_types": 2, "example": 3}, "b": 4}')

    assert str(refused.value).count(";") == 3


@pytest.mark.parametrize("models", [None, "", "{", '{"a": {}}'])
def test_answers_500_and_logs_why_when_its_configuration_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], models: str | None
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("MODELS", raising=False)
    if models is not None:
        monkeypatch.setenv("MODELS", models)
    module._gateway.cache_clear()

    status, problem, _ = answered(event())

    assert status == 500
    assert problem["type"] == "urn:clary:problem:internal-error"
    assert "MODELS" in json.loads(capsys.readouterr().out)["trace"]
