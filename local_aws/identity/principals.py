"""Who somebody is, and which policies have a say about them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws import hooks
from local_aws.identity import organization
from local_aws.identity.decision import Document, Policies, ResourcePolicy
from local_aws.identity.policy import Caller, Statement, Value, statements
from local_aws.identity.source import of_session as source_of

_ALL = statements({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


@dataclass(frozen=True)
class Principal:
    caller: Caller
    kind: str
    """`aws:PrincipalType`: Account for the root user, AssumedRole, FederatedUser, User."""
    identity: Document | None
    boundary: Document | None = None
    session: Document | None = None
    keys: Mapping[str, Value] = field(default_factory=dict)
    """The condition keys that are about the principal, in small letters."""

    def policies(
        self, *, resource: ResourcePolicy | None = None, endpoint: Document | None = None
    ) -> Policies:
        return Policies(
            identity=self.identity,
            boundary=self.boundary,
            session=self.session,
            controls=organization.controls(self.caller.account),
            endpoint=endpoint,
            resource=resource,
        )


def of_key(access_key: str, account: str) -> Principal | None:
    """Whose key it is; None for one that nobody has."""
    credential = hooks.rights.credential(access_key, account)
    if credential is None:
        return None
    session = hooks.rights.session(access_key)
    arn, owner = str(credential.principal_arn), str(credential.account_id)
    own_keys: dict[str, Value] = {"aws:userid": str(credential.principal_id)}
    if session:
        own_keys["aws:multifactorauthpresent"] = "false"
        identity = source_of(access_key)
        if identity is not None:
            own_keys["aws:sourceidentity"] = identity
        if isinstance(session.get("IssuedAt"), int | float):
            issued = datetime.datetime.fromtimestamp(session["IssuedAt"], datetime.UTC)
            own_keys["aws:tokenissuetime"] = issued.strftime("%Y-%m-%dT%H:%M:%SZ")
    limits = _session_policies(session, owner)
    if credential.principal_type == "AssumedRole":
        role = hooks.principals.iam_role(owner, arn.split("/")[1])
        tags = session.get("SessionTags") or []
        return _of_role(owner, role, arn, session=limits, keys=own_keys, tags=tags)
    if credential.principal_type == "User":
        return of_user(owner, str(credential.principal_name), session=limits, keys=own_keys)
    if credential.principal_type == "FederatedUser":
        user = session.get("PrincipalName")
        source = of_user(owner, user) if user else None
        return Principal(
            Caller((arn,), owner),
            "FederatedUser",
            source.identity if source else _ALL,
            source.boundary if source else None,
            # Without a policy that is passed, such a session may do nothing.
            limits if limits is not None else (),
            {**_standard_keys(arn, owner, "FederatedUser"), **own_keys},
        )
    return root(owner)


def root(account: str) -> Principal:
    arn = f"arn:aws:iam::{account}:root"
    keys = {**_standard_keys(arn, account, "Account"), "aws:userid": account}
    return Principal(Caller((arn,), account), "Account", None, keys=keys)


def of_role(role_arn: str, session_name: str) -> Principal | None:
    """A session of a role; None where there is no such role."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    role = hooks.principals.iam_role(account, name)
    if role is None or role["Arn"] != role_arn:
        return None
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}"
    return _of_role(account, role, arn, keys={"aws:userid": f"{role['RoleId']}:{session_name}"})


def _of_role(
    account: str,
    role: Mapping[str, Any] | None,
    arn: str,
    *,
    session: Document | None = None,
    keys: Mapping[str, Value],
    tags: Iterable[Mapping[str, str]] = (),
) -> Principal:
    """A role that is gone has sessions that may do nothing."""
    role_arn = str(role["Arn"]) if role else f"arn:aws:iam::{account}:role/{arn.split('/')[1]}"
    role = role or {}
    return Principal(
        Caller((arn, role_arn), account),
        "AssumedRole",
        _documents(account, role.get("InlinePolicies") or {}, role.get("AttachedPolicies") or ()),
        _boundary(account, role),
        session,
        {
            **_standard_keys(role_arn, account, "AssumedRole"),
            **_tag_keys([*(role.get("Tags") or ()), *tags]),
            **keys,
        },
    )


def of_user(
    account: str,
    name: str,
    *,
    session: Document | None = None,
    keys: Mapping[str, Value] | None = None,
) -> Principal:
    user = hooks.principals.iam_user(account, name) or {}
    arn = str(user.get("Arn") or f"arn:aws:iam::{account}:user/{name}")
    identity = _documents(
        account, hooks.principals.iam_user_policies(account, name), user.get("AttachedPolicies") or ()
    )
    for group in hooks.principals.iam_groups_of(account, name):
        identity += _documents(account, group["InlinePolicies"], group.get("AttachedPolicies") or ())
    return Principal(
        Caller((arn,), account),
        "User",
        identity,
        _boundary(account, user),
        session,
        {
            **_standard_keys(arn, account, "User"),
            "aws:userid": str(user.get("UserId", "")),
            "aws:username": name,
            **_tag_keys(user.get("Tags") or ()),
            **(keys or {}),
        },
    )


def of_arn(arn: str) -> Principal | None:
    """The user, the role, or the session of a role that an ARN names; None where there is none.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html (PolicySourceArn)
    """
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return None
    account, (kind, _, path) = parts[4], parts[5].partition("/")
    name = path.rpartition("/")[2]
    if kind == "user" and hooks.principals.iam_user(account, name) is not None:
        return of_user(account, name)
    if kind == "role":
        found = of_role(arn, "simulated")
        return found and Principal(
            Caller(tuple(reversed(found.caller.arns)), account),
            found.kind,
            found.identity,
            found.boundary,
            keys=found.keys,
        )
    return None


def _standard_keys(arn: str, account: str, kind: str) -> dict[str, Value]:
    keys: dict[str, Value] = {
        "aws:principalarn": arn,
        "aws:principalaccount": account,
        "aws:principaltype": kind,
        "aws:principalisawsservice": "false",
    }
    organized = organization.identity(account)
    if organized is not None:
        keys["aws:principalorgid"], keys["aws:principalorgpaths"] = organized
    return keys


def _tag_keys(tags: Iterable[Mapping[str, str]]) -> dict[str, Value]:
    return {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in tags}


def _documents(account: str, inline: Mapping[str, Any], attached: Iterable[str]) -> tuple[Statement, ...]:
    found = [s for name, document in inline.items() for s in statements(document, name)]
    for arn in attached:
        found += statements(hooks.principals.iam_managed_policy(account, arn), arn.rpartition("/")[2])
    return tuple(found)


def _boundary(account: str, owner: Mapping[str, Any]) -> Document | None:
    arn = owner.get("PermissionsBoundary")
    if isinstance(arn, Mapping):
        arn = arn.get("PermissionsBoundaryArn")
    if not arn:
        return None
    return statements(hooks.principals.iam_managed_policy(account, arn), str(arn).rpartition("/")[2])


def _session_policies(session: Mapping[str, Any], account: str) -> Document | None:
    passed = session.get("SessionPolicies")
    if passed is None:
        return None
    found = list(statements(passed.get("Policy"), "SessionPolicy"))
    for arn in passed.get("PolicyArns") or ():
        found += statements(hooks.principals.iam_managed_policy(account, arn), arn.rpartition("/")[2])
    return tuple(found)
