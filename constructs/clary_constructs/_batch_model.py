"""A model that is there for the time of a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns

from clary_constructs._content_name import content_name
from clary_constructs._endpoint import check_name
from clary_constructs._endpoint_capacity import Instances, has_local_storage
from clary_constructs._model_container import (
    ModelContainer,
    ModelNetwork,
    execution_policy,
    execution_role,
    model_properties,
)
from clary_constructs._policy import AccessPolicy
from clary_constructs._subnets import selected_subnets
from constructs import Construct

_RUN = "<aws.scheduler.execution-id>"
"""What EventBridge Scheduler puts an id of the run in for.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""
_LONGEST_STEM = 40
"""So that a run's id has room in the name of a job, of 63 characters."""


class BatchModel(Construct):
    """A model for transform jobs, without an endpoint: on demand by whoever may, and by the clock.

    It reads and writes below `prefixes` of `data_bucket`. The model is named after its content; jobs that
    run keep the one they began with.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        containers: Sequence[ModelContainer],
        capacity: Instances,
        data_bucket: s3.IBucket,
        prefixes: Sequence[str],
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        network_isolation: bool = True,
    ) -> None:
        super().__init__(scope, construct_id)
        check_name(name)
        self._name, self._capacity = name, capacity
        self._bucket, self._key = data_bucket, encryption_key
        network = ModelNetwork(selected_subnets(vpc, subnets).subnets, security_groups)
        role = execution_role(self, "Runs one model's transform jobs: reads it and its data, writes answers")
        policy = execution_policy(
            self,
            role,
            "What one model's transform jobs may do",
            containers=containers,
            encryption_key=encryption_key,
            log_groups=[],
            network=network,
        )
        self._allow_data(policy, sorted(set(prefixes)))
        policy.allow_logs_of("TransformJobs")
        properties = model_properties(containers, role, network, isolated=network_isolation)
        self.model_name = content_name(self, name, properties)
        self.model = sagemaker.CfnModel(self, "Model", model_name=self.model_name, **properties)
        # CreateModel fails unless the role can already read image and artifact.
        self.model.node.add_dependency(policy)
        self._schedules: tuple[scheduler.CfnScheduleGroup, iam.Role, AccessPolicy] | None = None

    def transform(
        self,
        construct_id: str,
        *,
        at: str,
        time_zone: str,
        input_prefix: str,
        output_prefix: str,
        content_type: str,
        topic: sns.ITopic,
        by_line: bool = True,
        max_payload_mib: int = 6,
        concurrent_per_instance: int = 1,
    ) -> scheduler.CfnSchedule:
        """Starts a job by the clock, `at` being `cron(…)`, `rate(…)` or `at(…)`.

        Each run writes to a folder of its own below `output_prefix`. One that could not be started is told
        on `topic`.
        """
        group, role, policy = self._for_schedules(topic)
        volume = {} if has_local_storage(self._capacity.type) else {"VolumeKmsKeyId": self._key.key_arn}
        request: dict[str, Any] = {
            "TransformJobName": f"{self._stem}-{_RUN}",
            "ModelName": self.model_name,
            "BatchStrategy": "MultiRecord" if by_line else "SingleRecord",
            "MaxPayloadInMB": max_payload_mib,
            "MaxConcurrentTransforms": concurrent_per_instance,
            "TransformInput": {
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": self._bucket.s3_url_for_object(f"{input_prefix}/"),
                    }
                },
                "ContentType": content_type,
                "SplitType": "Line" if by_line else "None",
            },
            "TransformOutput": {
                "S3OutputPath": self._bucket.s3_url_for_object(f"{output_prefix}/{_RUN}"),
                "AssembleWith": "Line" if by_line else "None",
                "KmsKeyId": self._key.key_arn,
            },
            "TransformResources": {
                "InstanceType": self._capacity.type,
                "InstanceCount": self._capacity.count,
                **volume,
            },
        }
        schedule = scheduler.CfnSchedule(
            self,
            construct_id,
            description=f"Transforms {input_prefix} with {self._name}",
            group_name=group.ref,
            schedule_expression=at,
            schedule_expression_timezone=time_zone,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=Stack.of(self).format_arn(
                    service="scheduler",
                    region="",
                    account="",
                    resource="aws-sdk",
                    resource_name="sagemaker:createTransformJob",
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                ),
                role_arn=role.role_arn,
                input=Stack.of(self).to_json_string(request),
                # a try that SageMaker has taken, and whose answer was lost, would be a second job
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(maximum_retry_attempts=0),
            ),
        )
        schedule.add_resource_dependency(self.model)
        schedule.node.add_dependency(policy)
        return schedule

    @property
    def _stem(self) -> str:
        return self._name[:_LONGEST_STEM].rstrip("-")

    def _for_schedules(self, topic: sns.ITopic) -> tuple[scheduler.CfnScheduleGroup, iam.Role, AccessPolicy]:
        if self._schedules is None:
            stack = Stack.of(self)
            group = scheduler.CfnScheduleGroup(self, "Schedules")
            role = iam.Role(
                self,
                "Starter",
                description=f"Starts the transform jobs of {self._name} by the clock",
                assumed_by=iam.ServicePrincipal(
                    "scheduler.amazonaws.com",
                    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
                    conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
                ),
            )
            policy = AccessPolicy(
                self, "Start", description="Starts one model's transform jobs", roles=[role]
            )
            jobs = stack.format_arn(
                service="sagemaker", resource="transform-job", resource_name=f"{self._stem}-*"
            )
            policy.allow(
                ["sagemaker:CreateTransformJob"],
                [jobs],
                wildcard_because="each run is a job of its own, by the id of the run",
            )
            # SageMaker encrypts what a transform writes, and its disks, on behalf of who asks for it:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
            policy.allow(["kms:CreateGrant", "kms:DescribeKey", "kms:GenerateDataKey"], [self._key.key_arn])
            alarm = cloudwatch.Alarm(
                self,
                "NotStarted",
                alarm_description=f"{self._name}: a scheduled transform could not be started",
                metric=cloudwatch.Metric(
                    namespace="AWS/Scheduler",
                    metric_name="TargetErrorCount",
                    dimensions_map={"ScheduleGroup": group.ref},
                    statistic="Sum",
                ),
                threshold=1,
                evaluation_periods=1,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(actions.SnsAction(topic))
            self._schedules = group, role, policy
        return self._schedules

    def _allow_data(self, policy: AccessPolicy, prefixes: Sequence[str]) -> None:
        below = [self._bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes]
        policy.allow(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            below,
            wildcard_because="what a job reads and writes is below these folders",
        )
        policy.allow(["s3:ListBucket"], [self._bucket.bucket_arn])
        policy.allow(["kms:GenerateDataKey"], [self._key.key_arn])
