"""What API Gateway refuses while an API is made, and the operations that ministack does not have.

ministack's own control plane keeps what it is given. The refusals here are AWS's; CloudFormation's way to
the same records asks `refuse_stage` and `refuse_integration`, too.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws import hooks
from local_aws.apigateway import limits
from local_aws.errors import ServiceError


@dataclass(frozen=True)
class _Call:
    """The names in the path, the body, the query."""

    names: tuple[str, ...]
    data: Mapping[str, Any]
    query: Mapping[str, list[str]]


_LOG_DESTINATION = re.compile(
    r"arn:aws[\w-]*:(logs:[^:]*:\d{12}:log-group:.+"
    r"|firehose:[^:]*:\d{12}:deliverystream/amazon-apigateway-.+)"
)
_PARAMETER = re.compile(
    r"method\.request\.(header|querystring|path|multivalueheader|multivaluequerystring)\.[\w$.-]+"
)


def install() -> None:
    usual = hooks.server.service("apigateway")

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        for pattern, wanted, operation in _OPERATIONS:
            found = re.fullmatch(pattern, path)
            if found and method == wanted:
                try:
                    answer = operation(_Call(found.groups(), _json(body), query))
                except ServiceError as error:
                    return _answer(error.status, {"message": error.message}, error.code)
                if answer is not None:
                    return answer
        return await usual(method, path, headers, body, query)

    hooks.server.add_service("apigateway", handle)


def _answer(status: int, members: Mapping[str, Any], error: str | None = None) -> hooks.server.Response:
    headers = {"Content-Type": "application/json"} | ({"x-amzn-ErrorType": error} if error else {})
    return status, headers, json.dumps(members).encode()


def _json(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def refusal(message: str, *, status: int = 400) -> ServiceError:
    return ServiceError("BadRequestException" if status == 400 else "NotFoundException", message, status)


# --- stages -----------------------------------------------------------------------------------------


def refuse_stage(
    api_id: str, deployment_id: str | None, *, logs: bool, access_log: str | None = None
) -> None:
    """Raises what AWS says to a stage of that deployment; `logs`: whether it writes any."""
    deployments = hooks.apis.rest_api_deployments(api_id)
    if deployment_id is not None and deployment_id not in deployments:
        raise refusal("Deployment id does not exist")
    if logs and not hooks.apis.api_gateway_log_role():
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
        raise refusal("CloudWatch Logs role ARN must be set in account settings to enable logging")
    if access_log and not _LOG_DESTINATION.match(access_log):
        raise refusal(
            f"Invalid ARN specified in the request. ARN: {access_log}. Only Amazon CloudWatch Logs log "
            "groups and Amazon Data Firehose streams whose name begins with amazon-apigateway- are supported"
        )


def _create_stage(call: _Call) -> None:
    (api_id,) = call.names
    name = str(call.data.get("stageName") or "")
    if name and not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", name):
        raise refusal("Stage name only allows a-zA-Z0-9_-")
    if name in hooks.apis.stages_of(api_id):
        raise ServiceError("ConflictException", "Stage already exists", 409)
    if hooks.apis.rest_api_definition(api_id)["api"]:
        refuse_stage(api_id, str(call.data.get("deploymentId") or ""), logs=False)


def _update_stage(call: _Call) -> None:
    api_id, name = call.names
    if name not in hooks.apis.stages_of(api_id):
        return
    for patch in call.data.get("patchOperations") or ():
        path, value = str(patch.get("path")), str(patch.get("value", ""))
        adds = patch.get("op") in ("add", "replace")
        logging = adds and (
            (path.endswith("/logging/loglevel") and value.upper() != "OFF")
            or (path.startswith("/accessLogSettings/") and value != "")
        )
        refuse_stage(
            api_id,
            value if adds and path == "/deploymentId" else None,
            logs=logging,
            access_log=value if adds and path.endswith("/destinationArn") else None,
        )


def _delete_deployment(call: _Call) -> None:
    api_id, deployment_id = call.names
    if any(stage.get("deploymentId") == deployment_id for stage in hooks.apis.stages_of(api_id).values()):
        raise refusal("Active stages pointing to this deployment must be moved or deleted")


# --- methods, integrations, authorisers -------------------------------------------------------------


def refuse_integration(data: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html"""
    kind = data.get("type")
    if kind not in ("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK"):
        raise refusal("Enum value for 'type' must be one of: AWS, AWS_PROXY, HTTP, HTTP_PROXY, MOCK")
    timeout = data.get("timeoutInMillis")
    # The quota of 29 seconds can be raised, and is not here.
    if timeout is not None and not 50 <= int(timeout) <= 29000:
        raise refusal("Timeout should be between 50 ms and 29000 ms")
    if kind == "MOCK":
        return
    uri = str(data.get("uri") or "")
    if not data.get("httpMethod"):
        raise refusal("Enumeration value for HttpMethod must be non-empty")
    if kind.startswith("HTTP"):
        if "${stageVariables." not in uri and not re.match(r"https?://", uri):
            raise refusal("Invalid HTTP endpoint specified for URI")
        return
    if not uri.startswith("arn:"):
        raise refusal("Invalid ARN specified in the request")
    if not re.match(r"arn:aws[\w-]*:apigateway:[\w-]+:[\w.$\{\}-]+:(path|action)/", uri):
        raise refusal("AWS ARN for integration must contain path or action")
    if kind == "AWS_PROXY" and not re.search(r":(lambda|firehose):path/", uri):
        raise refusal(
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and "
            "Firehose stream invocations."
        )


