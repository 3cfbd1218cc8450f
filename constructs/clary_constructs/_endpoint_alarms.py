"""What is told when an endpoint does not do well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs import Construct

_NAMESPACE = "AWS/SageMaker"
_MICROSECONDS = 1000


def endpoint_metric(
    name: str, *, statistic: str, dimensions: Mapping[str, str], period: Duration | None = None
) -> cloudwatch.Metric:
    """One of https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html"""
    return cloudwatch.Metric(
        namespace=_NAMESPACE,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        period=period or Duration.minutes(1),
    )


class AlarmTopic(Construct):
    """Where alarms of this account are told, encrypted with a key of ours.

    CloudWatch has to be allowed to use the key: `EncryptionKey` does.
    """

    def __init__(self, scope: Construct, construct_id: str, *, encryption_key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", master_key=encryption_key, enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )


class EndpointAlarms(Construct):
    """Alarms on failed requests, and on slow ones where `latency` says what slow is.

    They are told on `topic`, and are made before the endpoint: its updates watch them. `places` are the
    dimensions of what is watched, by a name: of each variant, or of an inference component.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        places: Mapping[str, Mapping[str, str]],
        topic: sns.ITopic,
        asynchronous: bool = False,
        server_errors: int = 1,
        latency: Duration | None = None,
        minutes: int = 1,
    ) -> None:
        super().__init__(scope, construct_id)
        self.alarms: list[cloudwatch.Alarm] = []
        for name, dimensions in places.items():
            part = Construct(self, "".join(word.capitalize() for word in name.split("-")))
            errors, of = "Invocation5XXErrors", dimensions
            if asynchronous:
                # of the queue, which knows no variants:
                # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
                errors, of = "InvocationFailures", {"EndpointName": dimensions["EndpointName"]}
            self.alarms.append(
                cloudwatch.Alarm(
                    part,
                    "ServerErrors",
                    alarm_description=f"{_shown(dimensions)}: requests fail",
                    metric=endpoint_metric(errors, statistic="Sum", dimensions=of),
                    threshold=server_errors,
                    evaluation_periods=minutes,
                    comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                )
            )
            if latency is not None:
                self.alarms.append(
                    cloudwatch.Alarm(
                        part,
                        "Latency",
                        alarm_description=f"{_shown(dimensions)}: answers take long",
                        metric=endpoint_metric("ModelLatency", statistic="p99", dimensions=dimensions),
                        threshold=latency.to_milliseconds() * _MICROSECONDS,
                        evaluation_periods=minutes,
                        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                    )
                )
        for alarm in self.alarms:
            alarm.add_alarm_action(actions.SnsAction(topic))


def variant_places(endpoint_name: str, variants: Sequence[str]) -> dict[str, dict[str, str]]:
    return {name: {"EndpointName": endpoint_name, "VariantName": name} for name in variants}


def _shown(dimensions: Mapping[str, str]) -> str:
    return "/".join(dimensions.values())
