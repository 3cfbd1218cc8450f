"""The condition keys of a request, beside those of its caller.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import hooks
from local_aws.identity.policy import Value, statements
from local_aws.identity.request import Arrived

SOURCE_ENDPOINT = "x-local-aws-source-vpce"
"""The header by which a request says through which VPC endpoint it comes; on AWS the network knows."""

_RESOURCE_TAG = re.compile(r"[a-z0-9-]+:resourcetag/(.+)")


class Context(Mapping[str, Value]):
    """Condition keys by their names in small letters; a resource's tags are read when a policy asks."""

    def __init__(self, keys: Mapping[str, Value], resource: str) -> None:
        self._keys = dict(keys)
        self._resource = resource
        self._tags: Mapping[str, str] | None = None

    def __getitem__(self, key: str) -> Value:
        if key in self._keys:
            return self._keys[key]
        found = _RESOURCE_TAG.fullmatch(key)
        if found is None or self._resource == "*":
            raise KeyError(key)
        if self._tags is None:
            tags = hooks.principals.tags_of(self._resource)
            self._tags = {name.lower(): value for name, value in tags.items()}
        return self._tags[found[1]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def of_request(request: Arrived | None, resource: str, account: str, region: str) -> dict[str, Value]:
    """The global keys that a request has of itself."""
    now = datetime.datetime.now(datetime.UTC)
    parts = resource.split(":", 5)
    owner = parts[4] if len(parts) == 6 and re.fullmatch(r"\d{12}", parts[4]) else account
    keys: dict[str, Value] = {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:requestedregion": region,
        "aws:resourceaccount": owner,
        "s3:resourceaccount": owner,
        "aws:securetransport": "true",
        "aws:viaawsservice": "false",
    }
    if request is None:
        return keys
    for key, header in (("aws:useragent", "user-agent"), ("aws:referer", "referer")):
        if header in request.headers:
            keys[key] = request.headers[header]
    endpoint = source_endpoint(request)
    if endpoint is None:
        keys["aws:sourceip"] = request.address
    else:
        # A request through an endpoint has no public address.
        keys["aws:vpcsourceip"] = request.address
        keys["aws:sourcevpce"] = endpoint["VpcEndpointId"]
        keys["aws:sourcevpc"] = endpoint["VpcId"]
    return keys


def source_endpoint(request: Arrived) -> dict[str, Any] | None:
    """The VPC endpoint that a request names; None where it names none, or one that is not there."""
    named = request.headers.get(SOURCE_ENDPOINT)
    return hooks.networks.vpc_endpoint(named) if named else None


def endpoint_policy(request: Arrived | None) -> Any:
    """The statements of the endpoint that a request comes through; None where it comes through none.

    An endpoint without a policy of its own lets everything through
    (https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html).
    """
    endpoint = source_endpoint(request) if request is not None else None
    if endpoint is None or not endpoint.get("PolicyDocument"):
        return None
    return statements(endpoint["PolicyDocument"], endpoint["VpcEndpointId"])


def of_action(action: str, request: Arrived) -> dict[str, Value]:
    """The keys that a service fills from the members of a request, where ministack does not."""
    said = request.parameters
    found: dict[str, Any] = {}
    if action.startswith("iam:"):
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
        found = {
            "iam:PermissionsBoundary": said.get("PermissionsBoundary"),
            "iam:PolicyARN": said.get("PolicyArn"),
            "iam:AWSServiceName": said.get("AWSServiceName"),
        }
    elif action.startswith("cloudformation:"):
        found = {
            "cloudformation:RoleArn": said.get("RoleARN"),
            "cloudformation:TemplateUrl": said.get("TemplateURL"),
            "cloudformation:ChangeSetName": said.get("ChangeSetName"),
            "cloudformation:StackPolicyUrl": said.get("StackPolicyURL"),
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
            **{
                f"aws:ResourceTag/{key}": value
                for key, value in hooks.stacks.stack_tags(str(said.get("StackName", ""))).items()
            },
        }
    elif action.startswith("s3:"):
        found = _of_s3(request.headers)
    elif action.startswith("kms:"):
        pairs = said.get("EncryptionContext")
        found = {
            f"kms:EncryptionContext:{key}": value
            for key, value in (pairs.items() if isinstance(pairs, dict) else ())
        }
        if isinstance(pairs, dict):
            found["kms:EncryptionContextKeys"] = list(pairs)
    elif action == "cloudwatch:PutMetricData":
        found = {"cloudwatch:namespace": said.get("Namespace")}
    elif action == "lambda:CreateFunction":
        network = said.get("VpcConfig") or {}
        found = {
            "lambda:SubnetIds": network.get("SubnetIds"),
            "lambda:SecurityGroupIds": network.get("SecurityGroupIds"),
        }
    return {key.lower(): value for key, value in found.items() if value}


_S3_HEADERS = (
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-content-sha256",
)


def _of_s3(headers: Mapping[str, str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
    found: dict[str, Any] = {f"s3:{name}": headers[name] for name in _S3_HEADERS if name in headers}
    for pair in headers.get("x-amz-tagging", "").split("&"):
        name, _, value = pair.partition("=")
        if name:
            found[f"s3:RequestObjectTag/{name}"] = value
    return found
