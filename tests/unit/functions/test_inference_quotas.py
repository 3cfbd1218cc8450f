"""How much one client may ask one model in all: what is counted, when it ends, and what if it cannot be."""

from __future__ import annotations

import datetime
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_gateway import catalogue, client
from inference_gateway import handler as module
from inference_gateway.caller import caller
from inference_gateway.catalogue import Lookup
from inference_gateway.counter import TableCounter
from inference_gateway.gateway import Gateway
from inference_gateway.handler import handler
from inference_gateway.ports import (
    AnswerFailed,
    EndpointFault,
    FeaturesUnavailable,
    Known,
    ModelFailed,
    ModelRefused,
    NotCounted,
    NotInService,
    Prediction,
    QuotaUsedUp,
    State,
    TargetMissing,
    Throttled,
    TooSlow,
    Unavailable,
)
from inference_gateway.quota import PERIODS, Meter, Per, Quota
from runtime_common.connection import KeptConnection, Origin
from runtime_common.deadline import Deadline
from runtime_common.signature_v4 import Credentials
from support.played_counter import PlayedCounter
from support.scripted_service import Behaviour, Context, Service, drip, event, hang_up, raw, reply

UTC = datetime.UTC
SUNDAY = 6
CLIENTS = json.dumps(
    {
        "clients": {
            "shop": {
                "models": None,
                "quotas": {name: {"requests": 3, "per": "day"} for name in ("housing", "known")},
            },
            "kiosk": {"models": None, "quotas": {"housing": {"requests": 3, "per": "day"}}},
            "free": {"models": None},
        }
    }
)
KEYS = json.dumps({"shop": "k1", "kiosk": "k2", "free": "k3"})
LOOKUP = {
    "group": "research--dev-patients",
    "identifier": "patient",
    "key_type": "string",
    "member": "patient",
    "column": 1,
    "features": {"bmi": "fractional"},
}
MODELS = catalogue.parse(
    json.dumps(
        {"known": {"endpoint": "known", "content_types": ["text/csv"], "features": LOOKUP}}
        | {
            name: {"endpoint": name, "content_types": ["text/csv"], "targets": name == "many"}
            for name in ("housing", "prices", "many")
        }
    )
)


class PlayedEndpoints:
    def __init__(self) -> None:
        self.asked = 0
        self.fault: EndpointFault | None = None

    def invoke(self, _endpoint: str, **_request: Any) -> Prediction:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return Prediction("text/csv", b"1")

    def state(self, _endpoint: str, *, deadline: Deadline) -> State:
        return "in-service"


class PlayedFeatures:
    """The port `Features`: p1 is known, and p2 is not."""

    def __init__(self) -> None:
        self.broken = False

    def known(self, _lookup: Lookup, keys: Sequence[str], _deadline: Deadline) -> Mapping[str, Known]:
        if self.broken:
            raise FeaturesUnavailable("down")
        return {key: {"bmi": "21.5"} for key in keys if key == "p1"}


class Front:
    """The function, with models and a counter that are played."""

    def __init__(self) -> None:
        self.endpoints = PlayedEndpoints()
        self.counter = PlayedCounter()
        self.features = PlayedFeatures()
        self.now = 1_800_000_000.0

    def gateway(self) -> Gateway:
        meter = Meter(lambda: self.counter, lambda: self.now)
        return Gateway(MODELS, self.endpoints, self.desks, meter, lambda: self.features)

    def desks(self) -> Any:
        raise AssertionError("these models answer at once")

    def ask(self, key: str = "k1", model: str = "housing", **changes: Any) -> tuple[int, dict[str, Any]]:
        context = {"requestId": "request-1", "identity": {"apiKeyId": key}}
        answer: Any = handler(
            event(f"/models/{model}/invocations", requestContext=context, **changes), Context()
        )
        self.headers = answer["headers"]
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    front = Front()
    monkeypatch.setattr(module, "_gateway", front.gateway)
    clients = client.parse(CLIENTS, KEYS, "{}")
    monkeypatch.setattr(module, "_clients", lambda: clients)
    return front


# --- periods ------------------------------------------------------------------------------------------


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("per", "now", "began", "ends"),
    [
        ("day", "2026-03-01T00:00:00", "2026-03-01", "2026-03-02"),
        ("day", "2024-02-29T23:59:59.9", "2024-02-29", "2024-03-01"),
        ("week", "2026-11-20T10:00:00", "2026-11-15", "2026-11-22"),
        ("week", "2026-11-22T00:00:00", "2026-11-22", "2026-11-29"),
        ("month", "2026-02-10T12:00:00", "2026-02-01", "2026-03-01"),
        ("month", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
    ],
)
def test_a_period_is_the_calendars_in_utc(per: Per, now: str, began: str, ends: str) -> None:
    assert Quota("shop", "housing", 1, per).period(at(now)) == (at(began), at(ends))


