"""CloudFormation with its caller's rights, or with its service role's.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from local_aws import hooks
from local_aws.identity import enforcement
from local_aws.identity.enforcement import AccessDenied
from local_aws.identity.permissions import Needed, needed
from local_aws.identity.principals import Principal, of_key, of_role
from local_aws.identity.request import arrived
from local_aws.identity.trust import trusts_service, unusable
from local_aws.store import STORE

_SERVICE = "cloudformation.amazonaws.com"
_SESSION = "AWSCloudFormation"
_STACK_ROLE = "CloudFormationStackRole"
"""Roles by stack, and by stack and change set: once given, a role stays with its stack."""

_READS_TEMPLATE = {"CreateStack", "UpdateStack", "CreateChangeSet"}
_DEPLOYS = {
    "ContinueUpdateRollback",
    "CreateStack",
    "DeleteStack",
    "ExecuteChangeSet",
    "RollbackStack",
    "UpdateStack",
}
_VIA = {
    "aws:CalledVia": ["cloudformation.amazonaws.com"],
    "aws:CalledViaFirst": "cloudformation.amazonaws.com",
    "aws:CalledViaLast": "cloudformation.amazonaws.com",
    "aws:ViaAWSService": "true",
}


@dataclass(frozen=True)
class _Deployer:
    """Looked up for each resource: rights that are taken away are gone in the middle of a deployment."""

    role_arn: str | None
    access_key: str

    def principal(self) -> Principal | None:
        if self.role_arn is not None:
            return of_role(self.role_arn, _SESSION)
        return of_key(self.access_key, hooks.request.account_id())


_deployer: ContextVar[_Deployer | None] = ContextVar("deployer", default=None)


class NotDeployed(Exception):
    """Why a resource could not be made, in the words of AWS's resource handlers."""


