"""A running local AWS, and stacks deployed to it, as tests see them."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

_SESSION = botocore.session.Session()
_MAKING = threading.Lock()


@dataclass(frozen=True)
class LocalAws:
    """Where the session's local AWS is, and who one is there."""

    url: str
    state: Path
    pid: int
    account: str = "000000000000"
    region: str = "us-east-1"

    def client(self, service: str, account: str | None = None) -> Any:
        """A boto3 client of this AWS, in an account of its own where one is given."""
        return client_of(self.url, service, account or self.account, self.region)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to work with this AWS and no other."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@cache
def client_of(url: str, service: str, account: str, region: str) -> Any:
    return new_client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def new_client(service: str, **options: Any) -> Any:
    """A client of all that is given, and of nothing that the process's environment says.

    All are of one session, which reads what there is to know of a service once and keeps it: that is
    up to 28 MB and a fifth of a second, and there are hundreds of clients.
    """
    with _MAKING:  # making one is not safe on several threads; using one is
        return _SESSION.create_client(service, **options)


class DeploymentFailed(Exception):
    """The stack's status, and the reason of every resource that failed."""


@dataclass
class Stacks:
    """Stacks of one test, made from plain templates; what is left of them goes when the test ends."""

    local_aws: LocalAws
    prefix: str
    _names: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def deploy(
        self,
        resources: Mapping[str, Any],
        *,
        name: str | None = None,
        outputs: Mapping[str, Any] | None = None,
        role: str | None = None,
    ) -> Stack:
        """Creates a stack, or updates the one of that name; raises `DeploymentFailed` unless it completes."""
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
        }
        cloudformation = self.local_aws.client("cloudformation")
        arguments: dict[str, Any] = {
            "TemplateBody": json.dumps(template),
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        if role is not None:
            arguments["RoleARN"] = role
        if name in self._names:
            cloudformation.update_stack(StackName=name, **arguments)
            wanted = "UPDATE_COMPLETE"
        else:
            name = name or f"{self.prefix}-{next(self._numbers)}"
            self._names.append(name)
            cloudformation.create_stack(StackName=name, **arguments)
            wanted = "CREATE_COMPLETE"
        stack = Stack(self.local_aws, name)
        if stack.status != wanted:
            raise DeploymentFailed("\n".join([stack.status, *stack.failures]))
        return stack

    def delete_all(self) -> None:
        for name in reversed(self._names):
            self.local_aws.client("cloudformation").delete_stack(StackName=name)


@dataclass(frozen=True)
class Stack:
    local_aws: LocalAws
    name: str

    @property
    def status(self) -> str:
        """How the operation at hand ended: an answer about a busy stack waits for that."""
        cloudformation = self.local_aws.client("cloudformation")
        while True:
            status = str(cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                return status

    @property
    def failures(self) -> list[str]:
        """The reasons of the resources that failed, oldest first."""
        events = self.local_aws.client("cloudformation").describe_stack_events(StackName=self.name)
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in reversed(events["StackEvents"])
            if event["ResourceStatus"].endswith("_FAILED")
        ]

    @property
    def outputs(self) -> dict[str, str]:
        stack = self.local_aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def physical_id(self, logical_id: str) -> str:
        found = self.local_aws.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])
