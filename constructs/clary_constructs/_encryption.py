"""The key that an environment's data is encrypted with."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from clary_constructs._budget import of_our_budgets
from constructs import Construct


class EncryptionKey(Construct):
    """A customer managed, rotating key that CloudWatch Logs may use, too; and alarms, if `used_by_alarms`,
    and AWS Budgets, if `used_by_budgets`.

    IAM policies of the account decide who else uses it. By default, the key is retained: what it
    encrypted cannot be read without it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        used_by_alarms: bool = False,
        used_by_budgets: bool = False,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description=description,
            enable_key_rotation=True,
            removal_policy=removal_policy,
            policy=iam.PolicyDocument(
                statements=[
                    # without it, nobody could change or use the key any more:
                    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
                    iam.PolicyStatement(
                        sid="AccountDecidesWithIam",
                        actions=["kms:*"],
                        principals=[iam.AccountRootPrincipal()],
                        resources=["*"],
                    ),
                    self._log_groups(),
                    *([self._alarms()] if used_by_alarms else []),
                    *([self._budgets()] if used_by_budgets else []),
                ]
            ),
        )

    def _log_groups(self) -> iam.PolicyStatement:
        """Log groups of this account and region, and no other use by the service.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        stack = cdk.Stack.of(self)
        return iam.PolicyStatement(
            sid="LogGroupsOfThisAccount",
            actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                        service="logs",
                        resource="log-group",
                        resource_name="*",
                        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                    )
                }
            },
        )

    def _alarms(self) -> iam.PolicyStatement:
        """Alarms of this account, which are told on encrypted topics.

        https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
        """
        return iam.PolicyStatement(
            sid="AlarmsOfThisAccount",
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
        )

    def _budgets(self) -> iam.PolicyStatement:
        """Budgets of this account, which are told on encrypted topics.

        https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
        """
        return iam.PolicyStatement(
            sid="BudgetsOfThisAccount",
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
            resources=["*"],
            conditions=of_our_budgets(cdk.Stack.of(self)),
        )
