"""The page where a person tries the models."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._inference_api import InferenceApi
from clary_constructs._policy import AccessPolicy
from clary_constructs._python_code import python_code
from clary_constructs._user_pool import ApiUserPool
from constructs import Construct

_PACKAGE = "web_page"
_REQUESTS_PER_SECOND, _BURST = 10, 20


class ApiPage(Construct):
    """`GET /` of an API: a page where people try its models, with an API key or signed in by `user_pool`.

    The page itself is for everybody, and says nothing of the models: it asks the API for them, as whoever
    shows their key or signs in. It comes from the API's own address: there is no bucket, and no other origin
    to allow. Its function reads nothing and may call nothing, and the page has a rate of its own (ten a
    second), so that strangers who ask for it do not use up the clients' rates.

    `source` is the folder with the package `web_page`. `url` is the page's address where the API has a name
    of its own; people who sign in are sent back there.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: InferenceApi,
        source: Path,
        encryption_key: kms.IKey,
        user_pool: ApiUserPool | None = None,
        url: str | None = None,
        reserved_concurrency: int = 5,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        super().__init__(scope, construct_id)
        if not api.api_keys and not (user_pool and user_pool.people):
            raise ValueError("nobody could use the page: the API has neither keys nor people who sign in")
        stack = Stack.of(self)
        # Not the stage's own `url`: the stage comes after the function, which comes after the app clients.
        self.url = url or (
            f"https://{api.api.rest_api_id}.execute-api.{stack.region}.{stack.url_suffix}/{api.stage_name}/"
        )
        settings: dict[str, object] = {"key": bool(api.api_keys)}
        if user_pool is not None and user_pool.people:
            user_pool.return_to(self.url)
            settings["sign_in_url"] = user_pool.domain.base_url()
            settings["apps"] = {name: app.user_pool_client_id for name, app in user_pool.people.items()}
        function = self._function(
            json.dumps(settings), source, encryption_key, reserved_concurrency, log_retention
        )
        method = api.api.root.add_method(
            "GET",
            apigateway.LambdaIntegration(function, timeout=Duration.seconds(5)),
            authorization_type=apigateway.AuthorizationType.NONE,
            api_key_required=False,
        )
        acknowledge(
            method,
            "AwsSolutions-APIG4",
            "AwsSolutions-COG4",
            reason="the page is the same for everybody, and holds no data: what it shows it asks the API for,"
            " with the key or the token of whoever looks at it",
        )
        limits = api.stage.node.default_child
        assert isinstance(limits, apigateway.CfnStage)
        # After the settings of all methods. The root is a path of its own in them.
        limits.add_property_override(
            "MethodSettings.1",
            {
                "HttpMethod": "GET",
                "ResourcePath": "/",
                "ThrottlingRateLimit": _REQUESTS_PER_SECOND,
                "ThrottlingBurstLimit": _BURST,
                "LoggingLevel": "ERROR",
                "DataTraceEnabled": False,
                "MetricsEnabled": True,
            },
        )

    def _function(
        self,
        settings: str,
        source: Path,
        encryption_key: kms.IKey,
        reserved_concurrency: int,
        log_retention: logs.RetentionDays,
    ) -> lambda_.Function:
        log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=encryption_key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "Role",
            description="Answers with a page, and may do nothing else",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        policy = AccessPolicy(
            self, "Policy", description="Writes the log of the page's function", roles=[role]
        )
        policy.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        function = lambda_.Function(
            self,
            "Function",
            description="The page where people try the models",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{_PACKAGE}.handler.handler",
            code=python_code(source, [_PACKAGE]),
            environment={"SETTINGS": settings},
            role=role.without_policy_updates(),
            memory_size=256,
            timeout=Duration.seconds(5),
            reserved_concurrent_executions=reserved_concurrency,
            log_group=log_group,
        )
        function.node.add_dependency(policy)
        packs = ("HIPAA.Security", "NIST.800.53.R5")
        acknowledge(
            function,
            *(f"{pack}-LambdaDLQ" for pack in packs),
            reason="a browser waits for the answer: there is nothing to keep of a request that fails",
        )
        acknowledge(
            function,
            *(f"{pack}-LambdaInsideVPC" for pack in (*packs, "PCI.DSS.321")),
            reason="it calls nothing, and everybody may see what it answers",
        )
        acknowledge(
            function,
            "AwsSolutions-L1",
            reason="Python 3.13 is the runtime of all our functions; Lambda maintains it until 2029",
        )
        return function
