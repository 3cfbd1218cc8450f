"""A function that the clock calls, and that somebody hears of when it is not called, or does not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
TEAM_NAMES = "what belongs to the environment's teams is told by what its names begin with"
_LIST = [
    "elasticmapreduce:ListClusters",
    "sagemaker:ListApps",
    "sagemaker:ListEndpoints",
    "sagemaker:ListInferenceComponents",
    "sagemaker:ListMlflowTrackingServers",
    "sagemaker:ListNotebookInstances",
    "sagemaker:ListSpaces",
]


class Watchman(Construct):
    """A function by the clock, with a part of a bucket to itself, and its alarms.

    It sees what of the environment runs: the apps of `domain`, and by their names and tags endpoints,
    notebook instances, EMR clusters and MLflow tracking servers. What it may do to them, is given it
    besides. `topic` is told when it has failed, when it has not run for three times its period, and when
    it has not seen something that it should have.
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
        given = {"DOMAIN_ID": domain.domain_id, "BUCKET": bucket.bucket_name, "PREFIX": prefix, **variables}
        for key, value in given.items():
            self.function.add_environment(key, value)
        self._see()
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

    def arns(self, service: str, kind: str) -> list[str]:
        """What is the environment's by its name: the file's own, and its teams'."""
        names = [f"clary-{self._environment_name}-*", *(f"{team}--*" for team in self._teams)]
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

    def _see(self) -> None:
        stack = Stack.of(self)

        def every(kind: str, service: str = "sagemaker") -> str:
            return stack.format_arn(service=service, resource=kind, resource_name="*")

        self.policy.allow(_LIST, ["*"], wildcard_because="list operations take no resource")
        self.policy.allow(
            ["sagemaker:DescribeApp", "sagemaker:ListTags"],
            [self.of_domain("app")],
            wildcard_because="the apps of one domain, which come and go",
        )
        self.policy.allow(
            ["sagemaker:DescribeEndpoint", "sagemaker:ListTags"],
            [every("endpoint")],
            wildcard_because="whose an endpoint is, its tags say, which have to be read first",
        )
        self.policy.allow(
            ["sagemaker:DescribeEndpointConfig"],
            [every("endpoint-config")],
            wildcard_because="what an endpoint runs on, its configuration says, whatever it is called",
        )
        self.policy.allow(
            ["sagemaker:ListTags"],
            [every("notebook-instance"), every("mlflow-tracking-server")],
            wildcard_because="whose something is, its tags say, which have to be read first",
        )
        self.policy.allow(
            ["elasticmapreduce:DescribeCluster"],
            [every("cluster", "elasticmapreduce")],
            wildcard_because="whose a cluster is, its tags say, which have to be read first",
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
        self.function.node.add_dependency(policy)
        return policy
