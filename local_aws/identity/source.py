"""The source identity of a session: who somebody is, whatever role they are in.

It is set once, by whoever assumes the first role, stays through all roles that are assumed from there, and
cannot be changed: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
"""

from __future__ import annotations

import re

from local_aws import hooks
from local_aws.identity.request import arrived

_KEY = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>|\"AccessKeyId\": ?\"(\w+)\"")


def install() -> None:
    answer = hooks.server.service("sts")

    async def with_source(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        response = await answer(method, path, headers, body, query)
        found = _KEY.search(response[2]) if response[0] == 200 else None
        identity = asked_for() or of_caller()
        if found and identity:
            hooks.rights.session((found[1] or found[2]).decode())["SourceIdentity"] = identity
        return response

    hooks.server.add_service("sts", with_source)


def asked_for() -> str | None:
    """What the request at hand wants a session to have, if it assumes a role."""
    request = arrived()
    if request is None or request.parameters.get("Action") != "AssumeRole":
        return None
    return request.parameters.get("SourceIdentity") or None


def of_caller() -> str | None:
    request = arrived()
    return of_session(request.access_key) if request is not None else None


def of_session(access_key: str) -> str | None:
    found = hooks.rights.session(access_key).get("SourceIdentity")
    return None if found is None else str(found)