def install() -> None:
    answer = hooks.server.service("cloudformation")

    async def answer_as_somebody(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        said = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        request = {name: values[0] for name, values in said.items() if values}
        refusal = _prepared(request.get("Action", ""), request)
        if refusal is not None:
            return _refused(refusal)
        response = await answer(method, path, headers, body, query)
        return _with_roles(response) if request.get("Action") == "DescribeStacks" else response

    hooks.server.add_service("cloudformation", answer_as_somebody)
    hooks.resources.wrap_resource_lifecycle(_creating, _updating, _deleting)
    hooks.templates.wrap_dynamic_references(_looking_up)


def _prepared(action: str, request: Mapping[str, str]) -> str | None:
    """Puts in place who deploys; answers why it cannot be."""
    _deployer.set(None)
    enforcement.act_for(None)
    principal = enforcement.caller()
    at_hand = arrived()
    role = request.get("RoleARN")
    if role and action in _DEPLOYS | _READS_TEMPLATE and not trusts_service(role, _SERVICE):
        return f"Role {role} is invalid or cannot be assumed"
    if principal is not None and action in _READS_TEMPLATE and not _may_read(principal, request):
        return (
            "S3 error: Access Denied\nFor more information check"
            " http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
        )
    stack = _name(request.get("StackName", ""), "stack")
    change_set = _name(request.get("ChangeSetName", ""), "changeSet")
    if action == "CreateChangeSet":
        _remember((stack, change_set), role)
    elif action in _DEPLOYS:
        if action == "CreateStack":
            STORE.remove(_STACK_ROLE, (stack,))
        if action == "ExecuteChangeSet":
            # A change set's own ARN may stand for both names.
            known = [key for key, _ in STORE.all(_STACK_ROLE) if key[1:] == (change_set,)]
            stack = stack or (known[0][0] if known else "")
            role = _remembered((stack, change_set))
        _remember((stack,), role)
        role = role or _remembered((stack,))
        if role is not None or (principal is not None and at_hand is not None):
            deployer = _Deployer(role, at_hand.access_key if at_hand else "")
            _deployer.set(deployer)
            enforcement.act_for(deployer.principal)
    return None


def _remember(key: tuple[str, ...], role: str | None) -> None:
    if role:
        STORE.remove(_STACK_ROLE, key)
        STORE.add(_STACK_ROLE, key, {"RoleARN": role})


def _remembered(key: tuple[str, ...]) -> str | None:
    record = STORE.get(_STACK_ROLE, key)
    return record["RoleARN"] if record else None


def _name(identifier: str, kind: str) -> str:
    """`arn:aws:cloudformation:us-east-1:123456789012:stack/name/uuid` as `name`."""
    found = re.search(rf":{kind}/([^/]+)/", identifier)
    return found[1] if found else identifier


def _may_read(principal: Principal, request: Mapping[str, str]) -> bool:
    url = request.get("TemplateURL")
    if not url or hooks.templates.is_given_template(url):
        return True
    found = urlparse(url)
    host = re.match(r"(.+)\.s3[.-]", found.hostname or "")
    path = unquote(found.path).lstrip("/")
    try:
        resource = f"arn:aws:s3:::{host[1]}/{path}" if host else f"arn:aws:s3:::{path}"
        enforcement.check(principal, "s3:GetObject", resource, _VIA)
    except AccessDenied:
        return False
    return True


def _with_roles(response: hooks.server.Response) -> hooks.server.Response:
    """Tells of each stack which role it has."""
    status, headers, body = response

    def told(found: re.Match[bytes]) -> bytes:
        role = _remembered((found[1].decode(),))
        return found[0] + (f"<RoleARN>{role}</RoleARN>".encode() if role else b"")

    return status, headers, re.sub(rb"<StackName>([^<]+)</StackName>", told, body)


def _refused(message: str) -> hooks.server.Response:
    body = (
        '<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error>'
        f"<Type>Sender</Type><Code>ValidationError</Code><Message>{message}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return 400, {"Content-Type": "text/xml"}, body.encode()


# --- resources --------------------------------------------------------------------------------------


def _creating(kind: str, logical_id: str, properties: Mapping[str, Any], stack: str) -> None:
    name = hooks.resources.physical_name(stack, logical_id, 64)
    _ask(needed(kind, "create", properties, previous={}, physical_id=None, name=name), kind)
    _check_role(kind, properties)


def _updating(kind: str, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    _ask(needed(kind, "update", new, previous=old, physical_id=physical_id, name=physical_id), kind)
    _check_role(kind, new)


def _deleting(kind: str, physical_id: str, properties: Mapping[str, Any]) -> None:
    _ask(needed(kind, "delete", properties, previous={}, physical_id=physical_id, name=physical_id), kind)


def _looking_up(service: str, what: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html"""
    where = hooks.request.place()
    if service.startswith("ssm"):
        name = what.partition(":")[0].lstrip("/")
        wanted = Needed("ssm:GetParameters", f"arn:aws:ssm:{where}:parameter/{name}")
    else:
        known = what if what.startswith("arn:") else f"arn:aws:secretsmanager:{where}:secret:{what}"
        wanted = Needed("secretsmanager:GetSecretValue", ":".join(known.split(":")[:7]))
    _ask([wanted], "AWS::CloudFormation::DynamicReference")


_ROLE_OF = {
    "AWS::Lambda::Function": ("lambda", "Role"),
    "AWS::StepFunctions::StateMachine": ("states", "RoleArn"),
}


def _check_role(kind: str, properties: Mapping[str, Any]) -> None:
    """Raises `NotDeployed` for a role that the service of its resource cannot assume."""
    service, member = _ROLE_OF.get(kind, ("", ""))
    message = unusable(service, str(properties.get(member, "")))
    if message is not None:
        raise _failed(kind, message, 400, "InvalidRequest")


def _ask(wanted: Any, kind: str) -> None:
    """Raises `NotDeployed` unless whoever deploys may do all of this."""
    deployer = _deployer.get()
    if deployer is None:
        return
    principal = deployer.principal()
    if principal is None:
        raise NotDeployed(f"Role {deployer.role_arn} is invalid or cannot be assumed")
    one: Needed
    for one in wanted:
        try:
            enforcement.check(principal, one.action, one.resource, {**one.context, **_VIA})
        except AccessDenied as denied:
            raise _failed(kind, str(denied), 403, "AccessDenied") from denied


def _failed(kind: str, message: str, status: int, code: str) -> NotDeployed:
    service = kind.split("::")[1] if kind.startswith("AWS::") else "CloudFormation"
    told = f"{message} (Service: {service}, Status Code: {status}, Request ID: {uuid.uuid4()})"
    where = f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})"
    return NotDeployed(f'Resource handler returned message: "{told}" {where}')
