"""A customer managed policy whose wildcards are each explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._acknowledgement import acknowledge, flatten
from constructs import Construct


class Statement(Protocol):
    """Something to allow; a wildcard among its resources needs its reason."""

    @property
    def actions(self) -> Sequence[str]: ...

    @property
    def resources(self) -> Sequence[str]: ...

    @property
    def conditions(self) -> Mapping[str, Mapping[str, object]]: ...

    @property
    def wildcard_because(self) -> str | None: ...


class AccessPolicy(Construct):
    """What some roles may do, as one customer managed policy.

    Managed rather than inline: it is seen, versioned and audited on its own. IAM takes 6,144
    characters a policy and ten policies a role
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        roles: Sequence[iam.IRole] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self.policy = iam.ManagedPolicy(self, "Policy", description=description, roles=list(roles))

    def allow(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        *,
        conditions: Mapping[str, Mapping[str, object]] | None = None,
        wildcard_because: str | None = None,
    ) -> None:
        """Allows `actions` on `resources`; a wildcard among these needs its reason."""
        wildcards = [
            name
            for name in (flatten(cdk.Stack.of(self).resolve(resource)) for resource in resources)
            if "*" in name
        ]
        broad = [action for action in actions if "*" in action]
        if broad:
            raise ValueError(f"'{broad[0]}' allows actions that are not known yet, name each action")
        if bool(wildcards) != (wildcard_because is not None):
            raise ValueError(
                f"{wildcards or list(resources)}: give 'wildcard_because' with a wildcard, and only with it"
            )
        self.policy.add_statements(
            iam.PolicyStatement(
                actions=list(actions), resources=list(resources), conditions=dict(conditions or {})
            )
        )
        if wildcard_because is not None:
            acknowledge(
                self.policy,
                *(f"AwsSolutions-IAM5[Resource::{name}]" for name in wildcards),
                reason=wildcard_because,
            )

    def allow_each(self, statements: Iterable[Statement]) -> None:
        for each in statements:
            self.allow(
                each.actions,
                each.resources,
                conditions=each.conditions,
                wildcard_because=each.wildcard_because,
            )

    def allow_logs_of(self, jobs: Literal["ProcessingJobs", "TransformJobs"]) -> None:
        """Allows to write what jobs print: all of a kind and an account write to one group.

        The first one makes it: https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
        """
        group = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"/aws/sagemaker/{jobs}",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        self.allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [group, f"{group}:*"],
            wildcard_because="streams are named by their jobs, in a group that all jobs share",
        )

    def let_through(
        self,
        actions: Sequence[str],
        *,
        conditions: Mapping[str, Mapping[str, object]] | None = None,
        because: str,
    ) -> None:
        """Allows `actions`, some of them groups, on everything: for boundaries, which grant nothing."""
        self.policy.add_statements(
            iam.PolicyStatement(actions=list(actions), resources=["*"], conditions=dict(conditions or {}))
        )
        groups = [f"AwsSolutions-IAM5[Action::{action}]" for action in actions if "*" in action]
        acknowledge(self.policy, "AwsSolutions-IAM5[Resource::*]", *groups, reason=because)

    def deny(self, statements: Sequence[Mapping[str, object]]) -> None:
        """Denies, in IAM's own words, whatever is allowed elsewhere; each statement has a `Sid`."""
        for statement in statements:
            if statement.get("Effect") != "Deny":
                raise ValueError(f"'{statement.get('Sid')}' does not deny, allow with 'allow'")
            self.policy.add_statements(iam.PolicyStatement.from_json(statement))
