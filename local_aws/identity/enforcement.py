"""Whether the caller of the request at hand may do what is asked: every service comes here.

ministack authenticates requests and says what they are about; what is allowed is decided here, by the
same rules that answer simulations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from local_aws import hooks
from local_aws.identity import context as keys
from local_aws.identity import encryption, passing
from local_aws.identity.decision import Decision, ResourcePolicy, decide
from local_aws.identity.policy import Request, Value, statements
from local_aws.identity.principals import Principal, of_key
from local_aws.identity.request import Arrived, arrived

_ALWAYS_ALLOWED = {"sts:GetCallerIdentity", "sts:GetSessionToken"}
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""

_DECIDED_BY_TRUST = {"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}
"""Decided with the trust policy of the role at hand, when STS has found it."""

_BUCKET_POLICY = {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}
"""What nobody can lock the root user out of
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html)."""

_ABOUT_STREAMS = {"logs:DeleteLogStream", "logs:GetLogEvents", "logs:PutLogEvents"}

_ABOUT_TABLES = {
    "glue:BatchCreatePartition",
    "glue:CreateTable",
    "glue:DeleteTable",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:UpdateTable",
}

_NAMESPACES = {
    "application-autoscaling": "application-autoscaling",
    "documentdb": "rds",
    "kinesisanalyticsv2": "kinesisanalytics",
    "servicequotas": "servicequotas",
}
"""Services whose actions ministack does not know, and that do not ask by themselves."""

_behalf: ContextVar[Callable[[], Principal | None] | None] = ContextVar("behalf", default=None)
"""Whose rights count in place of the caller's."""

_refusal: ContextVar[str | None] = ContextVar("refusal", default=None)
"""Why the request at hand was refused, in AWS's words."""


class AccessDenied(Exception):
    """The caller may not; the message is AWS's."""

    def __init__(self, principal: Principal, request: Request, decision: Decision) -> None:
        super().__init__(words(principal, request, decision))
        self.principal = principal
        self.request = request
        self.decision = decision


def authorize(action: str, resource: str, context: Mapping[str, Any] | None = None) -> None:
    """Raises `AccessDenied` unless the caller of the request at hand may do this.

    For services of our own, whose handlers know the resource's ARN and the condition keys, names as AWS
    writes them. Does nothing while IAM is not enforced, nor in work that no request has asked for. What is
    done on somebody's behalf takes their rights.
    """
    instead = _behalf.get()
    principal = caller() if instead is None else instead()
    if principal is not None:
        check(principal, action, resource, context or {}, request=arrived() if instead is None else None)


def act_for(whom: Callable[[], Principal | None] | None) -> None:
    """From here on, in this context, `authorize` asks what they may, and not whoever's request it is."""
    _behalf.set(whom)


def caller() -> Principal | None:
    """Who asks; None where a service asks by itself, or nobody enforces anything."""
    request = arrived()
    if request is None or not hooks.rights.enforcing() or _is_service(request):
        return None
    return of_key(request.access_key, hooks.request.account_id())


def _is_service(request: Arrived) -> bool:
    """Whether it is one of this server's own services: the root user who comes by the inside door."""
    return request.inside and request.access_key == hooks.request.account_id()


def check(
    principal: Principal,
    action: str,
    resource: str,
    context: Mapping[str, Any],
    *,
    request: Arrived | None = None,
) -> None:
    """Raises `AccessDenied` unless a principal may do this. The context's names are as AWS writes them;
    `request` is left out for what is not the very request that has arrived."""
    asked = question(principal, action, resource, context, request=request)
    decision = decide(
        principal.caller,
        asked,
        principal.policies(
            resource=_resource_policy(action, resource, principal), endpoint=keys.endpoint_policy(request)
        ),
    )
    if not decision.allowed:
        raise AccessDenied(principal, asked, decision)


def question(
    principal: Principal,
    action: str,
    resource: str,
    context: Mapping[str, Any],
    *,
    request: Arrived | None = None,
) -> Request:
    """What is asked, with all condition keys there are."""
    found: dict[str, Value] = {
        **keys.of_request(request or arrived(), resource, principal.caller.account, hooks.request.region()),
        **principal.keys,
    }
    if request is not None:
        found |= keys.of_action(action, request)
    found |= {name.lower(): _as_value(value) for name, value in context.items() if value is not None}
    return Request(action, resource, keys.Context(found, resource))


def _as_value(value: Any) -> Value:
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_text(item) for item in value]
    return _as_text(value)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _resource_policy(action: str, resource: str, principal: Principal) -> ResourcePolicy | None:
    service = action.partition(":")[0]
    if service == "kms":
        return encryption.key_policy(resource)
    if principal.caller.root and action in _BUCKET_POLICY:
        return None
    found = hooks.rights.resource_policy_of({"execute-api": "apigateway"}.get(service, service), resource)
    if found is None:
        return None
    document, account = found
    return ResourcePolicy(statements(document), account or principal.caller.account)


# --- words ------------------------------------------------------------------------------------------


