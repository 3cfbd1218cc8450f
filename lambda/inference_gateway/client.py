"""The clients that the API was made for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from inference_gateway.quota import PERIODS, Per, Quota


class Client(NamedTuple):
    name: str
    models: frozenset[str] | None
    """Those that it may ask; None for all."""
    people: bool = False
    """Whether people sign in with it, of whom those in the group of its name are meant."""
    quotas: Mapping[str, Quota] = {}
    """How much it may ask single models in all."""
    launched: frozenset[str] = frozenset()
    """Teams whose launched models it may ask."""


class Clients(NamedTuple):
    """By what they are recognised by."""

    keys: Mapping[str, Client]
    apps: Mapping[str, Client]
    principals: Mapping[str, Client]
    own_resources: frozenset[str]
    """The models that have resources of their own in API Gateway, where their limits are kept."""

    def of_key(self, key: str) -> Client | None:
        return self.keys.get(key)

    def of_app(self, app: str) -> Client | None:
        return self.apps.get(app)

    def of_principal(self, principal: str) -> Client | None:
        """A client of its own, or its whole account."""
        return self.principals.get(principal) or self.principals.get(f"root of {_account(principal)}")


def parse(described: str, keys: str, apps: str) -> Clients:
    """`described`: `{"clients": {"shop": {"models": ["housing"], "launched": ["research"], "principal":
    "arn:…", "quotas": {"housing": {"requests": 5, "per": "day"}}}}, …}`; the others are ids by the clients'
    names, which are known only when they are made. ValueError, KeyError and TypeError for anything else:
    whoever deploys has to hear of it, and no request can be answered.
    """
    said = json.loads(described)
    clients = {
        name: Client(
            name,
            None if entry["models"] is None else frozenset(entry["models"]),
            entry.get("people") is True,
            {model: _quota(name, model, **quota) for model, quota in entry.get("quotas", {}).items()},
            frozenset(entry.get("launched", ())),
        )
        for name, entry in said["clients"].items()
    }
    return Clients(
        {key: clients[name] for name, key in json.loads(keys).items()},
        {app: clients[name] for name, app in json.loads(apps).items()},
        {
            _as_caller(entry["principal"]): clients[name]
            for name, entry in said["clients"].items()
            if entry.get("principal")
        },
        frozenset(said.get("own_resources", ())),
    )


def _quota(client: str, model: str, *, requests: int, per: Per) -> Quota:
    if type(requests) is not int or per not in PERIODS:
        raise ValueError(f"{client} may ask {model} {requests!r} times a {per!r}: that is no quota")
    return Quota(client, model, requests, per)


def _as_caller(principal: str) -> str:
    """A principal's ARN as it is told of somebody who calls, without a session's name.

    A role's path is not told, and its name is the only one in the account.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    place, _, resource = principal.rpartition(":")
    kind, _, name = resource.partition("/")
    if kind == "root":
        return f"root of {_account(principal)}"
    if kind != "role":
        return principal
    return f"{place.replace(':iam:', ':sts:')}:assumed-role/{name.rpartition('/')[2]}"


def _account(arn: str) -> str:
    return (arn.split(":") + [""] * 5)[4]
