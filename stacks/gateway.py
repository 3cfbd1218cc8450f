"""What callers reach: the models over HTTPS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary.environment.gateway import Client
from clary.environment.model import Environment
from clary_constructs import (
    ApiClient,
    ApiFirewall,
    ApiLogging,
    InferenceApi,
    InferenceFunction,
    ServedBatch,
    ServedModel,
    has_local_storage,
)
from constructs import Construct
from inference_gateway.routes import ROUTES
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.network import NetworkStack

_FUNCTIONS = Path(__file__).parent.parent / "lambda"
_STAGE = "v1"
_WAYS_IN: Mapping[str, Literal["api-key", "iam"]] = {"KeyApi": "api-key", "IamApi": "iam"}


class GatewayStack(cdk.Stack):
    """One function for all models, and an API in front of it for each way in that the file's clients take.

    Without clients there is one way in, for the account's own principals. The endpoints are known by
    their fixed names: an export of the Serving stack could not be withdrawn while this stack imports it,
    and no model could ever be removed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        batch_models: Mapping[str, str],
        root: Path,
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        inference = InferenceFunction(
            self,
            "Inference",
            models={
                name: _served(environment, name, root, batch_models.get(name)) for name in environment.models
            },
            source=_FUNCTIONS,
            encryption_key=data.key,
            vpc=network.vpc,
            subnets=network.subnets,
            security_groups=[network.gateway_security_group],
            jobs_bucket=data.data_bucket,
            batch_prefix=f"clary-{environment.name}-",
            origins=environment.api.cors.origins,
        )
        logging = ApiLogging(
            self,
            "Logging",
            removal_policy=cdk.RemovalPolicy.RETAIN if environment.retain_data else cdk.RemovalPolicy.DESTROY,
        )
        clients = environment.api.clients
        firewall = ApiFirewall(
            self,
            "Firewall",
            requests_per_second=sum(client.requests_per_second for client in clients.values()) or 10,
            log_group_name=f"aws-waf-logs-{environment.stack_name('gateway')}",
            encryption_key=data.key,
        )
        for name, authorization in _WAYS_IN.items():
            theirs = {who: _client(c) for who, c in clients.items() if c.authorization == authorization}
            if not theirs and not (authorization == "iam" and not clients):
                continue
            api = InferenceApi(
                self,
                name,
                function=inference.function,
                routes=[route.path for route in ROUTES],
                origins=environment.api.cors.origins,
                authorization=authorization,
                clients=theirs,
                encryption_key=data.key,
                stage_name=_STAGE,
            )
            api.stage.node.add_dependency(logging)
            firewall.protect(name, api.stage)
            cdk.CfnOutput(self, f"{name}Id", value=api.api.rest_api_id)
            for who, key in api.api_keys.items():
                cdk.CfnOutput(self, f"ApiKeyId{pascal(who)}", value=key.key_id)
        cdk.CfnOutput(self, "ApiStage", value=_STAGE)


def _served(environment: Environment, name: str, root: Path, batch_model: str | None) -> ServedModel:
    model = environment.models[name]
    endpoint = model.endpoint
    batch = None
    if batch_model is not None:
        batch = ServedBatch(
            batch_model,
            endpoint.instance_type,
            endpoint.instance_count,
            encrypt_volume=not has_local_storage(endpoint.instance_type),
        )
    return ServedModel(
        endpoint_name=None if batch else environment.endpoint_name(name),
        content_types=model.api.content_types,
        example=model.api.example,
        mode=model.endpoint.mode,
        component_name=environment.component_name(name),
        schema=model.api.schema_below(root),
        batch=batch,
        targets=model.artifact.folder is not None,
    )


def _client(client: Client) -> ApiClient:
    return ApiClient(
        requests_per_second=client.requests_per_second,
        burst=client.burst,
        principal=None if client.principal is None else iam.ArnPrincipal(client.principal),
    )