@settings(deadline=None)
@given(st.sampled_from(PERIODS), st.floats(0, 4_000_000_000))
def test_periods_follow_on_each_other(per: Per, now: float) -> None:
    quota = Quota("shop", "housing", 1, per)

    began, ends = quota.period(now)

    first = datetime.datetime.fromtimestamp(began, UTC)
    assert began <= now < ends
    assert quota.period(ends)[0] == ends
    assert quota.period(began) == (began, ends)
    assert {"day": True, "week": first.weekday() == SUNDAY, "month": first.day == 1}[per]


# --- what is counted ----------------------------------------------------------------------------------


def test_a_quota_ends_and_says_until_when(front: Front) -> None:
    statuses = [front.ask()[0] for _ in range(4)]
    _, problem = front.ask()

    assert statuses == [200, 200, 200, 429]
    assert (problem["type"], problem["quota"]) == (
        "urn:clary:problem:quota-used-up",
        {"requests": 3, "per": "day"},
    )
    assert front.headers["Retry-After"] == str(86400 - 1_800_000_000 % 86400 + 1)
    assert front.endpoints.asked == 3


def test_a_new_period_begins_with_nothing(front: Front) -> None:
    for _ in range(4):
        front.ask()
    front.now += 86400

    assert front.ask()[0] == 200


def test_a_quota_is_one_clients_and_one_models(front: Front) -> None:
    for _ in range(4):
        front.ask("k1")

    assert [front.ask("k2")[0], front.ask("k3")[0], front.ask("k1", "prices")[0]] == [200, 200, 200]


def test_who_has_no_quota_costs_no_count(front: Front) -> None:
    front.ask("k3")
    front.ask("k1", "prices")

    assert front.counter.calls == 0


