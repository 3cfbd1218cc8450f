"""What callers reach: the models over HTTPS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_sns as sns

from clary.environment.catalog import ROUTE_TAG, marks, teams_with_routes
from clary.environment.model import Environment
from clary.environment.model_features import ModelFeatures
from clary_constructs import (
    DYNAMODB_PREFIX_LISTS,
    AlarmTopic,
    ApiAlarms,
    ApiClient,
    ApiDashboard,
    ApiFirewall,
    ApiLogging,
    ApiPage,
    ApiUserPool,
    FeatureAlarm,
    InferenceApi,
    InferenceFunction,
    LaunchedModels,
    LookedUpFeatures,
    QuotaAlarm,
    QuotaTable,
    ServedBatch,
    ServedModel,
    has_local_storage,
)
from constructs import Construct
from inference_gateway.routes import ROUTES
from stacks.api_client import (
    Authorization,
    clients_of,
    limited_models,
    models_with_scopes,
    teams_with_scopes,
)
from stacks.api_place import domain_of, vpc_endpoints_of
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.network import NetworkStack

_FUNCTIONS = Path(__file__).parent.parent / "lambda"
_STAGE = "v1"
_WAYS_IN: Mapping[str, Authorization] = {"KeyApi": "api-key", "IamApi": "iam", "TokenApi": "cognito"}


class GatewayStack(cdk.Stack):
    """One function for all models, and an API in front of it for each way in that the file's clients take.

    Without clients there is one way in, for the account's own principals. The endpoints are known by
    their fixed names: an export of the Serving stack could not be withdrawn while this stack imports it,
    and no model could ever be removed. What people launch is known by its name and its tags.
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
        api, clients = environment.api, clients_of(environment)
        own_resources = limited_models(environment)
        quotas = _quota_table(self, environment, network, data) if api.has_model_quotas else None
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
            clients={name: client for ways in clients.values() for name, client in ways.items()} or None,
            own_resources=own_resources,
            quotas=quotas,
            launched=_launched(environment),
            origins=api.cors.origins,
        )
        logging = ApiLogging(self, "Logging", removal_policy=_removal_policy(environment))
        firewall = ApiFirewall(
            self,
            "Firewall",
            requests_per_second=sum(client.requests_per_second for client in api.clients.values()) or 10,
            log_group_name=f"aws-waf-logs-{environment.stack_name('gateway')}",
            encryption_key=data.key,
        )
        user_pool = self._user_pool(environment, clients["cognito"]) if clients["cognito"] else None
        topic = AlarmTopic(self, "Alarms", encryption_key=data.key).topic
        if quotas is not None:
            QuotaAlarm(self, "QuotaAlarm", function=inference, topic=topic)
        if any(model.api.features is not None for model in environment.models.values()):
            FeatureAlarm(self, "FeatureAlarm", function=inference, topic=topic)
        vpc_endpoints = vpc_endpoints_of(self, environment, network)
        domain = domain_of(self, environment)
        fronts: list[tuple[InferenceApi, ApiAlarms]] = []
        keys: dict[str, apigateway.IApiKey] = {}
        for name, authorization in _WAYS_IN.items():
            theirs = clients[authorization]
            if not theirs and not (authorization == "iam" and not api.clients):
                continue
            front = InferenceApi(
                self,
                name,
                function=inference.function,
                routes=[route.path for route in ROUTES],
                origins=api.cors.origins,
                authorization=authorization,
                clients=theirs,
                encryption_key=data.key,
                user_pool=user_pool if authorization == "cognito" else None,
                metered=api.metered,
                own_resources=own_resources,
                vpc_endpoints=vpc_endpoints,
                stage_name=_STAGE,
            )
            front.stage.node.add_dependency(logging)
            firewall.protect(name, front.stage)
            fronts.append((front, _alarms(self, f"{name}Alarms", environment, front, topic)))
            if domain is not None:
                domain.lead(authorization, front.stage)
            if front.api_keys or (authorization == "cognito" and user_pool and user_pool.people):
                page = ApiPage(
                    self,
                    f"{name}Page",
                    api=front,
                    source=_FUNCTIONS,
                    encryption_key=data.key,
                    user_pool=user_pool if authorization == "cognito" else None,
                    url=None if api.domain is None else f"https://{api.domain.name}/{authorization}/",
                )
                cdk.CfnOutput(self, f"{name}PageUrl", value=page.url)
            keys |= front.api_keys
            cdk.CfnOutput(self, f"{name}Id", value=front.api.rest_api_id)
        inference.recognise(keys, user_pool.clients if user_pool else {})
        for who, key in keys.items():
            cdk.CfnOutput(self, f"ApiKeyId{pascal(who)}", value=key.key_id)
        ApiDashboard(self, "Overview", apis=fronts)
        cdk.CfnOutput(self, "ApiStage", value=_STAGE)
        cdk.CfnOutput(self, "AlarmTopicArn", value=topic.topic_arn)

    def _user_pool(self, environment: Environment, clients: Mapping[str, ApiClient]) -> ApiUserPool:
        """Where the clients' tokens come from."""
        settings = environment.api.user_pool
        made = ApiUserPool(
            self,
            "Users",
            models=models_with_scopes(environment),
            teams=teams_with_scopes(environment),
            clients=clients,
            domain_prefix=settings.domain_prefix or f"clary-{environment.name}-{environment.account}",
            token_validity=cdk.Duration.minutes(settings.token_minutes),
            second_factor=settings.second_factor == "required",
            removal_policy=_removal_policy(environment),
        )
        cdk.CfnOutput(self, "UserPoolId", value=made.pool.user_pool_id)
        cdk.CfnOutput(self, "TokenUrl", value=f"{made.domain.base_url()}/oauth2/token")
        for who, app in made.clients.items():
            cdk.CfnOutput(self, f"AppClientId{pascal(who)}", value=app.user_pool_client_id)
        return made


