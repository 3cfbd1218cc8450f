"""What CloudFormation asks of a custom resource, and with whose rights it is done."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.client import client, client_as


class CustomResourceFailed(Exception):
    """What the resource's status reason says."""


@dataclass(frozen=True)
class Answer:
    """`physical_id`: None to keep the one there is. `data` answers `Fn::GetAtt`."""

    physical_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """`type` is Create, Update or Delete; `function` the configuration of the function behind the token."""

    type: str
    logical_id: str
    properties: Mapping[str, Any]
    previous: Mapping[str, Any]
    physical_id: str | None
    stack_name: str
    resource_type: str
    function: Mapping[str, Any]

    @cached_property
    def own_id(self) -> str:
        """For a resource whose handler names none, as CDK's take the id of the request."""
        return str(uuid.uuid4())

    @cached_property
    def credentials(self) -> Mapping[str, str]:
        """A session of the function's role: what it may not do is refused here as well."""
        role = self.function["Role"]
        answer = client("sts").assume_role(RoleArn=role, RoleSessionName=self.function["FunctionName"][:64])
        found: Mapping[str, str] = answer["Credentials"]
        return found

    def client(self, service: str, region: str | None = None) -> Any:
        with hooks.request.scope(hooks.request.account_id(), region or hooks.request.region()):
            return client_as(service, self.credentials)


def flag(properties: Mapping[str, Any], name: str, default: bool) -> bool:
    """CloudFormation hands booleans to custom resources as texts."""
    return str(properties.get(name, default)).lower() == "true"
