"""What answers: each model of the file, served as it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk

from clary.content import ModelContent
from clary.environment.model import Environment
from clary.environment.monitoring import Kind
from clary.monitor_content import MonitorContent
from clary_constructs import AlarmTopic, ComponentEndpoint
from constructs import Construct, IConstruct
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.network import NetworkStack
from stacks.served_model import (
    add_component,
    batch_model,
    component_endpoint,
    model_endpoint,
    promoted_endpoint,
)
from stacks.surroundings import Surroundings
from stacks.tagging import tag


class ServingStack(cdk.Stack):
    """The models and what they answer through: endpoints, components of shared endpoints, and transforms.

    All of it can be rebuilt: images and artifacts live in the Data stack. Alarms are told on one topic.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        contents: Mapping[str, ModelContent],
        monitors: Mapping[tuple[str, Kind], MonitorContent],
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        alarms = AlarmTopic(self, "Alarms", encryption_key=data.key)
        cdk.CfnOutput(self, "AlarmTopicArn", value=alarms.topic.topic_arn)
        around = Surroundings(environment, contents, monitors, network, data, alarms.topic)
        made: dict[str, IConstruct] = {}
        shared: dict[str, ComponentEndpoint] = {}
        batches: dict[str, str] = {}
        for name, model in environment.models.items():
            if model.endpoint.mode == "batch":
                made[name] = batch = batch_model(self, pascal(name), around, name)
                batches[name] = batch.model_name
            elif model.artifact.package is not None:
                made[name] = promoted_endpoint(self, pascal(name), around, name)
            elif model.endpoint.component is None:
                made[name] = model_endpoint(self, pascal(name), around, name)
            elif model.endpoint.shared_with is None:
                made[name] = shared[name] = component_endpoint(self, pascal(name), around, name)
        for name, model in environment.models.items():
            if model.endpoint.component is not None:
                host = shared[model.endpoint.shared_with or name]
                component = add_component(host, pascal(name), around, name)
                made.setdefault(name, component)
        for name, construct in made.items():
            tag(construct, environment.cost_tags(environment.models[name].team))
        self.batch_models: Mapping[str, str] = batches
        """The names of the models that are for transforms: text that is known now, and no reference."""
