"""CDK's provider framework (`custom_resources.Provider`): the user's two functions, called in its order.

On AWS its own functions for Node stand between CloudFormation and the user's, with a state machine that asks
`isComplete` until it is.
https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.custom_resources-readme.html#provider-framework
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.custom_resources.request import Answer, CustomResourceFailed, Request

_ON_EVENT = "USER_ON_EVENT_FUNCTION_ARN"
_IS_COMPLETE = "USER_IS_COMPLETE_FUNCTION_ARN"
_STEP_SECONDS = 0.2
_LONGEST_SECONDS = 30 * 60  # the framework's default for `totalTimeout`


def is_framework(function: Mapping[str, Any]) -> bool:
    variables = (function.get("Environment") or {}).get("Variables") or {}
    return str(function.get("Handler", "")).startswith("framework.") and _ON_EVENT in variables


def run(request: Request) -> Answer:
    variables = request.function["Environment"]["Variables"]
    event: dict[str, Any] = {
        "RequestType": request.type,
        "RequestId": request.own_id,
        "StackId": hooks.stacks.stack_identifier(request.stack_name),
        "ResponseURL": "...",
        "ResourceType": request.resource_type,
        "LogicalResourceId": request.logical_id,
        "ResourceProperties": _texts(request.properties),
        "ServiceToken": request.properties["ServiceToken"],
    }
    if request.physical_id is not None:
        event["PhysicalResourceId"] = request.physical_id
    if request.previous:
        event["OldResourceProperties"] = _texts(request.previous)
    answer = _invoke(request, variables[_ON_EVENT], event) or {}
    physical_id = answer.get("PhysicalResourceId") or request.physical_id or request.own_id
    if request.type == "Delete" and physical_id != request.physical_id:
        raise CustomResourceFailed(
            f'DELETE: cannot change the physical resource ID from "{request.physical_id}" to "{physical_id}"'
            " during deletion"
        )
    data: dict[str, Any] = dict(answer.get("Data") or {})
    if _IS_COMPLETE not in variables:
        return Answer(physical_id, data)
    event |= {**answer, "PhysicalResourceId": physical_id, "Data": data}
    deadline = time.monotonic() + _LONGEST_SECONDS
    while True:
        asked = _invoke(request, variables[_IS_COMPLETE], event) or {}
        if asked.get("IsComplete"):
            return Answer(physical_id, {**data, **(asked.get("Data") or {})})
        if asked.get("Data"):
            raise CustomResourceFailed('"Data" is not allowed if "IsComplete" is "False"')
        if time.monotonic() > deadline:
            raise CustomResourceFailed("Operation timed out")
        time.sleep(_STEP_SECONDS)


def _invoke(request: Request, function: str, event: Mapping[str, Any]) -> Any:
    answer = request.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        message = payload.get("errorMessage") if isinstance(payload, dict) else payload
        raise CustomResourceFailed(f"Received response status [FAILED] from custom resource. {message}")
    return payload


def _texts(value: Any) -> Any:
    """CloudFormation hands primitive values over as texts."""
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
