"""What keeps people within what they may spend."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from clary_constructs._studio_domain import StudioDomain
from clary_constructs._sweeper import allow_to_stop
from clary_constructs._watchman import TEAM_NAMES, Watchman
from constructs import Construct

_JOBS = {
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "ProcessingJob": "processing-job",
    "TrainingJob": "training-job",
    "TransformJob": "transform-job",
}
_SEEN = ("app", "endpoint", "notebook-instance")


class SpendingGate(Construct):
    """What refuses new compute to the roles that have it: a policy that a `SpendingCap` writes anew.

    `document` is what it says before the first look, and after each deployment that changes it. It has a
    name, by which the function finds it, and never more than one version.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, document: Mapping[str, Any]
    ) -> None:
        super().__init__(scope, construct_id)
        self.policy: iam.IManagedPolicy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=name,
            description="Refuses new compute; a function writes it anew with each look at what was spent",
            document=iam.PolicyDocument.from_json(document),
        )


class SpendingCap(Construct):
    """Meters what teams run, writes their gates, and stops what is beyond a cap.

    `code` holds `spending_cap.handler.handler` and its settings, `settings` changes when these do: each
    deployment that changes them looks at once. The gates' names are `gate_prefix` and the team's. By
    default, nothing is stopped. The role may write these policies and no others: what they could allow is
    capped by the boundary of the roles that have them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        settings: str,
        environment_name: str,
        teams: Sequence[str],
        gate_prefix: str,
        gates: Sequence[str],
        domain: StudioDomain,
        bucket: s3.IBucket,
        prefix: str,
        topic: sns.ITopic,
        encryption_key: kms.IKey,
        period: Duration = Duration.minutes(10),  # noqa: B008 - it cannot change
        stops: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)

        def policy_arn(name: str) -> str:
            return stack.format_arn(
                service="iam", region="", resource="policy", resource_name=f"{gate_prefix}{name}"
            )

        watchman = Watchman(
            self,
            "Watchman",
            name="spending cap",
            code=code,
            handler="spending_cap.handler.handler",
            description=f"Meters what is spent in {environment_name}",
            period=period,
            environment_name=environment_name,
            teams=teams,
            domain=domain,
            bucket=bucket,
            prefix=prefix,
            topic=topic,
            encryption_key=encryption_key,
            sees=_SEEN,
            variables={"TOPIC_ARN": topic.topic_arn, "GATE_ARN_PREFIX": policy_arn("")},
        )
        jobs = [arn for kind in _JOBS.values() for arn in watchman.arns("sagemaker", kind, declared=False)]
        watchman.policy.allow(
            [f"sagemaker:List{name}s" for name in _JOBS],
            ["*"],
            wildcard_because="list operations take no resource",
        )
        meters = watchman.also("Meters", f"Meters jobs and writes gates in {environment_name}")
        meters.allow(
            [*(f"sagemaker:Describe{name}" for name in _JOBS), "sagemaker:ListTags"],
            jobs,
            wildcard_because=TEAM_NAMES,
        )
        if gates:
            meters.allow(
                ["iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:ListPolicyVersions"],
                [policy_arn(team) for team in gates],
            )
        if stops:
            policy = watchman.also("Stops", f"Stops what is beyond a cap in {environment_name}")
            allow_to_stop(policy, watchman, _SEEN)
            policy.allow([f"sagemaker:Stop{name}" for name in _JOBS], jobs, wildcard_because=TEAM_NAMES)
        first = CustomResource(
            self,
            "FirstLook",
            resource_type="Custom::SpendingLook",
            service_token=watchman.function.function_arn,
            properties={"Settings": hashlib.sha256(settings.encode()).hexdigest()},
        )
        first.node.add_dependency(*watchman.policies, watchman.function)
        self.function: lambda_.IFunction = watchman.function
