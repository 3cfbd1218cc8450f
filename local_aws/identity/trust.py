"""Who may assume a role: its trust policy, together with the caller's own policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import hooks
from local_aws.identity import enforcement
from local_aws.identity.decision import ResourcePolicy, decide, trusted
from local_aws.identity.passing import ROLE
from local_aws.identity.policy import Caller, Request, Statement, Value, statements
from local_aws.identity.request import arrived
from local_aws.identity.source import asked_for, of_caller


def install() -> None:
    hooks.rights.replace_trust_evaluation(_may_assume)
    hooks.rights.wrap_resource_policy_evaluation(_readable)
    for service in ("lambda", "states"):
        hooks.server.add_service(service, _with_usable_roles(service, hooks.server.service(service)))


_UNUSABLE: Mapping[str, tuple[str, str, str]] = {
    "lambda": (
        "lambda.amazonaws.com",
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    "states": (
        "states.amazonaws.com",
        "AccessDeniedException",
        "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to"
        " assume the provided role.",
    ),
}
"""Services that refuse a role which does not trust them: as whom they assume it, and in which words."""

_GIVEN_ROLE = ("Role", "roleArn")


def unusable(service: str, role_arn: str) -> str | None:
    """Why a service does not take a role; None where it does, or does not look."""
    if service not in _UNUSABLE or not ROLE.fullmatch(role_arn):
        return None
    principal, _, message = _UNUSABLE[service]
    return None if trusts_service(role_arn, principal) else message


def _with_usable_roles(service: str, answer: hooks.server.ServiceHandler) -> hooks.server.ServiceHandler:
    async def checked(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        at_hand = arrived()
        makes = path.endswith(("/functions", "/functions/", "/configuration")) or "Machine" in headers.get(
            "x-amz-target", ""
        )
        given = at_hand.parameters if at_hand is not None and makes and method in ("POST", "PUT") else {}
        for member in _GIVEN_ROLE:
            message = unusable(service, str(given.get(member, "")))
            if message is not None:
                return _refused(_UNUSABLE[service][1], message)
        return await answer(method, path, headers, body, query)

    return checked


def _refused(code: str, message: str) -> hooks.server.Response:
    body = json.dumps({"__type": code, "Type": "User", "message": message, "Message": message})
    return 400, {"Content-Type": "application/json", "x-amzn-errortype": code}, body.encode()


def trusts_service(
    role_arn: str,
    service: str,
    context: Mapping[str, Value] | None = None,
    *,
    action: str = "sts:AssumeRole",
) -> bool:
    """Whether a role is there and lets a service assume it, or do something else with it."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    role = hooks.principals.iam_role(account, name)
    if role is None or role["Arn"] != role_arn:
        return False
    request = Request(action, role_arn, {**_service_keys(service, account), **(context or {})})
    document = statements(role.get("AssumeRolePolicyDocument"))
    return trusted(Caller((service,), account, service), request, document).allowed


def _service_keys(service: str, account: str) -> dict[str, Value]:
    """What a service says of the resource that it assumes a role for. Which one that is is not known here:
    a pattern that is about all of the service's resources in the account is met, a narrower one is not.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    name = service.removesuffix(".amazonaws.com")
    return {
        "aws:sourceaccount": account,
        "aws:sourcearn": f"arn:aws:{name}:{hooks.request.region()}:{account}:*",
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service,
    }


def _may_assume(document: Any, context: Any) -> bool:
    found = statements(document)
    request = _request(context)
    account = context.resource_arn.split(":")[4] if ":" in context.resource_arn else ""
    if context.action != "sts:AssumeRole" and context.action != "sts:TagSession":
        provider = Caller((context.principal_arn,), context.principal_account)
        return trusted(provider, request, found).allowed
    at_hand = arrived()
    principal = enforcement.caller()
    if principal is None:
        # One of this server's services, which has said what for by assuming: one that the role trusts.
        if at_hand is None or context.action == "sts:TagSession":
            return True
        actions = ["sts:AssumeRole", *(["sts:SetSourceIdentity"] if asked_for() else [])]
        return any(
            all(trusts_service(context.resource_arn, service, action=action) for action in actions)
            for service in _services(found)
        )
    trust = ResourcePolicy(found, account, required=True)
    identity = asked_for()
    if identity is not None and of_caller() not in (None, identity):
        return False
    said = {**request.context} if identity is None else {**request.context, "sts:sourceidentity": identity}
    actions = [context.action]
    if context.action == "sts:AssumeRole" and (identity or of_caller()) is not None:
        actions.append("sts:SetSourceIdentity")
    return all(
        decide(
            principal.caller,
            enforcement.question(principal, action, context.resource_arn, said, request=at_hand),
            principal.policies(resource=trust),
        ).allowed
        for action in actions
    )


def _request(context: Any) -> Request:
    """ministack's context in our words."""
    found: dict[str, Value] = {
        name: value for name, value in {**context.principal_keys, **context.service_context}.items() if value
    }
    found |= {f"aws:requesttag/{name.lower()}": value for name, value in context.request_tags.items()}
    if context.tag_keys:
        found["aws:tagkeys"] = list(context.tag_keys)
    return Request(context.action, context.resource_arn, found)


def _services(document: tuple[Statement, ...]) -> Iterator[str]:
    for statement in document:
        principal = statement.element.get("Principal")
        services = principal.get("Service", ()) if isinstance(principal, Mapping) else ()
        yield from [services] if isinstance(services, str) else services


def _readable(document: Any, context: Any) -> Any:
    """A resource's policy with `NotPrincipal` and variables written out, where ministack itself evaluates
    one: for requests without credentials, and for what services deliver."""
    found = statements(document)
    if not found:
        return document
    caller = Caller((context.principal_arn,), context.principal_account)
    return {"Version": "2012-10-17", "Statement": [dict(_written_out(s, caller)) for s in found]}


def _written_out(statement: Statement, caller: Caller) -> Mapping[str, Any]:
    element = statement.element
    if "NotPrincipal" not in element:
        return element
    about = "*" if statement.names(caller) else {"AWS": []}
    return {name: value for name, value in element.items() if name != "NotPrincipal"} | {"Principal": about}
