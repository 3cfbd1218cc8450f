"""What IAM refuses to take for a policy, whether it enforces any or not.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from local_aws import hooks
from local_aws.identity.policy import OPERATORS

_SYNTAX = "Syntax errors in policy."
_VERSIONS = ("2008-10-17", "2012-10-17")
_ELEMENTS = {
    "Action",
    "Condition",
    "Effect",
    "NotAction",
    "NotPrincipal",
    "NotResource",
    "Principal",
    "Resource",
    "Sid",
}
_RESOURCE = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+|\$\{.*", re.DOTALL)
_PRINCIPAL = re.compile(
    r"\*|\d{12}|arn:[\w-]+:(iam::\d{12}:(root|user/.+|role/.+)|sts::\d{12}:(assumed-role|federated-user)/.+)"
    r"|A(ROA|IDA)\w+"
)
_PRINCIPAL_KINDS = {"AWS", "CanonicalUser", "Federated", "Service"}


_TAKES_POLICY = {
    "CreatePolicy",
    "CreatePolicyVersion",
    "PutGroupPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
}


def install() -> None:
    hooks.rights.replace_policy_validation(fault, trust_fault)
    answer = hooks.server.service("iam")

    async def with_grammar(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        said = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        if said.get("Action", [""])[0] in _TAKES_POLICY:
            wrong = fault(said.get("PolicyDocument", [""])[0])
            if wrong is not None:
                return _refused(wrong)
        return await answer(method, path, headers, body, query)

    hooks.server.add_service("iam", with_grammar)


def _refused(message: str) -> hooks.server.Response:
    body = (
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        f"<Code>MalformedPolicyDocument</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return 400, {"Content-Type": "text/xml"}, body.encode()


def fault(document: Any) -> str | None:
    """Why a document is no identity-based policy, in AWS's words; None for one that is."""
    found = _statements(document)
    if found is None:
        return _SYNTAX
    for statement in found:
        if "Principal" in statement or "NotPrincipal" in statement:
            return "Policy document should not specify a principal."
        if not statement.keys() & {"Resource", "NotResource"}:
            return "Policy statement must contain resources."
        wrong = _wrong_actions(statement) or _wrong_resources(statement)
        if wrong:
            return wrong
    return _repeated(found)


def trust_fault(document: Any) -> str | None:
    """Why a document is no trust policy."""
    found = _statements(document)
    if found is None:
        return _SYNTAX
    for statement in found:
        for prohibited in ("Resource", "NotResource"):
            if prohibited in statement:
                return f"Has prohibited field {prohibited}"
        if "NotPrincipal" in statement:
            allows = statement["Effect"] == "Allow"
            return (
                "Allow with NotPrincipal is not allowed."
                if allows
                else "AssumeRole policy must not contain NotPrincipal field."
            )
        if "Principal" not in statement:
            return "Missing required field Principal"
        wrong = _wrong_actions(statement)
        if wrong:
            return wrong
        if any(not action.lower().startswith("sts:") for action in _listed(statement.get("Action"))):
            return "AssumeRole policy may only specify STS AssumeRole actions."
        for kind, name in _principals(statement["Principal"]):
            if kind not in _PRINCIPAL_KINDS or (kind == "AWS" and not _PRINCIPAL.fullmatch(name)):
                return f'Invalid principal in policy: "{kind}":"{name}"'
    return _repeated(found)


def _statements(document: Any) -> list[Mapping[str, Any]] | None:
    """The statements, where the document has the form of a policy."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return None
    if not isinstance(document, Mapping) or not document.keys() <= {"Version", "Id", "Statement"}:
        return None
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        return None
    found = document.get("Statement")
    listed = [found] if isinstance(found, Mapping) else found
    if not isinstance(listed, list) or not listed or not all(_well_formed(item) for item in listed):
        return None
    return listed


def _well_formed(statement: Any) -> bool:
    if not isinstance(statement, Mapping) or not statement.keys() <= _ELEMENTS:
        return False
    if statement.get("Effect") not in ("Allow", "Deny"):
        return False
    if any({name, f"Not{name}"} <= statement.keys() for name in ("Action", "Resource", "Principal")):
        return False
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        value = statement.get(name, [])
        if not isinstance(value, str) and not (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
        ):
            return False
    return _well_formed_conditions(statement.get("Condition", {}))


def _well_formed_conditions(conditions: Any) -> bool:
    if not isinstance(conditions, Mapping):
        return False
    for operator, keys in conditions.items():
        quantifier, _, name = str(operator).rpartition(":")
        known = name == "Null" or name.removesuffix("IfExists") in OPERATORS
        if (
            not known
            or quantifier not in ("", "ForAllValues", "ForAnyValue")
            or not isinstance(keys, Mapping)
        ):
            return False
    return True


def _wrong_actions(statement: Mapping[str, Any]) -> str | None:
    actions = _listed(statement.get("Action", statement.get("NotAction")))
    if not actions:
        return "Policy statement must contain actions."
    for action in actions:
        if action != "*" and ":" not in action:
            return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
        if action.count(":") > 1:
            return "Actions/Condition can contain only one colon."
    return None


def _wrong_resources(statement: Mapping[str, Any]) -> str | None:
    resources = _listed(statement.get("Resource", statement.get("NotResource")))
    if not resources:
        return "Policy statement must contain resources."
    for resource in resources:
        if not _RESOURCE.fullmatch(resource):
            return f'Resource {resource} must be in ARN format or "*".'
    return None


def _repeated(found: list[Mapping[str, Any]]) -> str | None:
    names = [statement["Sid"] for statement in found if statement.get("Sid")]
    unique = len(names) == len(set(map(str, names)))
    return None if unique else "Statement IDs (SID) in a single policy must be unique."


def _principals(principal: Any) -> Iterator[tuple[str, str]]:
    if isinstance(principal, Mapping):
        for kind, names in principal.items():
            yield from ((str(kind), name) for name in _listed(names))
    else:
        yield "AWS", str(principal)


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(item) for item in value]
