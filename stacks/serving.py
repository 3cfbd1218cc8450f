"""What answers: a model, and an endpoint for it, for each model of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk

from clary.content import ModelContent
from clary.environment.model import Environment
from clary_constructs import ModelEndpoint
from constructs import Construct
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.network import NetworkStack


class ServingStack(cdk.Stack):
    """One endpoint per model. All of it can be rebuilt: images and artifacts live in the Data stack."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        contents: Mapping[str, ModelContent],
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        for name, model in environment.models.items():
            ModelEndpoint(
                self,
                pascal(name),
                endpoint_name=environment.endpoint_name(name),
                repository=data.repositories[model.image.repository],
                image_tag=contents[name].image_tag,
                artifact_bucket=data.models_bucket,
                artifact_key=contents[name].artifact_key,
                encryption_key=data.key,
                vpc=network.vpc,
                subnets=network.subnets,
                security_groups=[network.workload_security_group],
                instance_type=model.endpoint.instance_type,
                instance_count=model.endpoint.instance_count,
                environment=model.environment,
            )
