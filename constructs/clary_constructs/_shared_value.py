"""What templates of others may know of an environment."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from constructs import Construct


@dataclass(frozen=True)
class SharedValue:
    """A value, and how a template says it that is written before there is one."""

    parameter_name: str
    parameter_arn: str
    value: str

    @property
    def reference(self) -> str:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm.html"""
        return f"{{{{resolve:ssm:{self.parameter_name}}}}}"


class SharedValues(Construct):
    """Values of a stack for templates that are launched later, as parameters of Systems Manager.

    An export would do as well until it has to change: CloudFormation changes none that somebody imports, and
    what people have launched would keep the environment as it was. A parameter is read whenever a stack that
    names it is made or updated, by whoever does that.
    """

    def __init__(self, scope: Construct, construct_id: str, *, path: str) -> None:
        """`path` is what the names of all parameters begin with: `/clary/dev`."""
        super().__init__(scope, construct_id)
        self._path = path
        self._shared: dict[str, SharedValue] = {}

    def share(self, name: str, value: str) -> SharedValue:
        """The value under a name; the same again for a name that has one."""
        if name not in self._shared:
            parameter_name = f"{self._path}/{name}"
            ssm.CfnParameter(
                self,
                "".join(word.capitalize() for word in name.split("-")),
                type="String",
                name=parameter_name,
                value=value,
                description="For what is launched from Service Catalog",
            )
            arn = cdk.Stack.of(self).format_arn(
                service="ssm", resource="parameter", resource_name=parameter_name.lstrip("/")
            )
            self._shared[name] = SharedValue(parameter_name, arn, value)
        return self._shared[name]
