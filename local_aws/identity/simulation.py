"""IAM's simulators, answered by the rules that requests are decided by.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from local_aws import hooks
from local_aws.identity import context as keys
from local_aws.identity.decision import Decision, Document, Policies, ResourcePolicy, decide
from local_aws.identity.policy import Caller, Request, Statement, Value, context_keys, statements
from local_aws.identity.principals import Principal, of_arn, of_user

_MEMBER = re.compile(r"(.+?)\.member\.(\d+)(?:\.(.+))?")
_PAGE = 100
_DECISIONS = {(True, False): "allowed", (False, True): "explicitDeny", (False, False): "implicitDeny"}
_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
_ALWAYS_THERE = ("aws:currenttime", "aws:epochtime", "aws:principalisawsservice", "aws:viaawsservice")


class _Invalid(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class _Simulated:
    """Whose policies are tried, and what is added to them."""

    caller: Caller
    policies: Policies
    keys: Mapping[str, Value]


def install() -> None:
    answer = hooks.server.service("iam")

    async def with_simulation(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        said = {**query, **parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}
        action = said.get("Action", [""])[0]
        if action not in ("SimulatePrincipalPolicy", "SimulateCustomPolicy"):
            return await answer(method, path, headers, body, query)
        try:
            return _answer(action, {name: values[0] for name, values in said.items()})
        except _Invalid as error:
            return _refused(error)

    hooks.server.add_service("iam", with_simulation)


def _answer(action: str, said: Mapping[str, str]) -> hooks.server.Response:
    simulated = _of_principal(said) if action == "SimulatePrincipalPolicy" else _of_documents(said)
    actions = _list(said, "ActionNames")
    if not actions:
        raise _Invalid("InvalidInput", "ActionNames must have at least one action")
    resources = _list(said, "ResourceArns") or ["*"]
    entries = _entries(said)
    results = []
    for name in actions:
        if not re.fullmatch(r"[\w-]+:\w+", name):
            raise _Invalid("InvalidInput", f"Invalid Action Name: {name}")
        found = [(resource, *_simulated(simulated, name, resource, said, entries)) for resource in resources]
        results += [_result(name, resource, decision, missing) for resource, decision, missing in found]
    start = int(said.get("Marker") or 0)
    size = int(said.get("MaxItems") or _PAGE)
    more = start + size < len(results)
    paging = f"<IsTruncated>{str(more).lower()}</IsTruncated>" + (
        f"<Marker>{start + size}</Marker>" if more else ""
    )
    page = "".join(f"<member>{result}</member>" for result in results[start : start + size])
    body = (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>'
        f"<EvaluationResults>{page}</EvaluationResults>{paging}"
        f"</{action}Result><ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    )
    return 200, {"Content-Type": "text/xml"}, body.encode()


def _of_principal(said: Mapping[str, str]) -> _Simulated:
    arn = said.get("PolicySourceArn", "")
    source = of_arn(arn)
    if source is None:
        raise _Invalid("NoSuchEntity", f"The source with ARN {arn} cannot be found.", 404)
    added = _documents(said, "PolicyInputList")
    principal = replace(source, identity=(*(source.identity or ()), *added))
    boundary = _documents(said, "PermissionsBoundaryPolicyInputList")
    if boundary:
        principal = replace(principal, boundary=boundary)
    caller = _caller(said) or (principal if principal.kind != "Group" else None)
    assert caller is not None
    return _Simulated(caller.caller, principal.policies(), caller.keys)


def _of_documents(said: Mapping[str, str]) -> _Simulated:
    policies = _documents(said, "PolicyInputList")
    if not policies:
        raise _Invalid("InvalidInput", "PolicyInputList must have at least one policy")
    account = hooks.request.account_id()
    principal = _caller(said)
    caller = principal.caller if principal else Caller((f"arn:aws:iam::{account}:user/simulated",), account)
    limits = _documents(said, "PermissionsBoundaryPolicyInputList")
    return _Simulated(
        caller, Policies(policies, boundary=limits or None), principal.keys if principal else {}
    )


def _caller(said: Mapping[str, str]) -> Principal | None:
    """The user that a resource's policy is to be tried with."""
    arn = said.get("CallerArn")
    if not arn:
        return None
    if not re.fullmatch(r"arn:aws:iam::\d{12}:user/.+", arn):
        raise _Invalid("InvalidInput", f"CallerArn must be the ARN of a user: {arn}")
    found = of_arn(arn)
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    return found or of_user(account, name)


