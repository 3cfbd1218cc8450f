"""The function between an API and the models' endpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._api_client import ApiClient
from clary_constructs._policy import AccessPolicy
from clary_constructs._python_code import python_code
from clary_constructs._quota_table import QuotaTable
from constructs import Construct

_ENVIRONMENT_BYTES = 4096
"""All variables of a function together (Lambda quotas, "Environment variables")."""
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "134217728"}
"""Has the C library keep what a large body took, for the next one. By default it goes back to the system,
which hands it out again page by page, and that takes longer than to look at the body:
https://man7.org/linux/man-pages/man3/mallopt.3.html"""
_CLIENT_BYTES = 32
"""An app client's id has 26 characters, a key's 10; and their quotes."""

_PACKAGES = ("inference_gateway", "runtime_common")
_ORDERS = "jobs"
"""Below this the function keeps jobs and batches, each model's in a folder of its name."""

FeatureKind = Literal["string", "integral", "fractional"]
Mode = Literal["real-time", "serverless", "asynchronous", "batch"]


@dataclass(frozen=True)
class ServedBatch:
    """What a transform of a model runs on.

    `encrypt_volume` is false for instances whose own disks are encrypted: they take no key for them.
    """

    model_name: str
    instance_type: str
    instance_count: int = 1
    encrypt_volume: bool = True


@dataclass(frozen=True)
class LookedUpFeatures:
    """What a model gets in the place of the key in each row: `features` of a feature group's online store, in
    their order, each with its type.

    The key is a value of the group's `identifier`, of the type `key_type`: the member `member` of a row in
    JSON, or the column `column` of one in CSV, from 1. A row is an object, one of an array, or a line.
    """

    group_name: str
    identifier: str
    features: Mapping[str, FeatureKind]
    key_type: FeatureKind = "string"
    member: str | None = None
    """By default, it is called as the identifier."""
    column: int = 1


@dataclass(frozen=True)
class ServedModel:
    """What the function knows of a model: where it is asked, what it takes, and a body that it answers.

    `schema` is the JSON Schema (draft 2020-12) of a body in JSON, or of a line in JSON Lines. With the
    mode `batch` there is no endpoint. An asynchronous endpoint writes to `jobs/<model>/output` and
    `jobs/<model>/failure` in the bucket of jobs: its S3OutputPath and S3FailurePath.
    """

    endpoint_name: str | None
    content_types: tuple[str, ...]
    example: str | None = None
    mode: Mode = "real-time"
    component_name: str | None = None
    schema: Mapping[str, object] | None = None
    batch: ServedBatch | None = None
    targets: bool = False
    """Whether it is a multi-model endpoint: then a request names the artifact that is meant."""
    features: LookedUpFeatures | None = None
    """What is looked up for it, where it answers at once, and takes JSON, JSON Lines or CSV."""


@dataclass(frozen=True)
class LaunchedModels:
    """Models that are not known beforehand: whatever endpoint is called `<team>--…`, and carries the tags of
    its team in `teams`. The tag `content_type_tag` says what it takes; without it, it is none.
    """

    teams: Mapping[str, Mapping[str, str]]
    content_type_tag: str