def test_a_count_stays_a_week_longer_than_its_period(front: Front) -> None:
    front.ask()

    (expires,) = front.counter.expiries.values()
    assert expires == (1_800_000_000 // 86400 + 1 + 7) * 86400


@pytest.mark.parametrize(
    "refused",
    [{"body": ""}, {"content_type": "image/png"}, {"body": "x" * 5_000_000}, {"method": "GET"}],
)
def test_what_is_refused_before_the_model_costs_nothing(front: Front, refused: dict[str, Any]) -> None:
    assert 400 <= front.ask(**refused)[0] < 500
    assert front.counter.calls == 0


@pytest.mark.parametrize(
    "fault", [Throttled("t"), Unavailable("u"), NotInService("creating", "n"), TargetMissing("m")]
)
def test_what_the_model_has_not_seen_is_given_back(front: Front, fault: EndpointFault) -> None:
    front.endpoints.fault = fault

    statuses = {front.ask()[0] for _ in range(6)}

    assert 429 not in statuses or isinstance(fault, Throttled)
    assert front.endpoints.asked == 6
    assert front.counter.total == 0


@pytest.mark.parametrize(
    ("body", "broken", "status", "problem"),
    [("p2,1", False, 422, "unknown-key"), ("p1,1", True, 503, "features-unavailable")],
)
def test_features_that_are_not_there_are_given_back(
    front: Front, body: str, broken: bool, status: int, problem: str
) -> None:
    front.features.broken = broken

    answers = [front.ask(model="known", body=body) for _ in range(4)]

    assert {(given, said["type"]) for given, said in answers} == {(status, f"urn:clary:problem:{problem}")}
    assert front.endpoints.asked == front.counter.total == 0
    assert front.counter.calls == 8


@pytest.mark.parametrize("fault", [ModelRefused(400, "r"), ModelFailed("f"), TooSlow("s"), AnswerFailed("a")])
def test_what_the_model_may_have_seen_counts(front: Front, fault: EndpointFault) -> None:
    front.endpoints.fault = fault

    statuses = [front.ask()[0] for _ in range(4)]

    assert statuses[-1] == 429
    assert front.endpoints.asked == 3


def test_the_description_says_how_much(front: Front) -> None:
    context = {"identity": {"apiKeyId": "k1"}}
    described: Any = handler(event("/models/housing", None, method="GET", requestContext=context), Context())
    other: Any = handler(event("/models/prices", None, method="GET", requestContext=context), Context())

    assert json.loads(described["body"])["quota"] == {"requests": 3, "per": "day"}
    assert "quota" not in json.loads(other["body"])
    assert front.counter.calls == 0


# --- when it cannot be counted ------------------------------------------------------------------------


def test_what_cannot_be_counted_is_not_asked_and_shows_in_the_log(
    front: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    front.counter.broken = True

    status, problem = front.ask()

    line = json.loads(capsys.readouterr().out)
    assert (status, problem["type"]) == (503, "urn:clary:problem:not-counted")
    assert front.headers["Retry-After"] == "5"
    assert front.endpoints.asked == 0
    assert (line["problem"], line["level"]) == ("not-counted", "WARNING")


def test_what_cannot_be_given_back_is_told(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    class Sold(PlayedEndpoints):
        def invoke(self, _endpoint: str, **_request: Any) -> Prediction:
            front.counter.broken = True
            raise Throttled("busy")

    front.endpoints = Sold()

    status, _ = front.ask()

    assert status == 503
    assert "NotCounted: down, after Throttled: busy" in json.loads(capsys.readouterr().out)["reason"]


@pytest.mark.parametrize(
    "quota", [{"requests": "3", "per": "day"}, {"requests": 3, "per": "year"}, {"requests": 3}]
)
def test_a_broken_quota_is_not_taken_for_none(quota: dict[str, object]) -> None:
    described = json.dumps({"clients": {"shop": {"models": None, "quotas": {"housing": quota}}}})

    with pytest.raises((ValueError, TypeError)):
        client.parse(described, "{}", "{}")


def test_people_share_their_clients_quota() -> None:
    described = json.dumps(
        {
            "clients": {
                "analysts": {
                    "models": None,
                    "people": True,
                    "quotas": {"housing": {"requests": 3, "per": "week"}},
                }
            }
        }
    )
    clients = client.parse(described, "{}", json.dumps({"analysts": "a1"}))

    claims = {"client_id": "a1", "scope": "models/housing", "cognito:groups": "analysts"}
    ada, emmy = (
        caller({"authorizer": {"claims": {**claims, "sub": sub}}}, clients) for sub in ("ada", "emmy")
    )

    assert ada.identity != emmy.identity
    assert ada.quotas["housing"] == emmy.quotas["housing"] == Quota("analysts", "housing", 3, "week")


# --- the table ----------------------------------------------------------------------------------------

UPDATE = "DynamoDB_20120810.UpdateItem"
REFUSED = reply(
    400,
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
    },
)


@pytest.fixture
def counter(service: Service) -> Iterator[TableCounter]:
    service.on(UPDATE, reply(200, {}))
    connection = KeptConnection(Origin.of(service.url))
    yield TableCounter(
        connection,
        "counts",
        region="eu-west-1",
        credentials=Credentials("id", "secret", None),
        now=lambda: 0.0,
    )
    connection.close()


def test_counting_and_its_condition_are_one_step(counter: TableCounter, service: Service) -> None:
    assert counter.add("shop/housing/day/0", 5, 99, Deadline(10))

    (received,) = service.received
    assert json.loads(received.body) == {
        "TableName": "counts",
        "Key": {"id": {"S": "shop/housing/day/0"}},
        "UpdateExpression": "SET expires = :expires ADD spent :one",
        "ConditionExpression": "attribute_not_exists(spent) OR spent < :most",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":most": {"N": "5"}, ":expires": {"N": "99"}},
    }
    assert "/eu-west-1/dynamodb/aws4_request" in received.headers["authorization"]


def test_a_count_that_is_full_is_no_fault(counter: TableCounter, service: Service) -> None:
    service.on(UPDATE, REFUSED)

    assert not counter.add("shop/housing/day/0", 5, 99, Deadline(10))
    counter.take_back("shop/housing/day/0", Deadline(10))


@pytest.mark.parametrize(
    "behaviour",
    [
        reply(400, {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}),
        reply(400, {"__type": "AccessDeniedException"}),
        reply(500, b"<html>"),
        reply(400, b"[]"),
        hang_up,
        raw(b"nonsense\r\n\r\n"),
        reply(200, b"x" * 200_000),
    ],
    ids=["too much", "no right", "an error", "no object", "no answer", "no HTTP", "long"],
)
def test_anything_else_is_not_counted_and_not_sent_again(
    counter: TableCounter, service: Service, behaviour: Behaviour
) -> None:
    service.on(UPDATE, behaviour)

    with pytest.raises(NotCounted):
        counter.add("shop/housing/day/0", 5, 99, Deadline(60))
    assert service.operations() == [UPDATE]


def test_waits_no_longer_than_it_has_time(counter: TableCounter, service: Service) -> None:
    service.on(UPDATE, drip)

    with pytest.raises(NotCounted, match="TimeoutError"):
        counter.add("shop/housing/day/0", 5, 99, Deadline(1))


def test_a_table_that_is_not_reached_counts_nothing() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        nobody = KeptConnection(Origin.of(f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        credentials = Credentials("id", "secret", None)
        counter = TableCounter(nobody, "counts", region="eu-west-1", credentials=credentials)

        with pytest.raises(NotCounted):
            Meter(lambda: counter).spend(Quota("shop", "housing", 1, "day"), Deadline(60))


def test_a_meter_says_how_long_to_wait() -> None:
    meter = Meter(PlayedCounter, lambda: at("2026-12-31T23:59:58"))
    quota = Quota("shop", "housing", 0, "month")

    with pytest.raises(QuotaUsedUp) as refused:
        meter.spend(quota, Deadline(5))
    assert refused.value.seconds == 3
