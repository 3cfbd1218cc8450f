"""What all models have around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_sns as sns

from clary.content import ModelContent
from clary.environment.aws_image import AwsImage
from clary.environment.model import Environment
from clary.environment.monitoring import Kind
from clary.monitor_content import MonitorContent
from stacks.data import DataStack
from stacks.network import NetworkStack


@dataclass(frozen=True)
class Surroundings:
    """What all models have around them."""

    environment: Environment
    contents: Mapping[str, ModelContent]
    monitors: Mapping[tuple[str, Kind], MonitorContent]
    network: NetworkStack
    data: DataStack
    alarm_topic: sns.ITopic

    @property
    def place(self) -> dict[str, Any]:
        return {
            "encryption_key": self.data.key,
            "vpc": self.network.vpc,
            "subnets": self.network.subnets,
            "security_groups": [self.network.workload_security_group],
        }


def aws_repository(stack: cdk.Stack, image: AwsImage, region: str) -> ecr.IRepository:
    """One of AWS's repositories, once in a stack."""
    known = stack.node.try_find_child(f"Aws{image.account}{image.repository}")
    if known is not None:
        return known  # type: ignore[return-value] # what is below is what is found above
    return ecr.Repository.from_repository_attributes(
        stack,
        f"Aws{image.account}{image.repository}",
        repository_arn=f"arn:{stack.partition}:ecr:{region}:{image.account}:repository/{image.repository}",
        repository_name=image.repository,
    )
