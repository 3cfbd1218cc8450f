"""API Gateway: what ministack's own types drop, and what AWS refuses of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local_aws import hooks
from local_aws.apigateway import control
from local_aws.cloudformation.client import client
from local_aws.cloudformation.refusal import refused_by
from local_aws.cloudformation.registry import (
    Created,
    Properties,
    checks,
    reconciles,
    register,
    translates,
)
from local_aws.errors import ServiceError

Patch = dict[str, str]


@contextmanager
def _refusals() -> Iterator[None]:
    """What API Gateway refuses fails the resource, in its words."""
    try:
        yield
    except ServiceError as error:
        code = "NotFound" if error.status == 404 else "InvalidRequest"
        raise refused_by("ApiGateway", error.message, status=error.status, handler_code=code) from error


def _spelt(properties: Properties) -> dict[str, Any]:
    """Properties with the names that API Gateway's own API has."""
    return {name[:1].lower() + name[1:]: value for name, value in properties.items()}


class RequestValidator:
    """`AWS::ApiGateway::RequestValidator`: ministack's own makes nothing."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        made = client("apigateway").create_request_validator(
            restApiId=properties["RestApiId"],
            name=properties.get("Name", f"{stack_name}-{logical_id}"),
            validateRequestBody=properties.get("ValidateRequestBody", False),
            validateRequestParameters=properties.get("ValidateRequestParameters", False),
        )
        return Created(made["id"], {"RequestValidatorId": made["id"]})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        client("apigateway").update_request_validator(
            restApiId=new["RestApiId"],
            requestValidatorId=physical_id,
            patchOperations=[
                _replace("validateRequestBody", new.get("ValidateRequestBody", False)),
                _replace("validateRequestParameters", new.get("ValidateRequestParameters", False)),
            ],
        )
        return Created(physical_id, {"RequestValidatorId": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:
        gateway = client("apigateway")
        try:
            gateway.delete_request_validator(
                restApiId=properties["RestApiId"], requestValidatorId=physical_id
            )
        except gateway.exceptions.NotFoundException:
            return  # it went with its API


@reconciles("AWS::ApiGateway::RestApi")
def reconcile_api(physical_id: str, properties: Properties, previous: Properties) -> None:
    wanted = {
        "apiKeySource": properties.get("ApiKeySourceType", "HEADER"),
        "disableExecuteApiEndpoint": properties.get("DisableExecuteApiEndpoint", False),
    }
    if {"ApiKeySourceType", "DisableExecuteApiEndpoint"} & {*properties, *previous}:
        client("apigateway").update_rest_api(
            restApiId=physical_id,
            patchOperations=[_replace(name, value) for name, value in wanted.items()],
        )


@checks("AWS::ApiGateway::Method")
def check_method(properties: Properties) -> None:
    integration = properties.get("Integration")
    with _refusals():
        control.refuse_method(properties["RestApiId"], {"authorizationType": "NONE", **_spelt(properties)})
        if integration:
            spelt = _spelt(integration)
            control.refuse_integration({**spelt, "httpMethod": spelt.get("integrationHttpMethod")})


@checks("AWS::ApiGateway::Authorizer")
def check_authorizer(properties: Properties) -> None:
    with _refusals():
        control.refuse_authorizer({**_spelt(properties), "providerARNs": properties.get("ProviderARNs")})


@reconciles("AWS::ApiGateway::Method")
def reconcile_method(physical_id: str, properties: Properties, previous: Properties) -> None:  # noqa: ARG001 - the reconciler's
    # ministack writes the method anew on every update: what it dropped is always to be put back.
    where = {
        "restApiId": properties["RestApiId"],
        "resourceId": properties["ResourceId"],
        "httpMethod": properties["HttpMethod"],
    }
    if "RequestValidatorId" in properties:
        validator = properties["RequestValidatorId"]
        client("apigateway").update_method(
            **where, patchOperations=[_replace("requestValidatorId", validator)]
        )
    handling = properties.get("Integration", {}).get("ContentHandling")
    if handling:
        client("apigateway").update_integration(
            **where, patchOperations=[_replace("contentHandling", handling)]
        )


@checks("AWS::ApiGateway::Stage")
def check_stage(properties: Properties) -> None:
    access_log = properties.get("AccessLogSetting") or {}
    levels = {
        setting.get("LoggingLevel", "OFF").upper() for setting in properties.get("MethodSettings") or ()
    }
    with _refusals():
        control.refuse_stage(
            properties["RestApiId"],
            properties.get("DeploymentId"),
            logs=bool(levels - {"OFF"}) or bool(access_log),
            access_log=access_log.get("DestinationArn"),
        )


@checks("AWS::ApiGateway::UsagePlan")
def check_usage_plan(properties: Properties) -> None:
    stages = [
        {"apiId": each.get("ApiId"), "stage": each.get("Stage")} for each in properties.get("ApiStages") or ()
    ]
    with _refusals():
        control.refuse_usage_plan({"quota": _spelt(properties.get("Quota") or {}), "apiStages": stages})


@translates("AWS::ApiGateway::Stage")
def write_method_settings(properties: Properties) -> Properties:
    """Templates write a method's path as `/~1models~1{model}`; ministack looks for `/models/{model}`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html
    """
    settings = properties.get("MethodSettings")
    if not isinstance(settings, list):
        return properties
    return {**properties, "MethodSettings": [_with_plain_path(setting) for setting in settings]}


def _with_plain_path(setting: dict[str, Any]) -> dict[str, Any]:
    path = setting.get("ResourcePath", "/*")
    return {**setting, "ResourcePath": path[1:].replace("~1", "/") if path.startswith("/~1") else path}


@reconciles("AWS::ApiGateway::Stage")
def reconcile_stage(physical_id: str, properties: Properties, previous: Properties) -> None:
    stage = {"restApiId": properties["RestApiId"], "stageName": physical_id}
    logs = properties.get("AccessLogSetting") or {}
    if logs:
        patches = [
            _replace("accessLogSettings/destinationArn", logs.get("DestinationArn", "")),
            _replace("accessLogSettings/format", logs.get("Format", "")),
        ]
        client("apigateway").update_stage(**stage, patchOperations=patches)
    elif previous.get("AccessLogSetting"):
        remove = {"op": "remove", "path": "/accessLogSettings"}
        client("apigateway").update_stage(**stage, patchOperations=[remove])
    _reconcile_canary(hooks.apis.stage_of(stage["restApiId"], physical_id), properties.get("CanarySetting"))


def _reconcile_canary(stage: dict[str, Any] | None, canary: Properties | None) -> None:
    if stage is None:
        return
    stage.pop("canarySettings", None)
    if canary:
        stage["canarySettings"] = {
            "percentTraffic": float(canary.get("PercentTraffic", 0)),
            "deploymentId": canary.get("DeploymentId", stage.get("deploymentId")),
            "stageVariableOverrides": dict(canary.get("StageVariableOverrides") or {}),
            "useStageCache": canary.get("UseStageCache", False),
        }


@translates("AWS::ApiGateway::UsagePlan")
def write_throttles(properties: Properties) -> Properties:
    """ministack takes the limits of single methods in the API's spelling."""
    stages = properties.get("ApiStages")
    if not isinstance(stages, list):
        return properties
    return {**properties, "ApiStages": [_with_plain_throttle(stage) for stage in stages]}


def _with_plain_throttle(stage: dict[str, Any]) -> dict[str, Any]:
    throttle = stage.get("Throttle")
    if not throttle:
        return stage
    names = {"BurstLimit": "burstLimit", "RateLimit": "rateLimit"}
    plain = {
        method: {names[name]: float(value) for name, value in limits.items()}
        for method, limits in throttle.items()
    }
    return {**stage, "Throttle": plain}


def _replace(path: str, value: object) -> Patch:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {"op": "replace", "path": f"/{path}", "value": text}


register("AWS::ApiGateway::RequestValidator", RequestValidator())
