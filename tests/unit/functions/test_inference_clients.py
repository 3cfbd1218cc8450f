"""Who is who, and which models there are for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from inference_gateway import client
from inference_gateway.caller import Caller, caller
from inference_gateway.problem import Problem

ROLE = "arn:aws:iam::111122223333:role/jobs/nightly-batch"
SESSION = "arn:aws:sts::111122223333:assumed-role/nightly-batch/i-0a1b"
CLIENTS = client.parse(
    json.dumps(
        {
            "clients": {
                "shop": {"models": ["housing"]},
                "curious": {"models": []},
                "batch": {"models": ["housing", "churn"], "principal": ROLE},
                "partner": {"models": ["churn"], "principal": "arn:aws:iam::444455556666:root"},
                "ada": {"models": None, "principal": "arn:aws:iam::444455556666:user/staff/ada"},
                "planner": {"models": ["housing", "churn"]},
                "analysts": {"models": None, "people": True},
            },
            "own_resources": ["housing"],
        }
    ),
    json.dumps({"shop": "k1", "curious": "k2", "batch": "k3"}),
    json.dumps({"planner": "a1", "analysts": "a2"}),
)


def token(app: str, *models: str, **claims: Any) -> dict[str, Any]:
    scope = " ".join(["openid", *(f"models/{model}" for model in models)])
    return {"authorizer": {"claims": {"client_id": app, "scope": scope, **claims}}, "identity": {}}


def signed(arn: str, key: str | None = None) -> dict[str, Any]:
    return {"identity": {"userArn": arn, "apiKeyId": key}}


def with_key(key: str) -> dict[str, Any]:
    return {"identity": {"apiKeyId": key, "userArn": None}}


@pytest.mark.parametrize(
    ("context", "identity", "models"),
    [
        (with_key("k1"), "key k1", {"housing"}),
        (with_key("k2"), "key k2", set()),
        (signed(SESSION), "principal " + SESSION.rpartition("/")[0], {"housing", "churn"}),
        (signed(SESSION, "k3"), "principal " + SESSION.rpartition("/")[0], {"housing", "churn"}),
        (
            signed("arn:aws:sts::444455556666:assumed-role/any/one"),
            "principal arn:aws:sts::444455556666:assumed-role/any",
            {"churn"},
        ),
        (
            signed("arn:aws:iam::444455556666:user/staff/ada"),
            "principal arn:aws:iam::444455556666:user/staff/ada",
            None,
        ),
        (token("a1", "housing"), "app a1", {"housing"}),
        (token("a1", "housing", "prices"), "app a1", {"housing"}),
        (token("a2", "churn", sub="s1", **{"cognito:groups": "[analysts]"}), "person s1", {"churn"}),
        (token("a2", "churn", sub="s1", **{"cognito:groups": "staff,analysts"}), "person s1", {"churn"}),
    ],
)
def test_each_may_ask_what_is_listed(
    context: Mapping[str, Any], identity: str, models: set[str] | None
) -> None:
    found = caller(context, CLIENTS)

    assert found == Caller(identity, None if models is None else frozenset(models), launched=frozenset())


@pytest.mark.parametrize(
    "context",
    [
        with_key("k9"),
        {"identity": {}},
        {},
        signed("arn:aws:sts::111122223333:assumed-role/another/i-0a1b"),
        signed("arn:aws:sts::999900001111:assumed-role/nightly-batch/i-0a1b"),
        signed("arn:aws:iam::111122223333:user/nightly-batch"),
        signed(SESSION, "k1"),
        token("a9", "housing"),
        token("a2", "churn", sub="s1"),
        token("a2", "churn", sub="s1", **{"cognito:groups": "[analysts-of-others]"}),
        {**token("a1", "housing"), "identity": {"apiKeyId": "k1"}},
        {"authorizer": {"claims": {"client_id": ["a1"], "scope": "models/housing"}}},
    ],
    ids=[
        "a key of nobody", "nobody", "nothing", "another role", "another account", "a user of a role's name",
        "somebody else's key", "an app of nobody", "in no group", "in another group", "an app with a key",
        "an app that is no text",
    ],
)  # fmt: skip
def test_who_is_no_client_is_refused(context: Mapping[str, Any]) -> None:
    with pytest.raises(Problem) as problem:
        caller(context, CLIENTS)

    assert (problem.value.kind.name, problem.value.kind.status) == ("forbidden", 403)


def test_without_clients_everybody_who_comes_may_ask_all() -> None:
    assert caller(signed(SESSION)).models is None


def test_a_scope_of_another_server_is_for_no_model() -> None:
    context = {"authorizer": {"claims": {"client_id": "a1", "scope": "housing others/housing modelshousing"}}}

    assert caller(context, CLIENTS).models == frozenset()


def test_knows_which_models_are_asked_elsewhere() -> None:
    assert CLIENTS.own_resources == {"housing"}


@pytest.mark.parametrize(
    ("described", "keys"),
    [("{", "{}"), ('{"clients": {"shop": {}}}', "{}"), ('{"clients": {}}', '{"shop": "k1"}')],
    ids=["no JSON", "no models", "a key of nobody"],
)
def test_what_is_broken_is_not_taken_for_no_clients(described: str, keys: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        client.parse(described, keys, "{}")
