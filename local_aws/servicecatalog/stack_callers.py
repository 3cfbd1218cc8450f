"""On whose behalf a stack is made: a stack that launches products does it as its service role, or as whoever
asked for it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from local_aws import hooks
from local_aws.store import STORE

if TYPE_CHECKING:
    from local_aws.servicecatalog.access import Caller

_ROLES = "ServiceCatalog::StackServiceRole"
"""By stack name: "CloudFormation always uses this role for all future operations on the stack"."""
_OPERATIONS = ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet", "ExecuteChangeSet")

_operating: ContextVar[tuple[str, str] | None] = ContextVar("operating_on_stack", default=None)
"""The access key of whoever operates on the stack at hand, and the stack's name."""


def install() -> None:
    answer = hooks.server.service("cloudformation")

    async def remember_caller(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        asked = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        action, stack = _first(asked, "Action"), _first(asked, "StackName")
        if action in _OPERATIONS and stack:
            name = stack.split("/")[1] if stack.startswith("arn:") else stack
            _remember_role(action, name, _first(asked, "RoleARN"))
            # The stack's own task begins with a copy of this context.
            _operating.set((hooks.rights.access_key_of(headers, query), name))
        return await answer(method, path, headers, body, query)

    hooks.server.add_service("cloudformation", remember_caller)


def acting() -> Caller:
    """Who acts when the stack at hand makes a resource."""
    from local_aws.cloudformation.client import client
    from local_aws.servicecatalog.access import caller_of

    access_key, name = _operating.get() or (hooks.request.account_id(), "")
    role = STORE.get(_ROLES, (name,))
    if role is not None:
        answer = client("sts").assume_role(RoleArn=role["RoleArn"], RoleSessionName="AWSCloudFormation")
        access_key = answer["Credentials"]["AccessKeyId"]
    return caller_of(access_key)


def _remember_role(action: str, stack: str, role: str) -> None:
    if role or action == "CreateStack":
        STORE.remove(_ROLES, (stack,))
    if role:
        STORE.add(_ROLES, (stack,), {"RoleArn": role})


def _first(asked: dict[str, list[str]], name: str) -> str:
    return (asked.get(name) or [""])[0]
