"""How requests are signed, and whether they are allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ministack.app as _app
from ministack.core import iam_actions as _iam_actions
from ministack.core import iam_evaluator as _iam_evaluator
from ministack.core import responses as _responses
from ministack.core import router as _router
from ministack.services import iam as _iam
from ministack.services import sts as _sts
from ministack.services.cloudformation import provisioners as _provisioners

from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.request import region
from local_aws.hooks.server import Response

PRIVATE_NAMES: PrivateNames = {
    "ministack.app": ("AUTH",),
    "ministack.core.iam_actions": (
        "SERVICE_TO_IAM_NAMESPACE",
        "access_denied_response",
        "identity_denial_message",
    ),
    "ministack.core.iam_evaluator": (
        "AuthError",
        "CredentialResolutionError",
        "EvalContext",
        "EvalResult",
        "_resource_policy",
        "enforce",
        "evaluate",
        "evaluate_resource_policy",
        "evaluate_trust_policy",
        "parse_policy_document",
        "resolve_credential",
    ),
    "ministack.core.responses": ("_account_from_sts_session",),
    "ministack.core.router": ("extract_access_key_id",),
    "ministack.services.iam": ("_trust_policy_not_principal_error",),
    "ministack.services.sts": ("_sessions", "validate_policy_document"),
    "ministack.services.cloudformation.provisioners": ("_iam_policy_require_valid_document",),
}


def decide_by_resource_policy(
    policy: str | Mapping[str, Any],
    action: str,
    resource: str,
    *,
    principal: str = "*",
    service: str | None = None,
    source_ip: str = "127.0.0.1",
    context: Mapping[str, str] | None = None,
) -> str:
    """`Allow`, `Deny` or `ImplicitDeny`: what a resource's own policy says to a caller or a service of AWS.

    The names of `context` are condition keys in lower case.
    """
    asked = _iam_evaluator.EvalContext(principal, "Anonymous", "", action, resource, region())
    asked.source_ip = source_ip
    asked.service_context = dict(context or {})
    return str(_iam_evaluator.evaluate_resource_policy(policy, asked, service).decision)


def decide_by_policy(policy: Mapping[str, Any], action: str, resource: str) -> str:
    """`Allow`, `Deny` or `ImplicitDeny`: what a policy without principals says."""
    asked = _iam_evaluator.EvalContext("*", "Anonymous", "", action, resource, region())
    statements = _iam_evaluator.parse_policy_document(dict(policy))
    return str(_iam_evaluator.evaluate(asked, [statements]).decision)


Enforce = Callable[..., Any]
"""`enforce(access_key, action, service, region, resource_arn="*", service_context=None)`: None where the
request is allowed, or the refusal."""


def enforcing() -> bool:
    """Whether requests are authenticated and authorised."""
    return bool(_app.AUTH)


def replace_enforcement(wrapper: Callable[[Enforce], Enforce]) -> None:
    """Puts a function around ministack's authentication and authorisation of one action."""
    _iam_evaluator.enforce = wrapper(_iam_evaluator.enforce)


def name_actions(namespaces: Mapping[str, str]) -> None:
    """Lets requests to these services be authorised by their operations' names, in these namespaces."""
    _iam_actions.SERVICE_TO_IAM_NAMESPACE.update(namespaces)


def is_authentication_failure(refusal: Any) -> bool:
    """Whether a refusal is about who the caller is, and not about what they may do."""
    return isinstance(refusal, _iam_evaluator.AuthError)


def policy_refusal(principal_arn: str, *, explicit: bool, resource_policy_of: str = "") -> Any:
    """What `enforce` answers for somebody who may not; the resource whose own policy denies, if one does."""
    return _iam_evaluator.EvalResult(
        "Deny" if explicit else "ImplicitDeny",
        principal_arn=principal_arn,
        resource_policy_arn=resource_policy_of,
    )


def word_refusals(words: Callable[[str, str], str | None]) -> None:
    """Lets `words(service, action)` say why the refusal at hand was made; None leaves ministack's words."""
    respond = _iam_actions.access_denied_response
    usual = _iam_actions.identity_denial_message

    def response(service: str, action: str, *arguments: Any, **options: Any) -> Response:
        if not options.get("error_code"):
            options["message"] = words(service, action) or options.get("message", "")
        return respond(service, action, *arguments, **options)  # type: ignore[no-any-return]  # untyped

    def message(action: str, *arguments: Any) -> str:
        return words(action.partition(":")[0], action) or str(usual(action, *arguments))

    _iam_actions.access_denied_response = response
    _iam_actions.identity_denial_message = message


def replace_trust_evaluation(trusted: Callable[[Any, Any], bool]) -> None:
    """Lets `trusted(document, context)` decide who may assume a role; the context says who and what for."""

    def evaluate(document: Any, caller_arn: str, context: Any = None) -> bool:  # noqa: ARG001 - ministack's
        return trusted(document, context)

    _iam_evaluator.evaluate_trust_policy = evaluate


def replace_policy_validation(
    fault: Callable[[Any], str | None], trust_fault: Callable[[Any], str | None]
) -> None:
    """Lets these say what is wrong with a policy of a template or a session, and with a trust policy."""

    def require_valid(properties: Mapping[str, Any]) -> None:
        wrong = fault(properties.get("PolicyDocument", {}))
        if wrong:
            raise ValueError(wrong)

    _provisioners._iam_policy_require_valid_document = require_valid
    _sts.validate_policy_document = fault
    _iam._trust_policy_not_principal_error = trust_fault


def wrap_resource_policy_evaluation(prepare: Callable[[Any, Any], Any]) -> None:
    """Lets `prepare(document, context)` write a resource's policy in words that ministack understands."""
    usual = _iam_evaluator.evaluate_resource_policy

    def evaluate(document: Any, context: Any, *arguments: Any, **options: Any) -> Any:
        return usual(prepare(document, context), context, *arguments, **options)

    _iam_evaluator.evaluate_resource_policy = evaluate


def access_key_of(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> str:
    """The access key that a request is signed with, as it says; empty where it is not signed."""
    return str(_router.extract_access_key_id(headers, query))


def credential(access_key: str, account: str) -> Any:
    """Whose key it is (`account_id`, `principal_arn`, `principal_id`, `principal_type`, `principal_name`);
    None for a key that nobody has, or has any more."""
    owner = _responses._account_from_sts_session(access_key) or account
    found = _iam_evaluator.resolve_credential(access_key, owner)
    return None if isinstance(found, _iam_evaluator.CredentialResolutionError) else found


def session(access_key: str) -> dict[str, Any]:
    """What is known of temporary credentials; empty for others."""
    found: dict[str, Any] = _sts._sessions.get(access_key) or {}
    return found


def resource_policy_of(service: str, arn: str) -> tuple[Any, str] | None:
    """The policy of a resource, and its account; None for a resource that has none by its nature."""
    found: tuple[Any, str] | None = _iam_evaluator._resource_policy(service, arn)
    return found
