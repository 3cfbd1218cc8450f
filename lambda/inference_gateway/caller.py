"""Who asks, as API Gateway found out, and which models there are for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from inference_gateway.client import Client, Clients
from inference_gateway.problem import FORBIDDEN, Problem
from inference_gateway.quota import Quota

SCOPES_OF = "models/"
"""What the scope of a model begins with: the identifier of the user pool's resource server."""
LAUNCHED_BY = "launched/"
"""What the scope of a team's launched models begins with."""
BETWEEN = "--"
"""Stands between the team and the name of a model that somebody has launched, and in no other model's."""


class Caller(NamedTuple):
    """`identity` stays the same from one request to the next: what somebody has made is theirs by it."""

    identity: str
    models: frozenset[str] | None = None
    """Those that the caller may know of; None for all."""
    quotas: Mapping[str, Quota] = {}
    """By model: its client's, whoever it is that calls for that."""
    launched: frozenset[str] | None = None
    """The teams whose launched models the caller may know of; None for all. They are none of `models`."""

    def sees(self, model: str) -> bool:
        team, between, _ = model.partition(BETWEEN)
        if between:
            return self.launched is None or team in self.launched
        return self.models is None or model in self.models


def caller(context: Mapping[object, object], clients: Clients | None = None) -> Caller:
    """Of `requestContext`: the principal that has signed, whom a token was given to, or the API key.

    Without `clients`, everybody who comes through API Gateway is one, and may ask all models. With them,
    others are refused, though API Gateway let them in: a token outlives the client that it was given to.
    The key of a signed request, or of one with a token, has to be the same client's.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    identity = _mapping(context.get("identity"))
    claims = _mapping(_mapping(context.get("authorizer")).get("claims"))
    principal, key = _text(identity.get("userArn")), _text(identity.get("apiKeyId"))
    if claims:
        found = _token_bearer(claims, clients)
    elif principal:
        found = _signer(principal, clients)
    elif key:
        found = f"key {key}", clients and clients.of_key(key)
    else:
        found = "anybody", None
    name, client = found
    if clients is None:
        return Caller(name)
    if client is None or (key and clients.of_key(key) != client):
        raise Problem(FORBIDDEN, "the caller is not one of this API's clients")
    models, launched = client.models, client.launched
    if claims:
        scopes = _text(claims.get("scope")).split()
        granted = _below(SCOPES_OF, scopes)
        models = granted if models is None else models & granted
        launched &= _below(LAUNCHED_BY, scopes)
    return Caller(name, models, client.quotas, launched)


def _below(server: str, scopes: Sequence[str]) -> frozenset[str]:
    return frozenset(scope[len(server) :] for scope in scopes if scope.startswith(server))


def _signer(principal: str, clients: Clients | None) -> tuple[str, Client | None]:
    """A role's sessions are one caller: `assumed-role/<role>/<session>` is a new one every hour."""
    if ":assumed-role/" in principal:
        principal = principal.rpartition("/")[0]
    return f"principal {principal}", clients and clients.of_principal(principal)


def _token_bearer(claims: Mapping[object, object], clients: Clients | None) -> tuple[str, Client | None]:
    """A person, who has to be in the group of the client that the token was given to; or a program."""
    app = _text(claims.get("client_id"))
    client = clients and clients.of_app(app)
    if client is None or not client.people:
        return f"app {app}", client
    # API Gateway hands lists over as text, and does not say which: commas or spaces, brackets or none.
    groups = _text(claims.get("cognito:groups")).strip("[]").replace(",", " ").split()
    return f"person {_text(claims.get('sub'))}", client if client.name in groups else None


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
