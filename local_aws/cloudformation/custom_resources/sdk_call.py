"""CDK's `AwsCustomResource`: one call of the AWS SDK for each of create, update and delete."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.cloudformation.client import client_as
from local_aws.cloudformation.custom_resources.request import Answer, CustomResourceFailed, Request

_PHYSICAL_ID = "PHYSICAL:RESOURCEID:"
_KINDS = ("Create", "Update", "Delete")
_SERVICES = {
    "apigatewayv2": "apigatewayv2",
    "cloudwatch-events": "events",
    "cloudwatch-logs": "logs",
    "cloudwatchevents": "events",
    "cloudwatchlogs": "logs",
    "cognito-identity-provider": "cognito-idp",
    "cognitoidentityserviceprovider": "cognito-idp",
    "eventbridge": "events",
    "elastic-load-balancing-v2": "elbv2",
    "elbv2": "elbv2",
    "secrets-manager": "secretsmanager",
    "sfn": "stepfunctions",
}
"""Names of the SDK for JavaScript, of its second or third version, where botocore has others."""


def is_sdk_call(properties: Mapping[str, Any]) -> bool:
    """Whatever the resource's type is called, its properties say what to call."""
    calls = [properties[kind] for kind in _KINDS if kind in properties]
    return bool(calls) and all(isinstance(call, str) and '"action"' in call for call in calls)


def call(request: Request) -> Answer:
    calls = {kind: json.loads(request.properties[kind]) for kind in _KINDS if kind in request.properties}
    physical_id = request.physical_id or request.logical_id
    names = [calls[kind].get("physicalResourceId", {}).get("id") for kind in _KINDS if kind in calls]
    if request.type == "Create":
        physical_id = next(filter(None, names), physical_id)
    wanted = calls.get(request.type)
    if wanted is None:
        return Answer(physical_id)
    if request.type != "Create":
        physical_id = wanted.get("physicalResourceId", {}).get("id") or physical_id
    answer = _invoke(request, wanted, physical_id)
    if answer is None:
        return Answer(physical_id)
    flat = dict(_flattened(answer))
    path = wanted.get("physicalResourceId", {}).get("responsePath")
    if path and path in flat:
        physical_id = str(flat[path])
    paths = wanted.get("outputPaths") or ([wanted["outputPath"]] if "outputPath" in wanted else None)
    kept = (
        flat if paths is None else {key: value for key, value in flat.items() if key.startswith(tuple(paths))}
    )
    return Answer(physical_id, kept)


def _invoke(request: Request, wanted: Mapping[str, Any], physical_id: str) -> Mapping[str, Any] | None:
    """The answer; None for an error that the resource was told to pass over."""
    service = _service(wanted["service"])
    region = wanted.get("region")
    if "assumedRoleArn" in wanted:
        role = {"RoleArn": wanted["assumedRoleArn"], "RoleSessionName": physical_id[:64] or "custom"}
        external = {"ExternalId": wanted["externalId"]} if "externalId" in wanted else {}
        credentials = request.client("sts").assume_role(**role, **external)["Credentials"]
        found = client_as(service, credentials)
    else:
        found = request.client(service, region)
    action = re.sub(r"Command$", "", wanted["action"]).lower()
    methods = {method.replace("_", ""): method for method in found.meta.method_to_api_mapping}
    if action not in methods:
        raise CustomResourceFailed(f"Unable to find command named: {wanted['action']} in {wanted['service']}")
    parameters = _with_physical_id(wanted.get("parameters") or {}, physical_id)
    try:
        answer: Mapping[str, Any] = getattr(found, methods[action])(**parameters)
    except found.exceptions.ClientError as error:
        ignored = wanted.get("ignoreErrorCodesMatching")
        if ignored and re.search(ignored, error.response["Error"]["Code"]):
            return None
        raise
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _service(name: str) -> str:
    """`S3`, `s3`, `@aws-sdk/client-s3` and `APIGateway` for botocore."""
    plain = name.removeprefix("@aws-sdk/").removeprefix("client-").lower()
    return _SERVICES.get(plain) or _SERVICES.get(plain.replace("-", "")) or plain.replace("-", "")


def _with_physical_id(value: Any, physical_id: str) -> Any:
    if value == _PHYSICAL_ID:
        return physical_id
    if isinstance(value, list):
        return [_with_physical_id(item, physical_id) for item in value]
    if isinstance(value, dict):
        return {key: _with_physical_id(item, physical_id) for key, item in value.items()}
    return value


def _flattened(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """`{"Buckets": [{"Name": "a"}]}` as `Buckets.0.Name`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flattened(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _flattened(item, (*path, str(number)))
    elif hasattr(value, "read"):
        yield ".".join(path), value.read().decode("utf-8", "replace")
    elif isinstance(value, bytes):
        yield ".".join(path), value.decode("utf-8", "replace")
    elif hasattr(value, "isoformat"):
        yield ".".join(path), value.isoformat()
    else:
        yield ".".join(path), value