class InferenceFunction(Construct):
    """A Python function that passes requests on to `models`, and may call their endpoints and no others.

    It runs in the VPC, without a way to the internet; its environment and its log are encrypted with
    `encryption_key`. `source` is the folder with the packages `inference_gateway` and `runtime_common`.

    Jobs and batches are kept in `jobs_bucket`, below `jobs/<model>/`, which the function reaches through the
    VPC's S3 endpoint; the bucket is encrypted with the same key. Transform jobs are called
    `<batch_prefix><id>`. Pages of `origins` may read answers.

    With `clients`, each may ask its own models, and for it there are no others; `recognise` says how it shows
    who it is. Without, whom the API lets in may ask all. Models of `own_resources` have resources of their
    own in the API, and are answered there only. Quotas that clients have of single models are counted in
    `quotas`. With `launched`, it looks for models that people launch as well.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        models: Mapping[str, ServedModel],
        source: Path,
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        jobs_bucket: s3.IBucket | None = None,
        batch_prefix: str = "batch-",
        clients: Mapping[str, ApiClient] | None = None,
        own_resources: Sequence[str] = (),
        quotas: QuotaTable | None = None,
        launched: LaunchedModels | None = None,
        origins: Sequence[str] = (),
        reserved_concurrency: int = 50,
        memory_mib: int = 512,
        timeout: Duration | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """By default, 29 seconds (what an API Gateway integration waits), and 50 requests at a time.

        Lambda takes the reserved concurrency from the account's, and keeps 100 for other functions: a
        new account has its limit raised first (Lambda quotas, "Concurrent executions").
        """
        super().__init__(scope, construct_id)
        variables = {"MODELS": _models_variable(models), **KEPT_MEMORY}
        if any(_keeps_orders(model) for model in models.values()):
            if jobs_bucket is None:
                raise ValueError(
                    "models that take jobs or batches need a bucket for them, give 'jobs_bucket'"
                )
            variables["JOBS_BUCKET"] = jobs_bucket.bucket_name
        if any(model.batch for model in models.values()):
            variables |= {"BATCH_PREFIX": batch_prefix, "JOBS_KEY": encryption_key.key_arn}
        if any(client.model_quotas for client in (clients or {}).values()) and quotas is None:
            raise ValueError("quotas of single models are counted in a table, give 'quotas'")
        if quotas is not None:
            variables["QUOTA_TABLE"] = quotas.table.table_name
        if origins:
            variables["ORIGINS"] = " ".join(origins)
        files = {"models.json": _description(models)}
        if launched is not None:
            files["launched.json"] = json.dumps(asdict(launched), indent=1)
        if clients is not None:
            files["clients.json"] = _clients(clients, own_resources)
            _check_size(models, variables["MODELS"], clients)
        self.log_group = log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=encryption_key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "Role",
            description="Calls the models' endpoints, and no others",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        policy = _execution_policy(self, role, models, encryption_key, log_group)
        _allow_orders(policy, models, encryption_key, jobs_bucket, batch_prefix)
        if quotas is not None:
            policy.allow(["dynamodb:UpdateItem"], [quotas.table.table_arn])
        if launched is not None:
            _allow_launched(policy, launched)
        self.function = lambda_.Function(
            self,
            "Function",
            description="Passes requests on to the models' endpoints",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler="inference_gateway.handler.handler",
            code=python_code(source, _PACKAGES, files),
            # the policy above is complete: nothing that CDK adds by itself
            role=role.without_policy_updates(),
            environment=variables,
            environment_encryption=encryption_key,
            vpc=vpc,
            vpc_subnets=subnets,
            security_groups=security_groups,
            memory_size=memory_mib,
            timeout=timeout or Duration.seconds(29),
            reserved_concurrent_executions=reserved_concurrency,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
        )
        acknowledge(
            self.function,
            *(f"{pack}-LambdaDLQ" for pack in ("HIPAA.Security", "NIST.800.53.R5")),
            reason="a dead-letter queue keeps what is sent asynchronously; here the caller waits",
        )
        acknowledge(
            self.function,
            "AwsSolutions-L1",
            reason="Python 3.13 is what the function is measured on; Lambda maintains it until 2029",
        )
        # Lambda refuses a function whose role may not yet make network interfaces
        self.function.node.add_dependency(policy)
        if quotas is not None:
            self.function.node.add_dependency(quotas)

    def recognise(
        self,
        api_keys: Mapping[str, apigateway.IApiKey],
        app_clients: Mapping[str, cognito.IUserPoolClient],
    ) -> None:
        """By which keys, and by tokens to which app clients, its clients are known: by their names."""
        keys = {name: key.key_id for name, key in api_keys.items()}
        apps = {name: app.user_pool_client_id for name, app in app_clients.items()}
        for variable, ids in (("API_KEYS", keys), ("APP_CLIENTS", apps)):
            if ids:
                self.function.add_environment(variable, json.dumps(ids, separators=(",", ":")))


def _keeps_orders(model: ServedModel) -> bool:
    return model.mode == "asynchronous" or model.batch is not None


def _models_variable(models: Mapping[str, ServedModel]) -> str:
    """What may be known only when it is deployed; the rest is long, and comes with the code."""
    entries: dict[str, dict[str, object]] = {}
    for name, model in models.items():
        if model.features is not None and model.mode not in ("real-time", "serverless"):
            raise ValueError(
                f"'{name}': features are looked up for what is answered at once, not for {model.mode}"
            )
        if (model.endpoint_name is None) != (model.mode == "batch"):
            raise ValueError(f"'{name}': a model has an endpoint, unless its mode is batch")
        entry: dict[str, object] = {} if model.endpoint_name is None else {"endpoint": model.endpoint_name}
        if model.component_name is not None:
            entry["component"] = model.component_name
        if model.batch is not None:
            entry["batch"] = {
                "model": model.batch.model_name,
                "instance_type": model.batch.instance_type,
                "instance_count": model.batch.instance_count,
                "encrypt_volume": model.batch.encrypt_volume,
            }
        entries[name] = entry
    value = json.dumps(entries, separators=(",", ":"))
    _check_size(models, value, {})
    return value


def _check_size(models: Mapping[str, ServedModel], value: str, clients: Mapping[str, ApiClient]) -> None:
    """Ids of clients are known only when they are made."""
    size = len("MODELS") + len(value.encode()) + sum(len(name) + _CLIENT_BYTES for name in clients)
    if size > _ENVIRONMENT_BYTES:
        whom = f"{len(models)} models" + (f" and {len(clients)} clients" if clients else "")
        raise ValueError(
            f"what the function has to know of its {whom} takes {size} bytes, Lambda takes"
            f" {_ENVIRONMENT_BYTES}: leave some out"
        )


def _clients(clients: Mapping[str, ApiClient], own_resources: Sequence[str]) -> str:
    return json.dumps(
        {
            "clients": {
                name: {"models": None if client.models is None else list(client.models)}
                | ({} if client.principal is None else {"principal": client.principal.arn})
                | ({"people": True} if client.return_to else {})
                | ({"quotas": _quotas(client)} if client.model_quotas else {})
                | ({"launched": list(client.launched)} if client.launched else {})
                for name, client in clients.items()
            },
            "own_resources": list(own_resources),
        },
        indent=1,
    )


def _quotas(client: ApiClient) -> dict[str, object]:
    return {
        model: {"requests": quota.requests, "per": quota.per} for model, quota in client.model_quotas.items()
    }


def _description(models: Mapping[str, ServedModel]) -> str:
    return json.dumps(
        {
            name: {"mode": model.mode, "content_types": list(model.content_types)}
            | ({} if model.example is None else {"example": model.example})
            | ({} if model.schema is None else {"schema": model.schema})
            | ({"targets": True} if model.targets else {})
            | ({} if model.features is None else {"features": _lookup(model.features)})
            for name, model in models.items()
        },
        indent=1,
    )


def _lookup(wanted: LookedUpFeatures) -> dict[str, object]:
    return {
        "group": wanted.group_name,
        "identifier": wanted.identifier,
        "key_type": wanted.key_type,
        "member": wanted.member or wanted.identifier,
        "column": wanted.column,
        "features": dict(wanted.features),
    }


def _execution_policy(
    scope: Construct,
    role: iam.IRole,
    models: Mapping[str, ServedModel],
    encryption_key: kms.IKey,
    log_group: logs.ILogGroup,
) -> AccessPolicy:
    stack = Stack.of(scope)
    policy = AccessPolicy(
        scope, "Policy", description="Calls the models' endpoints, and no others", roles=[role]
    )
    at_once, later, components = _endpoints(stack, models)
    if at_once:
        policy.allow(["sagemaker:InvokeEndpoint"], [*at_once, *components])
    if later:
        policy.allow(["sagemaker:InvokeEndpointAsync"], later)
    if at_once or later:
        policy.allow(["sagemaker:DescribeEndpoint"], list(dict.fromkeys([*at_once, *later])))
    groups = sorted({model.features.group_name for model in models.values() if model.features is not None})
    if groups:
        # their online stores are encrypted with the key below
        policy.allow(
            ["sagemaker:BatchGetRecord"],
            [
                stack.format_arn(service="sagemaker", resource="feature-group", resource_name=group)
                for group in groups
            ],
        )
    policy.allow(["kms:Decrypt"], [encryption_key.key_arn])
    policy.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
    policy.allow(
        [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:UnassignPrivateIpAddresses",
        ],
        [stack.format_arn(service="ec2", resource="*", resource_name="*")],
        wildcard_because="Lambda checks these before its network interfaces have names"
        " (Lambda Developer Guide, 'Giving Lambda functions access to resources in an Amazon VPC')",
    )
    policy.allow(
        [
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ],
        ["*"],
        wildcard_because="these actions take no resource",
    )
    return policy


def _endpoints(stack: Stack, models: Mapping[str, ServedModel]) -> tuple[list[str], list[str], list[str]]:
    """Those that answer at once, those that answer later, and the components on them."""
    at_once: dict[str, None] = {}
    later: dict[str, None] = {}
    components: dict[str, None] = {}
    for model in models.values():
        if model.endpoint_name is None:
            continue
        arn = stack.format_arn(service="sagemaker", resource="endpoint", resource_name=model.endpoint_name)
        (later if model.mode == "asynchronous" else at_once)[arn] = None
        if model.component_name is not None:
            component = stack.format_arn(
                service="sagemaker", resource="inference-component", resource_name=model.component_name
            )
            components[component] = None
    return list(at_once), list(later), list(components)


def _allow_launched(policy: AccessPolicy, launched: LaunchedModels) -> None:
    policy.allow(
        ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint", "sagemaker:ListTags"],
        [
            Stack.of(policy).format_arn(service="sagemaker", resource="endpoint", resource_name=f"{team}--*")
            for team in launched.teams
        ],
        wildcard_because="they are named by whoever launches them; a team's all begin so",
    )
    policy.allow(["sagemaker:ListEndpoints"], ["*"], wildcard_because="this action takes no resource")


def _allow_orders(
    policy: AccessPolicy,
    models: Mapping[str, ServedModel],
    key: kms.IKey,
    bucket: s3.IBucket | None,
    batch_prefix: str,
) -> None:
    stack = Stack.of(policy)
    keeping = [name for name, model in models.items() if _keeps_orders(model)]
    if keeping and bucket is not None:
        policy.allow(
            ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            [bucket.arn_for_objects(f"{_ORDERS}/{name}/*") for name in keeping],
            wildcard_because="each job has a folder of its own",
        )
        policy.allow(
            ["s3:ListBucket"],
            [bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{_ORDERS}/{name}/*" for name in keeping]}},
        )
        policy.allow(["kms:GenerateDataKey"], [key.key_arn])
    batches = [model.batch for model in models.values() if model.batch is not None]
    if batches:
        jobs = stack.format_arn(
            service="sagemaker", resource="transform-job", resource_name=f"{batch_prefix}*"
        )
        policy.allow(
            ["sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"],
            [jobs],
            wildcard_because="each batch is a transform job of its own",
        )
        policy.allow(
            ["sagemaker:CreateTransformJob"],
            [jobs],
            conditions={
                "StringEquals": {
                    "sagemaker:ModelArn": [
                        stack.format_arn(
                            service="sagemaker", resource="model", resource_name=batch.model_name
                        )
                        for batch in batches
                    ]
                }
            },
            wildcard_because="each batch is a transform job of its own",
        )
        # SageMaker encrypts what a transform writes, and its disks, on behalf of who asks for it:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
        policy.allow(["kms:CreateGrant", "kms:DescribeKey"], [key.key_arn])
