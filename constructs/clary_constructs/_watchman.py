"""A function that the clock calls, and that somebody hears of when it is not called, or does not see."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._policy import AccessPolicy
from clary_constructs._studio_domain import StudioDomain
from constructs import Construct

NAMESPACE = "Clary/Operations"
_TAGS = "whose something is, its tags say, which have to be read first"
TEAM_NAMES = "what belongs to the environment's teams is told by what its names begin with"
_LIST: Mapping[str, Sequence[str]] = {
    "app": ["sagemaker:ListApps", "sagemaker:ListSpaces"],
    "cluster": ["elasticmapreduce:ListClusters"],
    "endpoint": ["sagemaker:ListEndpoints", "sagemaker:ListInferenceComponents"],
    "notebook-instance": ["sagemaker:ListNotebookInstances"],
    "tracking-server": ["sagemaker:ListMlflowTrackingServers"],
}
"""By the kind of things."""


class Watchman(Construct):
    """A function by the clock, with a part of a bucket to itself, and its alarms.

    It sees what of the environment runs, as far as it is of the kinds in `sees`: the apps of `domain`, and
    by their names and tags endpoints, notebook instances, EMR clusters and MLflow tracking servers. What it
    may do to them, is given it besides. `topic` is told when it has failed, when it has not run for three
    times its period, and when it has not seen something that it should have.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        code: lambda_.Code,
        handler: str,
        description: str,
        period: Duration,
        environment_name: str,
        teams: Sequence[str],
        domain: StudioDomain,
        bucket: s3.IBucket,
        prefix: str,
        topic: sns.ITopic,
        encryption_key: kms.IKey,
        sees: Collection[str],
        variables: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment_name = environment_name
        self._teams = teams
        self._domain = domain
        self.function, self.policy = cleanup_function(
            self,
            code=code,
            handler=handler,
            description=description,
            allowed=f"{description}: what it sees, and where it writes",
            encryption_key=encryption_key,
            reaches="SageMaker, EMR, CloudWatch, S3 and SNS",
            by_the_clock=True,
        )
        self.policies = [self.policy]
        given = {"DOMAIN_ID": domain.domain_id, "BUCKET": bucket.bucket_name, "PREFIX": prefix, **variables}
        for key, value in given.items():
            self.function.add_environment(key, value)
        self._see(sees)
        self.policy.allow(
            ["s3:GetObject", "s3:PutObject"],
            [bucket.arn_for_objects(f"{prefix}*")],
            wildcard_because="what it remembers and reports, which lies below a prefix of its own",
        )
        self.policy.allow(
            ["s3:ListBucket"],
            [bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{prefix}*"]}},
        )
        self.policy.allow(["kms:Decrypt", "kms:GenerateDataKey"], [encryption_key.key_arn])
        self.policy.allow(["sns:Publish"], [topic.topic_arn])
        self.policy.allow(
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
            wildcard_because="metrics have no ARN; the namespace is the condition",
        )
        rule = events.Rule(self, "Clock", description=description, schedule=events.Schedule.rate(period))
        rule.add_target(targets.LambdaFunction(self.function))
        rule.node.add_dependency(self.policy)
        self._alarms(name, period, topic)

    def arns(self, service: str, kind: str, *, declared: bool) -> list[str]:
        """What is the environment's by its name: its teams', and the file's own."""
        names = [f"{team}--*" for team in self._teams]
        if declared:
            names.append(f"clary-{self._environment_name}-*")
        return [
            Stack.of(self).format_arn(service=service, resource=kind, resource_name=name) for name in names
        ]

    @property
    def tagged(self) -> dict[str, dict[str, str]]:
        """A condition: what is the environment's by its tag."""
        return {"StringEquals": {"aws:ResourceTag/clary:environment": self._environment_name}}

    def of_domain(self, kind: str) -> str:
        return Stack.of(self).format_arn(
            service="sagemaker", resource=kind, resource_name=f"{self._domain.domain_id}/*"
        )

    def _see(self, kinds: Collection[str]) -> None:
        stack = Stack.of(self)

        def every(kind: str, service: str = "sagemaker") -> str:
            return stack.format_arn(service=service, resource=kind, resource_name="*")

        self.policy.allow(
            [action for kind in sorted(kinds) for action in _LIST[kind]],
            ["*"],
            wildcard_because="list operations take no resource",
        )
        if "app" in kinds:
            self.policy.allow(
                ["sagemaker:DescribeApp", "sagemaker:ListTags"],
                [self.of_domain("app")],
                wildcard_because="the apps of one domain, which come and go",
            )
        if "endpoint" in kinds:
            self.policy.allow(
                ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:ListTags"],
                [every("endpoint"), every("endpoint-config")],
                wildcard_because=_TAGS,
            )
        for kind, resource in (
            ("notebook-instance", "notebook-instance"),
            ("tracking-server", "mlflow-tracking-server"),
        ):
            if kind in kinds:
                self.policy.allow(["sagemaker:ListTags"], [every(resource)], wildcard_because=_TAGS)
        if "cluster" in kinds:
            self.policy.allow(
                ["elasticmapreduce:DescribeCluster"],
                [every("cluster", "elasticmapreduce")],
                wildcard_because=_TAGS,
            )

    def _alarms(self, name: str, period: Duration, topic: sns.ITopic) -> None:
        dimensions = {"Environment": self._environment_name, "Function": name}

        def alarm(
            construct_id: str, metric: cloudwatch.IMetric, description: str, periods: int = 1, least: int = 1
        ) -> None:
            missing = least == 0
            made = cloudwatch.Alarm(
                self,
                construct_id,
                alarm_description=f"{self._environment_name}: the {name} {description}",
                metric=metric,
                threshold=1,
                evaluation_periods=periods,
                datapoints_to_alarm=periods,
                comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
                if missing
                else cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                treat_missing_data=cloudwatch.TreatMissingData.BREACHING
                if missing
                else cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            made.add_alarm_action(actions.SnsAction(topic))

        def counted(metric: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=metric,
                dimensions_map=dimensions,
                statistic="Sum",
                period=period,
            )

        alarm("Failed", self.function.metric_errors(period=period), "has failed")
        alarm("NotRun", counted("Runs"), "has not run", periods=3, least=0)
        alarm("NotSeen", counted("NotSeen"), "does not see everything")
        alarm("NotDone", counted("Failed"), "could not do what was due")

    def also(self, construct_id: str, description: str) -> AccessPolicy:
        """A further policy of its role: one alone would exceed IAM's 6,144 characters."""
        role = self.function.role
        assert role is not None
        policy = AccessPolicy(self, construct_id, description=description, roles=[role])
        self.policies.append(policy)
        return policy
