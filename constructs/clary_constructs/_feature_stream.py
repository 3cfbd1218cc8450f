"""Queues whose messages become records of feature groups."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._feature_group import FeatureGroup
from clary_constructs._policy import AccessPolicy
from constructs import Construct

_FUNCTION_SECONDS = 30
_ATTEMPTS = 5
_KEPT_DAYS = 14
"""The longest that SQS keeps anything."""


class FeatureStream(Construct):
    """Writes what is sent to a queue into a feature group, message by message.

    Each message is a JSON object, a value for each feature. One that comes twice is the same record twice,
    which the view of the group's history has once, and one that comes late does not undo what came after it:
    Feature Store compares the times of events. What cannot be written after five attempts is kept among the
    dead letters, for 14 days, and an alarm tells of it. The function (`code` holds
    `feature_ingestion.handler.handler`) may put records into the groups that it is given, and nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        encryption_key: kms.IKey,
        alarm_topic: sns.ITopic,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """By default, the queues are retained with what is in them."""
        super().__init__(scope, construct_id)
        self._key = encryption_key
        self._topic = alarm_topic
        self._removal_policy = removal_policy
        self._groups: dict[str, str] = {}
        log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=encryption_key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "Role",
            description="Writes messages into feature groups",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        self._policy = AccessPolicy(
            self, "Policy", description="Writes messages into feature groups", roles=[role]
        )
        self._policy.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        self._policy.allow(["kms:Decrypt", "kms:GenerateDataKey"], [encryption_key.key_arn])
        self._policy.allow(
            [
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:UnassignPrivateIpAddresses",
            ],
            [Stack.of(self).format_arn(service="ec2", resource="*", resource_name="*")],
            wildcard_because="Lambda checks these before its network interfaces have names"
            " (Lambda Developer Guide, 'Giving Lambda functions access to resources in an Amazon VPC')",
        )
        self._policy.allow(
            ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"],
            ["*"],
            wildcard_because="these actions take no resource",
        )
        self._function = lambda_.Function(
            self,
            "Function",
            description="Writes messages into feature groups",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler="feature_ingestion.handler.handler",
            code=code,
            role=role.without_policy_updates(),
            environment_encryption=encryption_key,
            vpc=vpc,
            vpc_subnets=subnets,
            security_groups=list(security_groups),
            memory_size=256,
            timeout=Duration.seconds(_FUNCTION_SECONDS),
            log_group=log_group,
        )
        self._function.node.add_dependency(self._policy)
        packs = ("HIPAA.Security", "NIST.800.53.R5")
        acknowledge(
            self._function,
            *(f"{pack}-LambdaDLQ" for pack in packs),
            reason="its queues have dead letters, each of its own",
        )
        acknowledge(
            self._function,
            *(f"{pack}-LambdaConcurrency" for pack in packs),
            reason="each queue limits how often the function works for it at a time",
        )
        acknowledge(
            self._function,
            "AwsSolutions-L1",
            reason="Python 3.13 is the runtime of all our functions; Lambda maintains it until 2029",
        )

    def feed(self, group: FeatureGroup, *, at_a_time: int = 10) -> sqs.IQueue:
        """A queue for `group`, which has the group's name."""
        dead_letters = self._queue(group, "DeadLetters")
        queue = self._queue(
            group,
            "Stream",
            name=group.name,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=_ATTEMPTS),
        )
        alarm = cloudwatch.Alarm(
            group,
            "DeadLetterAlarm",
            alarm_description=f"{group.name}: messages could not be written",
            metric=dead_letters.metric_approximate_number_of_messages_visible(period=Duration.minutes(1)),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        stack = Stack.of(self)
        self._policy.allow(
            ["sagemaker:PutRecord"],
            [stack.format_arn(service="sagemaker", resource="feature-group", resource_name=group.name)],
        )
        self._policy.allow(
            ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], [queue.queue_arn]
        )
        source = event_sources.SqsEventSource(
            queue, batch_size=10, max_concurrency=at_a_time, report_batch_item_failures=True
        )
        self._function.add_event_source(source)
        self._groups[queue.queue_arn] = group.name
        self._function.add_environment("GROUPS", stack.to_json_string(self._groups))
        return queue

    def _queue(
        self,
        group: FeatureGroup,
        construct_id: str,
        name: str | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            group,
            construct_id,
            queue_name=name,
            encryption_master_key=self._key,
            enforce_ssl=True,
            retention_period=Duration.days(_KEPT_DAYS),
            # six times the function's, as AWS has it:
            # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            visibility_timeout=Duration.seconds(6 * _FUNCTION_SECONDS),
            dead_letter_queue=dead_letter_queue,
            removal_policy=self._removal_policy,
        )
