"""A pipeline of events: a bus, rules, queues with dead letters, a topic with filters, a state machine."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_notifications as notifications
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks


class EventPipeline(cdk.Stack):
    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "event-pipeline")
        letters = sqs.Queue(self, "Letters", retention_period=cdk.Duration.days(14), enforce_ssl=True)
        queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=cdk.Duration.seconds(60),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            dead_letter_queue=sqs.DeadLetterQueue(queue=letters, max_receive_count=3),
        )
        topic = sns.Topic(self, "Topic", enforce_ssl=True)
        topic.add_subscription(
            subscriptions.SqsSubscription(
                queue,
                raw_message_delivery=True,
                filter_policy={"kind": sns.SubscriptionFilter.string_filter(allowlist=["order"])},
            )
        )
        worker = lambda_.Function(
            self,
            "Worker",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline("def handler(event, context): return {'ok': True}"),
            dead_letter_queue=letters,
            reserved_concurrent_executions=2,
        )
        worker.add_event_source(sources.SqsEventSource(queue, batch_size=5, report_batch_item_failures=True))
        machine = sfn.StateMachine(
            self,
            "Machine",
            definition_body=sfn.DefinitionBody.from_chainable(
                tasks.LambdaInvoke(self, "Work", lambda_function=worker, output_path="$.Payload").next(
                    sfn.Choice(self, "Good")
                    .when(sfn.Condition.boolean_equals("$.ok", value=True), sfn.Succeed(self, "Done"))
                    .otherwise(sfn.Fail(self, "Bad"))
                )
            ),
            tracing_enabled=True,
        )
        bus = events.EventBus(self, "Bus", event_bus_name="orders")
        events.Rule(
            self,
            "Placed",
            event_bus=bus,
            event_pattern=events.EventPattern(source=["shop"], detail_type=["order placed"]),
            targets=[
                targets.SfnStateMachine(machine, dead_letter_queue=letters),
                targets.SnsTopic(topic),
            ],
        )
        events.Rule(
            self,
            "Nightly",
            schedule=events.Schedule.cron(minute="0", hour="3"),
            targets=[targets.LambdaFunction(worker, retry_attempts=2)],
        )
        events.Archive(
            self, "Archive", source_event_bus=bus, event_pattern=events.EventPattern(source=["shop"])
        )
        inbox = s3.Bucket(self, "Inbox", removal_policy=cdk.RemovalPolicy.DESTROY, auto_delete_objects=True)
        inbox.add_event_notification(
            s3.EventType.OBJECT_CREATED,
            notifications.LambdaDestination(worker),
            s3.NotificationKeyFilter(prefix="in/", suffix=".csv"),
        )
        alarm = letters.metric_approximate_number_of_messages_visible().create_alarm(
            self, "Failed", threshold=1, evaluation_periods=1
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        dashboard = cloudwatch.Dashboard(self, "Dashboard")
        dashboard.add_widgets(cloudwatch.AlarmWidget(alarm=alarm))
        cdk.CfnOutput(self, "InboxName", value=inbox.bucket_name)