def _simulated(
    simulated: _Simulated, action: str, resource: str, said: Mapping[str, str], entries: Mapping[str, Value]
) -> tuple[Decision, list[str]]:
    given = _given_resource_policy(simulated, said, resource)
    policies = replace(simulated.policies, resource=given)
    now = keys.of_request(None, resource, simulated.caller.account, hooks.request.region())
    known = {name: now[name] for name in _ALWAYS_THERE if name in now}
    context = keys.Context({**known, **simulated.keys, **entries}, resource)
    decision = decide(simulated.caller, Request(action, resource, context), policies)
    return decision, _missing(policies, context)


def _given_resource_policy(
    simulated: _Simulated, said: Mapping[str, str], resource: str
) -> ResourcePolicy | None:
    document = said.get("ResourcePolicy")
    if not document:
        return None
    found = _parsed(document, "ResourcePolicy")
    owner = said.get("ResourceOwner", "")
    account = owner.split(":")[4] if owner.startswith("arn:") else owner
    parts = resource.split(":")
    if not account and len(parts) > 5:
        account = parts[4]
    required = resource.startswith("arn:aws:kms:")
    return ResourcePolicy(found, account or simulated.caller.account, required=required)


def _missing(policies: Policies, context: keys.Context) -> list[str]:
    """The condition keys that policies ask for and nobody has given."""
    asked: set[str] = set()
    for document in _all(policies):
        asked |= context_keys(document)
    return sorted(key for key in asked if key.lower() not in context)


def _all(policies: Policies) -> Iterator[Document]:
    yield policies.identity or ()
    yield policies.boundary or ()
    yield from policies.controls
    if policies.resource is not None:
        yield policies.resource.document


def _result(action: str, resource: str, decision: Decision, missing: Sequence[str]) -> str:
    matched = "".join(f"<member>{_matched(statement)}</member>" for statement in decision.matched)
    absent = "".join(f"<member>{escape(key)}</member>" for key in missing)
    boundary = decision.kind == "permissions boundary"
    organizations = decision.kind == "service control policy"
    return (
        f"<EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
        f"<EvalDecision>{_DECISIONS[decision.allowed, decision.explicit]}</EvalDecision>"
        f"<MatchedStatements>{matched}</MatchedStatements>"
        f"<MissingContextValues>{absent}</MissingContextValues>"
        "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>"
        f"{str(not boundary).lower()}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
        "<OrganizationsDecisionDetail><AllowedByOrganizations>"
        f"{str(not organizations).lower()}</AllowedByOrganizations></OrganizationsDecisionDetail>"
    )


def _matched(statement: Statement) -> str:
    source = escape(statement.source)
    return f"<SourcePolicyId>{source}</SourcePolicyId><SourcePolicyType>IAM Policy</SourcePolicyType>"


# --- parameters -------------------------------------------------------------------------------------


def _list(said: Mapping[str, str], name: str) -> list[str]:
    found = {
        int(match[2]): value
        for key, value in said.items()
        if (match := _MEMBER.fullmatch(key)) and match[1] == name and match[3] is None
    }
    return [found[number] for number in sorted(found)]


def _documents(said: Mapping[str, str], name: str) -> tuple[Statement, ...]:
    return tuple(
        statement
        for number, document in enumerate(_list(said, name), 1)
        for statement in _parsed(document, f"{name}.{number}")
    )


def _parsed(document: str, source: str) -> tuple[Statement, ...]:
    found = statements(document, source)
    if not found:
        raise _Invalid("InvalidInput", f"The policy {source} is not a valid policy document.")
    return found


def _entries(said: Mapping[str, str]) -> dict[str, Value]:
    """`ContextEntries.member.1.ContextKeyName`, and its values; several where its type is a list."""
    names: dict[str, dict[str, Any]] = {}
    for key, value in said.items():
        match = re.fullmatch(r"ContextEntries\.member\.(\d+)\.(\w+)(?:\.member\.(\d+))?", key)
        if match:
            entry = names.setdefault(match[1], {"values": {}})
            if match[3]:
                entry["values"][int(match[3])] = value
            else:
                entry[match[2]] = value
    found: dict[str, Value] = {}
    for entry in names.values():
        values = [entry["values"][number] for number in sorted(entry["values"])]
        several = str(entry.get("ContextKeyType", "")).endswith("List")
        if values:
            found[str(entry.get("ContextKeyName", "")).lower()] = values if several else values[0]
    return found


def _refused(error: _Invalid) -> hooks.server.Response:
    body = (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{error.code}</Code>'
        f"<Message>{escape(str(error))}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return error.status, {"Content-Type": "text/xml"}, body.encode()
