"""Launched models as the command line sees them, and who of the file's clients asks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from clary.api_access import access
from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.launched import LaunchedModel, launched_models
from clary.prediction import predict

PORTFOLIO = {
    "principals": ["arn:aws:iam::111122223333:role/newcomers"],
    "products": {"model_endpoint": {"api": {"content_types": ["text/csv"]}}},
}
OURS = {"clary:environment": "dev", "clary:team": "research", "clary:owner": "service-catalog"}
ROUTED = OURS | {"clary:content-type": "text/csv"}


class SageMaker:
    """As boto3's client has it: endpoints by name, with their tags."""

    def __init__(self, there: Mapping[str, Mapping[str, str]]) -> None:
        self._there = there

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=getattr(self, operation))

    def list_endpoints(self, NameContains: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - boto3's name
        for name in self._there:
            if NameContains in name:
                yield {
                    "Endpoints": [{"EndpointName": name, "EndpointArn": name, "EndpointStatus": "Creating"}]
                }

    def list_tags(self, ResourceArn: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - boto3's name
        for key, value in self._there[ResourceArn].items():
            yield {"Tags": [{"Key": key, "Value": value}]}


def target(there: Mapping[str, Mapping[str, str]], **clients: Any) -> Any:
    environment = Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {}, "risk": {}},
            "catalog": {"portfolios": {"research": PORTFOLIO}},
            "api": {"clients": clients},
        }
    )
    return SimpleNamespace(environment=environment, client=lambda _service: SageMaker(there))


def test_those_with_the_tags_of_a_launch_and_of_a_route_are_told() -> None:
    found = launched_models(
        target(
            {
                "research--churn": ROUTED,
                "research--bare": OURS,
                "research--elsewhere": ROUTED | {"clary:environment": "prod"},
                "my-research--churn": ROUTED,
                "risk--default": ROUTED | {"clary:team": "risk"},
            }
        )
    )

    assert found == {"research--churn": LaunchedModel("text/csv", "Creating")}


def test_the_first_program_asks_that_may() -> None:
    of = target(
        {},
        all={"authorization": "api-key", "models": "all"},
        planner={"authorization": "cognito", "launched": ["research"]},
    )
    apis = {
        "api-key": {"url": "https://a", "api_keys": {"all": "k"}},
        "cognito": {"url": "https://b", "token_url": "https://t", "clients": {"planner": {"client_id": "c"}}},
    }

    found = access(of, apis, "research--churn", "invocations")

    assert found is not None
    assert (found["client"], found["scope"]) == ("planner", "launched/research")
    assert found["url"] == "https://b/models/research--churn/invocations"
    assert access(of, apis, "risk--default", "invocations") is None


def test_a_model_that_no_program_may_ask_is_not_asked() -> None:
    outputs: Any = {"api": {}, "models": {}, "launched": {"research--churn": {"access": None}}}

    with pytest.raises(ClaryError, match=r"list its team below .*, in one's 'launched'"):
        predict(target({}), outputs, "research--churn", b"1", None)
