"""API Gateway: validators, access logs and method settings, which ministack's own types drop."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import (
    Created,
    Properties,
    reconciles,
    register,
    translates,
)

Patch = dict[str, str]


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