def _put_integration(call: _Call) -> None:
    refuse_integration(call.data)


def refuse_method(api_id: str, data: Mapping[str, Any]) -> None:
    kind = data.get("authorizationType")
    if kind not in ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"):
        raise refusal(
            "Invalid authorization type specified. Setting the authorization type to one of: NONE, AWS_IAM, "
            "CUSTOM, COGNITO_USER_POOLS"
        )
    definition = hooks.apis.rest_api_definition(api_id)
    if kind in ("CUSTOM", "COGNITO_USER_POOLS"):
        authorizer = definition["authorizers"].get(data.get("authorizerId") or "")
        if authorizer is None:
            raise refusal(
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
                "COGNITO_USER_POOLS requires a valid authorizer."
            )
    for name in data.get("requestParameters") or {}:
        if not _PARAMETER.fullmatch(name):
            raise refusal(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression specified: {name}]"
            )
    for name in (data.get("requestModels") or {}).values():
        if name not in definition["models"] and name not in ("Empty", "Error"):
            raise refusal(f"Invalid model identifier specified: {name}")


def _put_method(call: _Call) -> None:
    refuse_method(call.names[0], call.data)


def refuse_authorizer(data: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html"""
    kind = data.get("type")
    if kind not in ("TOKEN", "REQUEST", "COGNITO_USER_POOLS"):
        raise refusal("Invalid Authorizer type. Valid types are: TOKEN, REQUEST, COGNITO_USER_POOLS")
    ttl = data.get("authorizerResultTtlInSeconds")
    if ttl is not None and not 0 <= int(ttl) <= 3600:
        raise refusal("Authorizer result TTL must be between 0 and 3600")
    if kind == "COGNITO_USER_POOLS":
        if not data.get("providerARNs"):
            raise refusal("Invalid authorizer configuration: no user pool provider ARNs were specified")
        return
    if not data.get("authorizerUri"):
        raise refusal(f"Authorizer Uri must be set for authorizer type {kind}")
    if kind == "TOKEN" and not data.get("identitySource"):
        raise refusal("Identity source must be set for authorizer type TOKEN")
    if kind == "REQUEST" and not data.get("identitySource") and ttl != 0:
        raise refusal("Identity source is required when caching is enabled for authorizer type REQUEST")


def _create_authorizer(call: _Call) -> None:
    refuse_authorizer(call.data)


def _create_model(call: _Call) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]+", str(call.data.get("name") or "")):
        raise refusal("Model name must be alphanumeric: " + str(call.data.get("name")))
    try:
        json.loads(call.data.get("schema") or "{}")
    except ValueError as error:
        raise refusal(
            "Invalid model specified: Validation Result: warnings : [], errors : "
            f"[Invalid model schema specified. {error}]"
        ) from None


# --- usage plans ------------------------------------------------------------------------------------


def refuse_usage_plan(plan: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/api/API_QuotaSettings.html"""
    quota = plan.get("quota") or {}
    if quota:
        period, offset = quota.get("period"), int(quota.get("offset") or 0)
        if period not in ("DAY", "WEEK", "MONTH"):
            raise refusal("Usage Plan quota period must be one of: DAY, WEEK, MONTH")
        if int(quota.get("limit") or 0) < 1:
            raise refusal("Usage Plan quota limit must be a positive number")
        if not 0 <= offset <= {"DAY": 0, "WEEK": 6, "MONTH": 27}[period]:
            where = "zero in the DAY period" if period == "DAY" else "within the period"
            raise refusal(f"Usage Plan quota offset must be {where}")
    for each in plan.get("apiStages") or ():
        if each.get("stage") not in hooks.apis.stages_of(str(each.get("apiId"))):
            raise refusal(f"API Stage not found: {each.get('apiId')}:{each.get('stage')}", status=404)


def _create_usage_plan(call: _Call) -> None:
    refuse_usage_plan(call.data)


def _create_usage_plan_key(call: _Call) -> None:
    (plan_id,) = call.names
    found = hooks.apis.usage_plan(plan_id)
    if found is None:
        return
    key = str(call.data.get("keyId") or "")
    if not hooks.apis.api_key(key):
        raise refusal("Invalid API Key identifier specified", status=404)
    if key in found[1]:
        raise ServiceError("ConflictException", f"Usage Plan {plan_id} already contains key {key}", 409)


def _get_usage(call: _Call) -> hooks.server.Response:
    """https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html"""
    (plan_id,) = call.names
    found = hooks.apis.usage_plan(plan_id)
    if found is None:
        raise refusal("Invalid Usage Plan identifier specified", status=404)
    plan, keys = found
    try:
        first, last = (datetime.date.fromisoformat(call.query[name][0]) for name in ("startDate", "endDate"))
    except (KeyError, ValueError):
        raise refusal("Invalid date: startDate and endDate are needed as yyyy-mm-dd") from None
    if last < first or (last - first).days > 90:
        raise refusal("The date range must be between 1 and 90 days")
    wanted = call.query.get("keyId")
    keys = [key for key in keys if not wanted or key in wanted]
    used = limits.usage(plan_id, plan.get("quota") or {}, first, last, keys)
    return _answer(
        200,
        {"usagePlanId": plan_id, "startDate": first.isoformat(), "endDate": last.isoformat(), "values": used},
    )


_ID = "([^/]+)"
_METHOD = f"/restapis/{_ID}/resources/{_ID}/methods/{_ID}"
_OPERATIONS: tuple[tuple[str, str, Callable[[_Call], hooks.server.Response | None]], ...] = (
    (f"/restapis/{_ID}/stages", "POST", _create_stage),
    (f"/restapis/{_ID}/stages/{_ID}", "PATCH", _update_stage),
    (f"/restapis/{_ID}/deployments/{_ID}", "DELETE", _delete_deployment),
    (f"/restapis/{_ID}/authorizers", "POST", _create_authorizer),
    (f"/restapis/{_ID}/models", "POST", _create_model),
    (_METHOD, "PUT", _put_method),
    (f"{_METHOD}/integration", "PUT", _put_integration),
    ("/usageplans", "POST", _create_usage_plan),
    (f"/usageplans/{_ID}/keys", "POST", _create_usage_plan_key),
    (f"/usageplans/{_ID}/usage", "GET", _get_usage),
)
