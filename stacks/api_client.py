"""The file's clients, as the constructs know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aws_cdk import aws_iam as iam

from clary.environment.catalog import teams_with_routes
from clary.environment.gateway import Client
from clary.environment.model import Environment
from clary_constructs import ApiClient, ApiLimit, ApiQuota

Authorization = Literal["api-key", "iam", "cognito"]


def clients_of(environment: Environment) -> Mapping[Authorization, Mapping[str, ApiClient]]:
    """By the way that they are let in."""
    ways: dict[Authorization, dict[str, ApiClient]] = {"api-key": {}, "iam": {}, "cognito": {}}
    for name, client in environment.api.clients.items():
        ways[client.authorization][name] = _client(client)
    return ways


def limited_models(environment: Environment) -> list[str]:
    """Those that some client may ask only so often."""
    limited = {model for client in environment.api.clients.values() for model in client.rated_models}
    return [model for model in environment.models if model in limited]


def models_with_scopes(environment: Environment) -> list[str]:
    """Those that somebody gets tokens for."""
    with_tokens = [client for client in environment.api.clients.values() if client.authorization == "cognito"]
    return [model for model in environment.models if any(client.may_ask(model) for client in with_tokens)]


def teams_with_scopes(environment: Environment) -> list[str]:
    """Those for whose launched models somebody gets tokens."""
    with_tokens = [client for client in environment.api.clients.values() if client.authorization == "cognito"]
    return [
        team
        for team in teams_with_routes(environment.catalog)
        if any(team in client.launched for client in with_tokens)
    ]


def _client(client: Client) -> ApiClient:
    return ApiClient(
        requests_per_second=client.requests_per_second,
        burst=client.burst,
        principal=None if client.principal is None else iam.ArnPrincipal(client.principal),
        models=None if client.may_ask_all else client.models,
        launched=client.launched,
        return_to=() if client.sign_in is None else client.sign_in.return_to,
        quota=None if client.quota is None else ApiQuota(client.quota.requests, client.quota.per),
        limits={
            model: ApiLimit(limit.requests_per_second, limit.burst)
            for model, limit in client.limits.items()
            if limit.requests_per_second is not None and limit.burst is not None
        },
        model_quotas={
            model: ApiQuota(limit.quota.requests, limit.quota.per)
            for model, limit in client.limits.items()
            if limit.quota is not None
        },
    )
