"""Who asks, as API Gateway found out, and which models there are for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Caller(NamedTuple):
    """`identity` stays the same from one request to the next: what somebody has made is theirs by it."""

    identity: str
    models: frozenset[str] | None = None
    """Those that the caller may know of; None for all."""

    def sees(self, model: str) -> bool:
        return self.models is None or model in self.models


def caller(identity: Mapping[object, object]) -> Caller:
    """Of `requestContext.identity`: the principal that has signed, or the API key.

    A role's sessions are one caller: `assumed-role/<role>/<session>` is a new one every hour.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """
    principal, key = identity.get("userArn"), identity.get("apiKeyId")
    if isinstance(principal, str) and principal:
        if ":assumed-role/" in principal:
            principal = principal.rpartition("/")[0]
        return Caller(f"principal {principal}")
    if isinstance(key, str) and key:
        return Caller(f"key {key}")
    return Caller("anybody")
