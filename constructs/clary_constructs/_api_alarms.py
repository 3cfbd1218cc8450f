"""What is told, and shown, of an API."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns

from clary_constructs._inference_api import InferenceApi
from clary_constructs._inference_function import InferenceFunction
from constructs import Construct

_NAMESPACE = "Clary/InferenceApi"
_WITHIN = Duration.minutes(15)


class ApiAlarms(Construct):
    """Alarms, told on `topic`, if within a quarter of an hour too many requests fail, take long, or are
    sent away with 429.

    API Gateway has no metric of the latter: they are counted in the access log, the function's and
    SageMaker's included. https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: InferenceApi,
        topic: sns.ITopic,
        server_errors_percent: int = 5,
        latency: Duration | None = None,
        throttled: int = 100,
    ) -> None:
        """By default, slow is more than ten seconds for one of a hundred."""
        super().__init__(scope, construct_id)
        name = api.api.rest_api_name
        self.throttled = logs.MetricFilter(
            self,
            "Throttled",
            log_group=api.access_log,
            filter_pattern=logs.FilterPattern.string_value("$.status", "=", "429"),
            metric_namespace=_NAMESPACE,
            metric_name=f"Throttled/{name}",
            default_value=0,
        ).metric(statistic="Sum", period=_WITHIN)
        # The average of this metric is the rate of errors.
        errors = api.stage.metric_server_error(statistic="Average", period=_WITHIN)
        slow = api.stage.metric_latency(statistic="p99", period=_WITHIN)
        limit = (latency or Duration.seconds(10)).to_milliseconds()
        failing, late = f"{name}: requests fail", f"{name}: answers take long"
        self.alarms = [
            _alarm(self, "ServerErrors", failing, errors, server_errors_percent / 100, topic),
            _alarm(self, "Latency", late, slow, limit, topic),
            _alarm(self, "SentAway", f"{name}: clients are sent away", self.throttled, throttled, topic),
        ]


class QuotaAlarm(Construct):
    """An alarm, told on `topic`, as soon as a request of a client with a quota of a model cannot be counted:
    until it can, such clients are sent away."""

    def __init__(
        self, scope: Construct, construct_id: str, *, function: InferenceFunction, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, construct_id)
        name = Stack.of(self).stack_name
        uncounted = _answers(self, "Uncounted", function, "not-counted")
        self.alarm = _alarm(self, "Alarm", f"{name}: requests cannot be counted", uncounted, 1, topic)


class FeatureAlarm(Construct):
    """An alarm, told on `topic`, as soon as features of a request cannot be looked up: until they can, models
    that need them are not asked."""

    def __init__(
        self, scope: Construct, construct_id: str, *, function: InferenceFunction, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, construct_id)
        name = Stack.of(self).stack_name
        failed = _answers(self, "FeaturesUnavailable", function, "features-unavailable")
        self.alarm = _alarm(self, "Alarm", f"{name}: features cannot be looked up", failed, 1, topic)


def _answers(
    scope: Construct, construct_id: str, function: InferenceFunction, problem: str
) -> cloudwatch.Metric:
    """How often the function has answered with a problem, as its log has it."""
    return logs.MetricFilter(
        scope,
        construct_id,
        log_group=function.log_group,
        filter_pattern=logs.FilterPattern.string_value("$.problem", "=", problem),
        metric_namespace=_NAMESPACE,
        metric_name=f"{construct_id}/{Stack.of(scope).stack_name}",
        default_value=0,
    ).metric(statistic="Sum", period=_WITHIN)


def _alarm(
    scope: Construct,
    construct_id: str,
    says: str,
    metric: cloudwatch.Metric,
    threshold: float,
    topic: sns.ITopic,
) -> cloudwatch.Alarm:
    alarm = cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_description=says,
        metric=metric,
        threshold=threshold,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    alarm.add_alarm_action(actions.SnsAction(topic))
    return alarm


class ApiDashboard(Construct):
    """A CloudWatch dashboard of APIs: their alarms, requests, faults and latency."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        apis: Sequence[tuple[InferenceApi, ApiAlarms]],
    ) -> None:
        super().__init__(scope, construct_id)
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard")
        alarms = [alarm for _, watched in apis for alarm in watched.alarms]
        self.dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=alarms, width=24))
        for api, watched in apis:
            stage = api.stage
            self.dashboard.add_widgets(
                cloudwatch.GraphWidget(
                    title=f"{api.api.rest_api_name}: requests",
                    left=[
                        stage.metric_count(statistic="Sum"),
                        stage.metric_client_error(statistic="Sum"),
                        stage.metric_server_error(statistic="Sum"),
                        watched.throttled.with_(label="Throttled"),
                    ],
                    width=12,
                ),
                cloudwatch.GraphWidget(
                    title=f"{api.api.rest_api_name}: latency (milliseconds)",
                    left=[
                        stage.metric_latency(statistic="p50", label="p50"),
                        stage.metric_latency(statistic="p99", label="p99"),
                        stage.metric_integration_latency(statistic="p99", label="p99 of the function"),
                    ],
                    width=12,
                ),
            )
