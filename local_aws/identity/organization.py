"""Organizations: the service control policies that hold for an account.

AWS spares the account that manages an organization. Here an account that was not invited by another one
manages its own, and there would be nobody to try a policy on: its policies hold for it, too, but for what
it asks Organizations itself.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from local_aws import hooks
from local_aws.identity.decision import Document
from local_aws.identity.policy import Value, statements

_CREATE = "AWSOrganizationsV20161128.CreateOrganization"


def controls(account: str) -> Sequence[Document]:
    """For the root, each unit and the account, from the outside in, what is attached: each has to allow."""
    found = hooks.principals.organization_of(account)
    if found is None:
        return ()
    attached = found[1]["policies"]
    return tuple(
        tuple(statement for name, content in attached[target] for statement in statements(content, name))
        for target in found[1]["targets"]
        if target in attached
    )


def identity(account: str) -> tuple[Value, Value] | None:
    """`aws:PrincipalOrgID` and `aws:PrincipalOrgPaths`; None for an account without an organization."""
    found = hooks.principals.organization_of(account)
    if found is None:
        return None
    path = "/".join([found[1]["id"], *found[1]["targets"][:-1], ""])
    return found[1]["id"], [path]


def install() -> None:
    """Answers CreateOrganization, which ministack does not know: it makes an organization at first sight."""
    answer = hooks.server.service("organizations")

    async def with_creation(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        if headers.get("x-amz-target") != _CREATE:
            return await answer(method, path, headers, body, query)
        if not hooks.principals.make_organization():
            return _refused()
        described = {**headers, "x-amz-target": _CREATE.replace("Create", "Describe")}
        return await answer(method, path, described, b"{}", query)

    hooks.server.add_service("organizations", with_creation)


def _refused() -> hooks.server.Response:
    code = "AlreadyInOrganizationException"
    body = {"__type": code, "Message": "The AWS account is already a member of an organization."}
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
    return 400, headers, json.dumps(body).encode()
