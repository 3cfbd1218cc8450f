"""What stops compute that nobody uses."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from clary_constructs._policy import AccessPolicy
from clary_constructs._studio_domain import StudioDomain
from clary_constructs._watchman import TEAM_NAMES, Watchman
from constructs import Construct


class Sweeper(Construct):
    """Looks for compute that nobody uses, warns whose it is on `topic`, and stops it when nothing is done.

    `code` holds `sweeper.handler.handler` and its settings. By default, its role may not stop anything:
    it only reports, below `prefix` of `bucket`. With `stops`, the kinds of things that are stopped, it may
    stop these, of this environment, and delete nothing else. With `stops_declared`, also the endpoints of
    the environment's file, which begin with `clary-`.

    A message has the attributes `team` and `person`: with a filter policy, subscribers get their own
    (https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        environment_name: str,
        teams: Sequence[str],
        domain: StudioDomain,
        bucket: s3.IBucket,
        prefix: str,
        topic: sns.ITopic,
        encryption_key: kms.IKey,
        period: Duration = Duration.hours(1),  # noqa: B008 - it cannot change
        stops: Collection[str] = (),
        stops_declared: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.watchman = Watchman(
            self,
            "Watchman",
            name="sweeper",
            code=code,
            handler="sweeper.handler.handler",
            description=f"Looks for what nobody uses in {environment_name}",
            period=period,
            environment_name=environment_name,
            teams=teams,
            domain=domain,
            bucket=bucket,
            prefix=prefix,
            topic=topic,
            encryption_key=encryption_key,
            sees=("app", "cluster", "endpoint", "notebook-instance", "tracking-server"),
            variables={"TOPIC_ARN": topic.topic_arn},
        )
        self.watchman.policy.allow(
            ["cloudwatch:GetMetricData"], ["*"], wildcard_because="metrics have no ARN, and are only read"
        )
        if stops:
            policy = self.watchman.also("Stops", f"Stops what nobody uses in {environment_name}")
            allow_to_stop(policy, self.watchman, stops, declared=stops_declared)


def allow_to_stop(
    policy: AccessPolicy, watchman: Watchman, kinds: Collection[str], *, declared: bool = False
) -> None:
    """Stopping compute of these kinds, of the watchman's environment; nothing that would delete data."""
    if "app" in kinds:
        policy.allow(
            ["sagemaker:DeleteApp"],
            [watchman.of_domain("app")],
            wildcard_because="the apps of one domain, which come and go; spaces and their disks stay",
        )
    if "endpoint" in kinds:
        policy.allow(
            ["sagemaker:DeleteEndpoint"],
            watchman.arns("sagemaker", "endpoint", declared=declared),
            wildcard_because=TEAM_NAMES,
        )
    for kind, action, resource in (
        ("notebook-instance", "sagemaker:StopNotebookInstance", "notebook-instance"),
        ("tracking-server", "sagemaker:StopMlflowTrackingServer", "mlflow-tracking-server"),
    ):
        if kind in kinds:
            named = watchman.arns("sagemaker", resource, declared=True)
            policy.allow([action], named, wildcard_because=TEAM_NAMES)
            _by_tag(policy, watchman, action, "sagemaker", resource)
    if "cluster" in kinds:
        _by_tag(policy, watchman, "elasticmapreduce:TerminateJobFlows", "elasticmapreduce", "cluster")


def _by_tag(policy: AccessPolicy, watchman: Watchman, action: str, service: str, kind: str) -> None:
    policy.allow(
        [action],
        [Stack.of(watchman).format_arn(service=service, resource=kind, resource_name="*")],
        conditions=watchman.tagged,
        wildcard_because="whatever it is called: the condition is the environment's tag",
    )
