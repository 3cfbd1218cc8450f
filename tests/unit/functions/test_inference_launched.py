"""Models that people launch: how the gateway finds them, how often it asks, and who is told what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_gateway import catalogue, client
from inference_gateway import handler as module
from inference_gateway.adapters import SageMaker
from inference_gateway.caller import caller
from inference_gateway.gateway import Gateway
from inference_gateway.handler import handler
from inference_gateway.launched import Launched, parse
from inference_gateway.ports import (
    AnswerFailed,
    EndpointFault,
    NotInService,
    Prediction,
    RegisterFailed,
    State,
    Throttled,
)
from inference_gateway.quota import Meter
from inference_gateway.register import EndpointRegister
from runtime_common.connection import KeptConnection, Origin
from runtime_common.deadline import Deadline
from runtime_common.signature_v4 import Credentials
from support.scripted_service import Context, Service, event, reply

TAGS = {"clary:environment": "dev", "clary:team": "research", "clary:owner": "service-catalog"}
TYPE = "clary:content-type"
OFFERED = parse(
    json.dumps({"teams": {"research": TAGS, "risk": TAGS | {"clary:team": "risk"}}, "content_type_tag": TYPE})
)
ROUTED = {**TAGS, TYPE: "text/csv", "aws:cloudformation:stack-name": "SC-1"}
CHURN = "research--churn"


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class PlayedRegister:
    """Endpoints by name, with their tags; or a fault for whatever is asked."""

    there: dict[str, Mapping[str, str]] = field(default_factory=dict)
    fault: EndpointFault | None = None
    asked: list[str] = field(default_factory=list)

    def endpoints(self, prefix: str, deadline: Deadline) -> Mapping[str, str]:
        self._ask(prefix)
        return {name: f"arn:{name}" for name in self.there if name.startswith(prefix)}

    def tags(self, arn: str, deadline: Deadline) -> Mapping[str, str]:
        self._ask(arn)
        return self.there.get(arn.removeprefix("arn:"), {})

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def register() -> PlayedRegister:
    return PlayedRegister({CHURN: ROUTED})


@pytest.fixture
def launched(register: PlayedRegister, clock: Clock) -> Launched:
    return Launched(register, OFFERED, now=clock)


def find(launched: Launched, name: str) -> catalogue.Model | None:
    return launched.model(name, Deadline(5))


# --- what is a launched model ------------------------------------------------------------------------


def test_an_endpoint_with_the_tags_of_a_launch_is_a_model_that_takes_what_its_tag_says(
    launched: Launched,
) -> None:
    assert find(launched, CHURN) == catalogue.Model(CHURN, endpoint=CHURN, content_types=("text/csv",))


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {TYPE: "text/csv"},
        TAGS,
        {**ROUTED, "clary:environment": "prod"},
        {**ROUTED, "clary:team": "risk"},
        {**ROUTED, "clary:owner": "somebody"},
        {**ROUTED, TYPE: ""},
        {**ROUTED, TYPE: "csv"},
        {**ROUTED, TYPE: "text/csv\r\nx: y"},
    ],
)
def test_an_endpoint_of_anybody_else_is_none(
    launched: Launched, register: PlayedRegister, tags: Mapping[str, str]
) -> None:
    register.there[CHURN] = tags

    assert find(launched, CHURN) is None
    assert launched.seen(None, Deadline(5)).models == []


@pytest.mark.parametrize("name", ["others--churn", "research--", "--churn", "--"])
def test_a_name_of_no_team_and_one_without_a_name_are_no_models(launched: Launched, name: str) -> None:
    assert find(launched, name) is None


def test_of_a_team_that_offers_nothing_nobody_is_asked(launched: Launched, register: PlayedRegister) -> None:
    find(launched, "others--churn")

    assert register.asked == []


def test_those_of_some_teams_are_seen_without_the_others(
    launched: Launched, register: PlayedRegister
) -> None:
    register.there["risk--default"] = {**ROUTED, "clary:team": "risk"}

    of_risk, of_all = (launched.seen(teams, Deadline(5)).models for teams in ({"risk"}, None))

    assert [model.name for model in of_risk] == ["risk--default"]
    assert [model.name for model in of_all] == [CHURN, "risk--default"]


# --- how often SageMaker is asked --------------------------------------------------------------------


def test_what_was_answered_holds_for_half_a_minute(
    launched: Launched, register: PlayedRegister, clock: Clock
) -> None:
    find(launched, CHURN)
    clock.now += 29
    register.there[CHURN] = {**ROUTED, TYPE: "application/json"}
    before = find(launched, CHURN)
    clock.now += 1
    after = find(launched, CHURN)

    assert register.asked == ["research--", f"arn:{CHURN}"] * 2
    assert [model and model.content_types for model in (before, after)] == [
        ("text/csv",),
        ("application/json",),
    ]


def test_a_new_one_is_found_five_seconds_after_somebody_has_looked(
    launched: Launched, register: PlayedRegister, clock: Clock
) -> None:
    find(launched, "research--new")
    register.there["research--new"] = ROUTED
    too_early = find(launched, "research--new")
    clock.now += 5

    assert too_early is None
    assert find(launched, "research--new") is not None


def test_one_that_gets_its_tags_late_is_found_as_soon(
    launched: Launched, register: PlayedRegister, clock: Clock
) -> None:
    register.there["research--late"] = {}
    find(launched, "research--late")
    register.there["research--late"] = ROUTED
    clock.now += 5

    assert find(launched, "research--late") is not None


def test_made_up_names_ask_once_in_five_seconds(
    launched: Launched, register: PlayedRegister, clock: Clock
) -> None:
    for number in range(100):
        assert find(launched, f"research--made-up-{number}") is None
        clock.now += 0.1

    assert register.asked == ["research--"] * 2


def test_what_is_known_is_used_for_five_minutes_where_nobody_answers(
    launched: Launched, register: PlayedRegister, clock: Clock
) -> None:
    find(launched, CHURN)
    register.fault = Throttled("slow down")
    clock.now += 299
    still = find(launched, CHURN)
    clock.now += 1

    assert still is not None
    with pytest.raises(RegisterFailed, match="Throttled: slow down"):
        find(launched, CHURN)


def test_a_name_that_cannot_be_looked_up_is_not_said_to_be_nobodys(
    launched: Launched, register: PlayedRegister, clock: Clock
) -> None:
    find(launched, CHURN)
    register.fault = AnswerFailed("status=500")
    clock.now += 5

    for _ in range(3):
        with pytest.raises(RegisterFailed):
            find(launched, "research--new")
    assert register.asked == ["research--", f"arn:{CHURN}", "research--"]


def test_a_model_that_has_turned_out_to_be_gone_is_unknown_at_once(
    launched: Launched, register: PlayedRegister
) -> None:
    find(launched, CHURN)
    del register.there[CHURN]

    launched.forget(CHURN)

    assert find(launched, CHURN) is None


def test_what_cannot_be_looked_up_is_said_beside_what_can(
    launched: Launched, register: PlayedRegister, clock: Clock
) -> None:
    launched.seen({"research"}, Deadline(5))
    register.fault = Throttled("slow down")

    found = launched.seen(None, Deadline(5))

    assert ([model.name for model in found.models], found.unseen) == ([CHURN], ["risk"])
    assert found.reason == "RegisterFailed of risk: Throttled: slow down"


NAMES = ("research--a", "research--b", "research--made-up")
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.5, 5.0, 30.0, 300.0]),
        st.sampled_from([*NAMES, "list"] * 2 + ["change research--a", "change research--b", "break"]),
    ),
    min_size=4,
    max_size=30,
)
"""How long it takes until something happens: somebody asks for one or all, or something becomes another."""


@given(steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_whatever_happens_answers_are_recent_and_questions_rare(steps: list[tuple[float, str]]) -> None:
    """Compared with all that ever was: endpoints come, go and come again, SageMaker fails and recovers."""
    clock, register = Clock(0.0), PlayedRegister()
    launched = Launched(register, OFFERED, now=clock)
    was: dict[str, list[tuple[float, bool]]] = {name: [(float("-inf"), False)] for name in NAMES}
    last_failure = float("-inf")

    def was_so(name: str, seconds: float, there: bool) -> bool:
        """Whether it has been so at some moment of the last seconds."""
        moments = was[name]
        ends = [at for at, _ in moments[1:]] + [float("inf")]
        return any(
            state == there and end > clock.now - seconds
            for (_, state), end in zip(moments, ends, strict=True)
        )

    for seconds, what in steps:
        clock.now += seconds
        if what.startswith("change"):
            name = what.removeprefix("change ")
            was[name].append((clock.now, not was[name][-1][1]))
            register.there = {each: ROUTED for each in NAMES if was[each][-1][1]}
            continue
        if what == "break":
            register.fault = None if register.fault else Throttled("slow down")
            continue
        if register.fault:
            last_failure = clock.now
        recent = clock.now - last_failure < 5
        if what == "list":
            found = launched.seen({"research"}, Deadline(5))
            answers = {model.name: True for model in found.models}
            assert recent or not found.unseen
        else:
            try:
                answers = {what: find(launched, what) is not None}
            except RegisterFailed:
                assert recent
                continue
        for name, there in answers.items():
            assert was_so(name, 5.0 if not there else 300.0 if recent else 30.0, there)
    for question in {*register.asked}:
        assert register.asked.count(question) <= clock.now / 5 + 1


# --- what callers are told ---------------------------------------------------------------------------


@dataclass
class PlayedEndpoints:
    fault: EndpointFault | None = None
    now: State = "in-service"
    asked: list[str] = field(default_factory=list)

    def invoke(self, endpoint: str, **_: object) -> Prediction:
        self.asked.append(endpoint)
        if self.fault is not None:
            raise self.fault
        return Prediction("text/csv", b"42.0")

    def state(self, endpoint: str, *, deadline: Deadline) -> State:
        return self.now


CLIENTS = client.parse(
    json.dumps(
        {
            "clients": {
                "storefront": {"models": ["housing"], "launched": ["research"]},
                "all": {"models": None},
                "planner": {"models": [], "launched": ["research", "risk"]},
            }
        }
    ),
    json.dumps({"storefront": "k1", "all": "k2"}),
    json.dumps({"planner": "a1"}),
)
MODELS = catalogue.parse(
    json.dumps({"housing": {"endpoint": "clary-dev-housing", "content_types": ["text/csv"]}})
)


def nothing() -> Any:
    raise AssertionError("launched models answer at once, without quotas and features")


@pytest.fixture
def endpoints(monkeypatch: pytest.MonkeyPatch, launched: Launched, clock: Clock) -> PlayedEndpoints:
    played = PlayedEndpoints()
    gateway = Gateway(MODELS, played, nothing, Meter(nothing), nothing, lambda: launched)
    monkeypatch.setattr(module, "_gateway", lambda: gateway)
    monkeypatch.setattr(module, "_clients", lambda: CLIENTS)
    return played


def ask(
    path: str, body: str | None = None, *, key: str = "k1", content_type: str = "text/csv"
) -> tuple[int, Any, Mapping[str, str]]:
    sent = event(path, body, method="GET" if body is None else "POST", content_type=content_type)
    sent["requestContext"] = {**sent.get("requestContext", {}), "identity": {"apiKeyId": key}}
    answer: Any = handler(sent, Context())
    found = answer["body"]
    return (
        answer["statusCode"],
        json.loads(found) if found.startswith("{") else found,
        answer["headers"],
    )


INVOCATIONS = f"/models/{CHURN}/invocations"


def test_a_launched_model_answers_as_one_of_the_file_does(endpoints: PlayedEndpoints) -> None:
    status, body, _ = ask(INVOCATIONS, "21")
    of_another_type = ask(INVOCATIONS, "{}", content_type="application/json")
    later = ask(f"/models/{CHURN}/jobs", "21")

    assert (status, body, endpoints.asked) == (200, "42.0", [CHURN])
    assert (of_another_type[0], of_another_type[1]["accepts"]) == (415, ["text/csv"])
    assert (later[0], later[1]["ways"]) == (404, ["invocations"])


def test_a_launched_model_is_described_listed_and_in_the_document(endpoints: PlayedEndpoints) -> None:
    endpoints.now = "creating"

    described, listed, document = (ask(path)[1] for path in (f"/models/{CHURN}", "/models", "/openapi.json"))

    assert (described["name"], described["state"], described["mode"]) == (CHURN, "creating", "real-time")
    assert listed == {"models": [{"name": "housing"}, {"name": CHURN}]}
    assert [path for path in document["paths"] if CHURN in path] == [f"/models/{CHURN}", INVOCATIONS]


def test_who_may_ask_all_models_of_the_file_may_ask_none_that_was_launched(
    endpoints: PlayedEndpoints, register: PlayedRegister
) -> None:
    hidden, absent = ask(INVOCATIONS, "21", key="k2"), ask("/models/absent/invocations", "21", key="k2")

    assert ask("/models", key="k2")[1] == {"models": [{"name": "housing"}]}
    assert hidden == absent
    assert hidden[0] == 404
    assert register.asked == []


@pytest.mark.parametrize("path", [f"/models/{CHURN}", INVOCATIONS])
def test_a_model_that_was_terminated_is_as_one_that_never_was(
    endpoints: PlayedEndpoints, register: PlayedRegister, path: str
) -> None:
    body = "21" if path == INVOCATIONS else None
    before = ask(path, body)
    del register.there[CHURN]
    endpoints.now, endpoints.fault = "missing", NotInService("missing", "gone")

    after = [ask(path, body) for _ in range(2)]

    assert before[0] == 200
    assert after == [ask(path.replace("churn", "never"), body)] * 2
    assert after[0][0] == 404


def test_a_model_that_is_being_launched_is_there_and_not_in_service(endpoints: PlayedEndpoints) -> None:
    endpoints.fault = NotInService("creating", "status=400")

    status, problem, headers = ask(INVOCATIONS, "21")

    assert (status, problem["state"], headers["Retry-After"]) == (503, "creating", "30")


def test_where_sagemaker_does_not_say_whether_it_is_there_neither_does_the_api(
    endpoints: PlayedEndpoints, register: PlayedRegister
) -> None:
    register.fault = Throttled("slow down")

    status, problem, headers = ask(INVOCATIONS, "21")
    listed, document = ask("/models"), ask("/openapi.json")

    assert (status, headers["Retry-After"]) == (503, "5")
    assert problem["type"] == "urn:clary:problem:temporarily-unavailable"
    assert listed[:2] == (200, {"models": [{"name": "housing"}], "unseen": ["research"]})
    assert (document[0], document[1]["x-unseen"]) == (200, ["research"])
    assert ask("/models/housing/invocations", "21")[0] == 200


def test_measures_name_models_that_are_there_and_no_made_up_names(
    endpoints: PlayedEndpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(INVOCATIONS, "21")
    ask("/models/research--made-up/invocations", "21")

    there, made_up = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert there["Model"] == CHURN
    assert "Model" not in made_up


@pytest.mark.parametrize(
    ("scopes", "teams"),
    [
        ("launched/research", {"research"}),
        ("launched/research launched/risk launched/others", {"research", "risk"}),
        ("models/research", set()),
        ("models/housing", set()),
    ],
)
def test_a_token_is_for_the_teams_that_it_and_its_client_are_for(scopes: str, teams: set[str]) -> None:
    found = caller({"authorizer": {"claims": {"client_id": "a1", "scope": scopes}}}, CLIENTS)

    assert found.launched == teams
    assert found.sees(CHURN) == ("research" in teams)
    assert not found.sees("housing")


# --- SageMaker itself --------------------------------------------------------------------------------


@pytest.fixture
def sagemaker(service: Service) -> Iterator[SageMaker]:
    connections = [KeptConnection(Origin.of(service.url)) for _ in range(3)]
    runtime, control, features = connections
    yield SageMaker(
        runtime=runtime,
        control=control,
        features=features,
        region="eu-west-1",
        credentials=Credentials("id", "secret"),
    )
    for connection in connections:
        connection.close()


def page(what: str, *items: Mapping[str, str], **more: str) -> Any:
    return reply(200, {what: list(items), **more})


def test_endpoints_are_read_page_by_page_and_only_those_that_begin_so(
    sagemaker: SageMaker, service: Service
) -> None:
    one, other, last = (
        {"EndpointName": name, "EndpointArn": f"arn:{name}"}
        for name in (CHURN, "my-research--churn", "research--new")
    )
    service.on("ListEndpoints", page("Endpoints", one, other, NextToken="more"), page("Endpoints", last))

    found = EndpointRegister(sagemaker).endpoints("research--", Deadline(5))

    assert found == {CHURN: f"arn:{CHURN}", "research--new": "arn:research--new"}
    assert [json.loads(each.body) for each in service.received] == [
        {"NameContains": "research--", "MaxResults": 100},
        {"NameContains": "research--", "MaxResults": 100, "NextToken": "more"},
    ]


def test_tags_are_read_page_by_page(sagemaker: SageMaker, service: Service) -> None:
    one, other = {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}
    service.on("ListTags", page("Tags", one, NextToken="more"), page("Tags", other))

    assert EndpointRegister(sagemaker).tags("arn:x", Deadline(5)) == {"a": "1", "b": "2"}


def test_what_is_not_there_has_no_tags(sagemaker: SageMaker, service: Service) -> None:
    service.on("ListTags", reply(400, {"__type": "ValidationException", "message": "does not exist"}))

    assert EndpointRegister(sagemaker).tags("arn:x", Deadline(5)) == {}


@pytest.mark.parametrize("code", ["ThrottlingException", "ValidationException"])
def test_a_list_that_is_refused_is_no_empty_list(code: str, sagemaker: SageMaker, service: Service) -> None:
    one = {"EndpointName": CHURN, "EndpointArn": f"arn:{CHURN}"}
    refused = reply(400, {"__type": code, "message": "no"})
    service.on("ListEndpoints", page("Endpoints", one, NextToken="more"), refused)

    with pytest.raises(EndpointFault):
        EndpointRegister(sagemaker).endpoints("research--", Deadline(5))
