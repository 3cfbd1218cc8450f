"""An endpoint that follows a model registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import ArnFormat, CustomResource, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._endpoint import allow_capture, allow_queue, check_name, endpoint_log
from clary_constructs._endpoint_capacity import (
    Instances,
    ModelVariant,
    RequestCapture,
    RequestQueue,
    ServerlessCapacity,
    UpdatePolicy,
    has_local_storage,
)
from clary_constructs._model_container import ModelNetwork, execution_policy, execution_role
from clary_constructs._policy import AccessPolicy
from clary_constructs._subnets import selected_subnets
from constructs import Construct

_IN_THE_API = {"MemorySizeInMb": "MemorySizeInMB"}
"""What SageMaker's API spells as no rule tells."""


class PromotedEndpoint(Construct):
    """Serves the latest approved version of a model package group, from its first approval on.

    CloudFormation knows the function that does it, and not the endpoint: a deployment does not undo an
    approval. An approval, or a rejection of what is served, calls the function (`code` holds
    `model_promotion.handler.handler`), which makes model and configuration, and updates the endpoint as
    `update` says. It is called by each deployment that changes how the endpoint is to be, too.

    The packages' own images have to be in one of `repositories`, and their artifacts below
    `artifact_prefix`. `empties_group` deletes the group's versions with this resource, for a group that
    does not outlive it. When the function fails, `topic` is told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        group_name: str,
        code: lambda_.Code,
        repositories: Sequence[ecr.IRepository],
        artifact_bucket: s3.IBucket,
        artifact_prefix: str,
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        topic: sns.ITopic,
        capacity: Instances | ServerlessCapacity = Instances(),  # noqa: B008 - it cannot change
        environment: Mapping[str, str] | None = None,
        queue: RequestQueue | None = None,
        capture: RequestCapture | None = None,
        update: UpdatePolicy | None = None,
        alarms: Sequence[cloudwatch.IAlarm | str] = (),
        empties_group: bool = False,
        tags: Mapping[str, str] | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        super().__init__(scope, construct_id)
        check_name(endpoint_name)
        stack = Stack.of(self)
        serverless = isinstance(capacity, ServerlessCapacity)
        log_group = endpoint_log(self, endpoint_name, encryption_key, log_retention)
        network = None
        if not serverless:
            network = ModelNetwork(selected_subnets(vpc, subnets).subnets, security_groups)
        role = execution_role(self, "Runs one model's approved versions: reads them, writes their log")
        policy = execution_policy(
            self,
            role,
            "What one model's endpoint may do",
            containers=[],
            encryption_key=encryption_key,
            log_groups=[log_group],
            network=network,
        )
        policy.allow(
            ["s3:GetObject"],
            [artifact_bucket.arn_for_objects(f"{artifact_prefix}/*")],
            wildcard_because="each version has an artifact of its own",
        )
        if repositories:
            policy.allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                [repository.repository_arn for repository in repositories],
            )
        if queue is not None:
            allow_queue(policy, queue, encryption_key)
        if capture is not None:
            allow_capture(policy, capture, encryption_key)

        labels = [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]
        with_disks = isinstance(capacity, Instances) and has_local_storage(capacity.type)
        variant = _api(ModelVariant((), capacity).properties("main", "")) | {"VariantName": "main"}
        variant.pop("ModelName")
        configuration: dict[str, Any] = {"ProductionVariants": [variant], "Tags": labels}
        if not with_disks:
            configuration["KmsKeyId"] = encryption_key.key_arn
        if queue is not None:
            configuration["AsyncInferenceConfig"] = _api(queue.properties(encryption_key))
        if capture is not None:
            configuration["DataCaptureConfig"] = _api(capture.properties(encryption_key))
        model: dict[str, Any] = {
            "ExecutionRoleArn": role.role_arn,
            "EnableNetworkIsolation": not serverless,
            "Tags": labels,
        }
        if network is not None:
            ids = network.config
            model["VpcConfig"] = {
                "Subnets": ids["subnets"],
                "SecurityGroupIds": ids["security_group_ids"],
            }
        guarded = update is not None and not serverless
        wanted = stack.to_json_string(
            {
                "endpoint": endpoint_name,
                "group": group_name,
                "model": model,
                "configuration": configuration,
                "variables": dict(environment or {}),
                "deployment": _api(update.properties(alarms)) if update and guarded else None,
            }
        )
        function, may = cleanup_function(
            Construct(self, "Promotion"),
            code=code,
            handler="model_promotion.handler.handler",
            description=f"Brings approved versions of {group_name} into service",
            allowed="Makes and updates one endpoint from one model package group",
            encryption_key=encryption_key,
            reaches="SageMaker",
        )
        function.add_environment("WANTED", wanted)
        self._allow_promotion(may, endpoint_name, group_name, role, encryption_key, empties=empties_group)
        rule = events.Rule(
            self,
            "Decided",
            description=f"A version of {group_name} was approved or rejected",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={"ModelPackageGroupName": [group_name]},
            ),
        )
        rule.add_target(targets.LambdaFunction(function, retry_attempts=3))
        self.resource = CustomResource(
            self,
            "Service",
            resource_type="Custom::PromotedEndpoint",
            service_token=function.function_arn,
            properties={"Wanted": wanted, "EmptiesGroup": "true" if empties_group else "false"},
        )
        self.resource.node.add_dependency(may, policy, log_group, rule)
        failed = cloudwatch.Alarm(
            self,
            "NotPromoted",
            alarm_description=f"{endpoint_name}: a decision about a version was not carried out",
            metric=function.metric_errors(),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        failed.add_alarm_action(actions.SnsAction(topic))
        self.endpoint_name = endpoint_name

    def _allow_promotion(
        self,
        may: AccessPolicy,
        endpoint_name: str,
        group_name: str,
        role: iam.IRole,
        key: kms.IKey,
        *,
        empties: bool,
    ) -> None:
        stack = Stack.of(self)

        def arn(resource: str, name: str) -> str:
            return stack.format_arn(
                service="sagemaker",
                resource=resource,
                resource_name=name,
                arn_format=ArnFormat.SLASH_RESOURCE_NAME,
            )

        made = [arn(kind, f"{endpoint_name[:50].rstrip('-')}-*") for kind in ("model", "endpoint-config")]
        endpoint = arn("endpoint", endpoint_name)
        versions = arn("model-package", f"{group_name}/*")
        may.allow(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:CreateModel",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:DeleteModel",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:DescribeModel",
            ],
            made,
            wildcard_because="what is made for one endpoint is named after its content",
        )
        may.allow(
            ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
            [endpoint, made[1]],
            wildcard_because="what is made for one endpoint is named after its content",
        )
        may.allow(["sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"], [endpoint])
        may.allow(
            ["sagemaker:DescribeModelPackage", *(["sagemaker:DeleteModelPackage"] if empties else [])],
            [versions],
            wildcard_because="the versions of one group",
        )
        may.allow(
            ["sagemaker:ListEndpointConfigs", "sagemaker:ListModelPackages", "sagemaker:ListModels"],
            ["*"],
            wildcard_because="these actions take no resource",
        )
        may.allow(
            ["iam:PassRole"],
            [role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        may.allow(["kms:CreateGrant", "kms:DescribeKey"], [key.key_arn])


def _api(properties: Any) -> dict[str, Any]:
    """A structure of a template's as SageMaker's API has it, with its references as they are.

    CDK's structures keep what they were given by its Python names, and have no public way to it.
    """
    found: dict[str, Any] = _members(properties)
    return found


def _members(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_members(one) for one in value]
    given = getattr(value, "_values", None)
    if given is None:
        return value
    named = {"".join(word.capitalize() for word in key.split("_")): one for key, one in given.items()}
    return {_IN_THE_API.get(key, key): _members(one) for key, one in named.items() if one is not None}
