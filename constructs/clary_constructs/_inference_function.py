"""The function between an API and the models' endpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._policy import AccessPolicy
from constructs import Construct

_ENVIRONMENT_BYTES = 4096
"""All variables of a function together (Lambda quotas, "Environment variables")."""


@dataclass(frozen=True)
class ServedModel:
    """What the function knows of a model: its endpoint, what it takes, and a body that it answers."""

    endpoint_name: str
    content_types: tuple[str, ...]
    example: str | None = None


class InferenceFunction(Construct):
    """A Python function that passes requests on to `models`, and may call their endpoints and no others.

    It runs in the VPC, without a way to the internet; its environment and its log are encrypted with
    `encryption_key`. `code` holds the handler `inference_gateway.handler.handler`, which reads the
    models from the variable MODELS.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        models: Mapping[str, ServedModel],
        code: lambda_.Code,
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
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
        variables = {"MODELS": _models_variable(models)}
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
            description="Calls the models' endpoints, and no others",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        policy = _execution_policy(self, role, models, encryption_key, log_group)
        self.function = lambda_.Function(
            self,
            "Function",
            description="Passes requests on to the models' endpoints",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler="inference_gateway.handler.handler",
            code=code,
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


def _models_variable(models: Mapping[str, ServedModel]) -> str:
    value = json.dumps(
        {
            name: {
                "endpoint": model.endpoint_name,
                "content_types": list(model.content_types),
                "example": model.example,
            }
            for name, model in models.items()
        },
        separators=(",", ":"),
    )
    size = len("MODELS") + len(value.encode())
    if size > _ENVIRONMENT_BYTES:
        raise ValueError(
            f"what the function has to know of its {len(models)} models takes {size} bytes, Lambda takes"
            f" {_ENVIRONMENT_BYTES}: shorten the models' examples, or leave some out"
        )
    return value


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
    policy.allow(
        ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"],
        [
            stack.format_arn(service="sagemaker", resource="endpoint", resource_name=model.endpoint_name)
            for model in models.values()
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