def words(principal: Principal, request: Request, decision: Decision) -> str:
    """AWS's sentence, in the spelling of the service.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    service, _, name = request.action.partition(":")
    action, resource = request.action, request.resource
    if service == "sqs":
        action = f"{service}:{name.lower()}"
    elif service == "sns":
        action = f"SNS:{name}"
    elif service == "s3":
        resource = f'"{resource}"'
    elif service == "execute-api":
        account = principal.caller.account
        resource = resource.replace(f":{account}:", f":********{account[-4:]}:", 1)
    about = "" if request.resource == "*" else f" on resource: {resource}"
    sentence = (
        f"User: {principal.caller.arn} is not authorized to perform: {action}{about}"
        f" {decision.because(action)}"
    )
    return f"You are not authorized to perform this operation. {sentence}" if service == "ec2" else sentence


# --- ministack's requests ---------------------------------------------------------------------------


def install() -> None:
    hooks.rights.name_actions(_NAMESPACES)
    hooks.rights.replace_enforcement(_enforcing)
    hooks.rights.word_refusals(lambda _service, _action: _refusal.get())


def _enforcing(authenticate: hooks.rights.Enforce) -> hooks.rights.Enforce:
    """ministack's own decision is not asked for: it knows no variables, control policies or NotPrincipal."""

    def enforce(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        _refusal.set(None)
        refused = authenticate(access_key, action, service, region, resource_arn, service_context)
        if hooks.rights.is_authentication_failure(refused) or not access_key:
            return refused
        request = arrived()
        if action in _ALWAYS_ALLOWED | _DECIDED_BY_TRUST or request is None or _is_service(request):
            return None
        if action == "execute-api:Invoke" and _reaches_rest_api(resource_arn):
            return None  # the API's front asks, and answers with the API's own responses
        principal = of_key(access_key, hooks.request.account_id())
        if principal is None:
            return refused
        resource_arn = _with_its_stream(action, _with_its_path(resource_arn), request)
        resource_arn = _with_its_workgroup(action, resource_arn, request)
        try:
            for resource in _clusters(action, request) or _tables(action, request) or [resource_arn]:
                check(principal, action, resource, service_context or {}, request=request)
            for role, passed_to in passing.roles(action, request):
                check_passing(principal, role, passed_to)
            for key_action, key, key_context in encryption.uses(action, resource_arn, request):
                check(principal, key_action, key, key_context)
        except AccessDenied as denied:
            _refusal.set(str(denied))
            own_policy = denied.decision.explicit and denied.decision.kind == "resource-based policy"
            return hooks.rights.policy_refusal(
                principal.caller.arn,
                explicit=denied.decision.explicit,
                resource_policy_of=resource_arn if own_policy else "",
            )
        return None

    return enforce


def _with_its_path(resource: str) -> str:
    """IAM is asked about roles by their names alone; what they are known by has their path, too."""
    found = re.fullmatch(r"arn:aws:iam::(\d{12}):role/([^/]+)", resource)
    role = hooks.principals.iam_role(found[1], found[2]) if found else None
    return resource if role is None else str(role["Arn"])


def _with_its_stream(action: str, resource: str, request: Arrived) -> str:
    """Some actions are about a stream, of which ministack says the group.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
    """
    stream = request.parameters.get("logStreamName")
    if action not in _ABOUT_STREAMS or not stream or ":log-stream:" in resource:
        return resource
    return f"{resource.removesuffix(':*')}:log-stream:{stream}"


def _with_its_workgroup(action: str, resource: str, request: Arrived) -> str:
    """A query is its workgroup's, which only who began it has named.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
    """
    query = request.parameters.get("QueryExecutionId")
    group = (
        hooks.queries.workgroup_of(query) if action.startswith("athena:") and isinstance(query, str) else None
    )
    if group is None:
        return resource
    return f"arn:aws:athena:{hooks.request.place()}:workgroup/{group}"


def _clusters(action: str, request: Arrived) -> list[str]:
    """Some actions are about several clusters of EMR at once, or say in another way which one; that which
    makes one is about none yet. ministack says none of it.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticmapreduce.html
    """
    said = request.parameters
    if action == "elasticmapreduce:RunJobFlow":
        return ["*"]
    named = [said["ResourceId"]] if isinstance(said.get("ResourceId"), str) else said.get("JobFlowIds")
    if not action.startswith("elasticmapreduce:") or not isinstance(named, list):
        return []
    place = f"arn:aws:elasticmapreduce:{hooks.request.place()}"
    return [f"{place}:cluster/{name}" for name in named]


def _tables(action: str, request: Arrived) -> list[str]:
    """What is done with a table of Glue's takes its database and the catalog, too.

    https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    """
    said = request.parameters
    table = said.get("TableName") or said.get("Name") or (said.get("TableInput") or {}).get("Name")
    database = said.get("DatabaseName")
    if action not in _ABOUT_TABLES or not isinstance(database, str) or not isinstance(table, str):
        return []
    place = f"arn:aws:glue:{hooks.request.place()}"
    return [f"{place}:catalog", f"{place}:database/{database}", f"{place}:table/{database}/{table}"]


def _reaches_rest_api(resource: str) -> bool:
    api, stage, *_ = [*resource.rpartition(":")[2].split("/"), ""]
    return hooks.apis.stage_of(api, stage) is not None


def check_passing(principal: Principal, role: str, service: str) -> None:
    """Raises `AccessDenied` unless a principal may hand a role to a service.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    check(principal, "iam:PassRole", role, {"iam:PassedToService": service})