def _quota_table(
    scope: Construct, environment: Environment, network: NetworkStack, data: DataStack
) -> QuotaTable:
    return QuotaTable(
        scope,
        "Quotas",
        encryption_key=data.key,
        vpc=network.vpc,
        security_group=network.gateway_security_group,
        prefix_list=DYNAMODB_PREFIX_LISTS[environment.region],
        subnets=network.subnets if environment.network.vpc is None else None,
    )


def _alarms(
    scope: Construct, construct_id: str, environment: Environment, api: InferenceApi, topic: sns.ITopic
) -> ApiAlarms:
    said = environment.api.alarms
    return ApiAlarms(
        scope,
        construct_id,
        api=api,
        topic=topic,
        server_errors_percent=said.server_errors_percent,
        latency=cdk.Duration.millis(said.latency_ms),
        throttled=said.throttled,
    )


def _removal_policy(environment: Environment) -> cdk.RemovalPolicy:
    return cdk.RemovalPolicy.RETAIN if environment.retain_data else cdk.RemovalPolicy.DESTROY


def _launched(environment: Environment) -> LaunchedModels | None:
    teams = teams_with_routes(environment.catalog)
    if not teams:
        return None
    return LaunchedModels({team: marks(environment, team) for team in teams}, ROUTE_TAG)


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
        features=_looked_up(environment, model.api.features),
    )


def _looked_up(environment: Environment, wanted: ModelFeatures | None) -> LookedUpFeatures | None:
    if wanted is None:
        return None
    group = environment.features[wanted.group]
    return LookedUpFeatures(
        group_name=environment.feature_group_name(wanted.group),
        identifier=group.identifier,
        key_type=group.features[group.identifier].type,
        features={name: group.features[name].type for name in wanted.names},
        member=wanted.member,
        column=wanted.column or 1,
    )
