"""The templates of products: read once when a version is made, checked, and kept with it.

Service Catalog launches its own copy: what becomes of the file in S3 later changes no product.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.cloudformation.client import client, client_as
from local_aws.sagemaker.storage import location
from local_aws.servicecatalog.access import Caller
from local_aws.servicecatalog.errors import wrong
from local_aws.servicecatalog.stack_inputs import template_url

_INVALID = "Invalid templateBody. Please make sure that your template is valid"
_MOST_BYTES = 1_000_000
_IN_S3 = re.compile(r"(^|\.)s3[.-]|^(localhost|127\.0\.0\.1)$")
"""Hosts of S3's addresses; this server's own address is one, too."""

_CONSTRAINTS = (
    "AllowedPattern",
    "ConstraintDescription",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
)


def fetch(info: Mapping[str, str], caller: Caller, *, validate: bool) -> str:
    """The text that a version is to be made of, read with the caller's permissions."""
    if len(info) != 1:
        raise wrong("Specify exactly one of LoadTemplateFromURL and ImportFromPhysicalId.")
    source, place = next(iter(info.items()))
    if source == "LoadTemplateFromURL":
        text = _from_s3(place, caller)
    elif source == "ImportFromPhysicalId":
        text = _from_stack(place, caller)
    else:
        raise wrong(
            f"Invalid template source '{source}'. Choose LoadTemplateFromURL or ImportFromPhysicalId."
        )
    if validate:
        _validate(text)
    return text


def parsed(text: str) -> dict[str, Any]:
    return hooks.templates.parse_template(text)


def parameters(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A template's parameters as `ProvisioningArtifactParameter`s."""
    found = []
    for key, definition in (template.get("Parameters") or {}).items():
        constraints: dict[str, Any] = {
            name: _text(definition[name]) for name in _CONSTRAINTS if name in definition
        }
        constraints["AllowedValues"] = [_text(value) for value in definition.get("AllowedValues", [])]
        told: dict[str, Any] = {
            "ParameterKey": key,
            "ParameterType": definition.get("Type", "String"),
            "IsNoEcho": _text(definition.get("NoEcho", False)) == "true",
            "ParameterConstraints": constraints,
        }
        if "Default" in definition:
            told["DefaultValue"] = _text(definition["Default"])
        if "Description" in definition:
            told["Description"] = definition["Description"]
        found.append(told)
    return found


def outputs(template: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"Key": key, **({"Description": str(one["Description"])} if "Description" in one else {})}
        for key, one in (template.get("Outputs") or {}).items()
    ]


def with_rules(text: str, rules: Mapping[str, Any]) -> str:
    """The template with the rules of its template constraints: CloudFormation decides by them."""
    if not rules:
        return text
    template = parsed(text)
    template["Rules"] = {**(template.get("Rules") or {}), **rules}
    return json.dumps(template, default=str)


def _from_s3(url: str, caller: Caller) -> str:
    host = urlsplit(url).hostname or ""
    if not _IN_S3.search(host):
        raise wrong(f"{_INVALID}: '{url}' is no address in Amazon S3.")
    bucket, key = location(url)
    try:
        answer = client_as("s3", caller.credentials).get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise wrong(f"{_INVALID}: cannot read {url}: {error.response['Error']['Message']}") from error
    with answer["Body"] as body:
        content: bytes = body.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise wrong(f"{_INVALID}: Template may not exceed {_MOST_BYTES} bytes in size.")
    return content.decode("utf-8", "replace")


def _from_stack(stack: str, caller: Caller) -> str:
    try:
        body = client_as("cloudformation", caller.credentials).get_template(StackName=stack)["TemplateBody"]
    except ClientError as error:
        raise wrong(error.response["Error"]["Message"]) from error
    return body if isinstance(body, str) else json.dumps(body)


def _validate(text: str) -> None:
    with template_url(text) as url:
        try:
            client("cloudformation").validate_template(TemplateURL=url)
        except ClientError as error:
            raise wrong(f"{_INVALID}: {error.response['Error']['Message']}") from error


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
