"""A web application firewall in front of APIs that take anything for a body."""

from __future__ import annotations

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2

from constructs import Construct

_LEAST_RATE = 10
"""AWS WAF takes no lower limit in a rate-based statement."""

_COUNT_ONLY = (
    "SizeRestrictions_BODY",  # blocks above 8 KB: a batch of rows or an image is larger
    "NoUserAgent_HEADER",  # programs call here, and many send none
)


class ApiFirewall(Construct):
    """Known attacks and floods are stopped before they reach the API.

    AWS's common rules, known bad inputs and addresses of a bad reputation, without the two rules that would
    stop ordinary requests for predictions (bodies above 10 MB are API Gateway's to refuse), and a limit for
    each address: `requests_per_second`, over five minutes. Logs go to `log_group_name`, which AWS WAF wants
    to begin with `aws-waf-logs-`; credentials are left out.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        requests_per_second: int,
        log_group_name: str,
        encryption_key: kms.IKey,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        super().__init__(scope, construct_id)
        if not log_group_name.startswith("aws-waf-logs-"):
            raise ValueError(f"'{log_group_name}' does not begin with 'aws-waf-logs-', as AWS WAF asks")
        self._acl = wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow=wafv2.CfnWebACL.AllowActionProperty()),
            visibility_config=_visibility("ApiFirewall"),
            rules=[
                wafv2.CfnWebACL.RuleProperty(
                    name="RatePerAddress",
                    priority=0,
                    action=wafv2.CfnWebACL.RuleActionProperty(block=wafv2.CfnWebACL.BlockActionProperty()),
                    statement=wafv2.CfnWebACL.StatementProperty(
                        rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                            aggregate_key_type="IP",
                            evaluation_window_sec=300,
                            limit=max(_LEAST_RATE, requests_per_second * 300),
                        )
                    ),
                    visibility_config=_visibility("RatePerAddress"),
                ),
                _managed(1, "AWSManagedRulesCommonRuleSet", _COUNT_ONLY),
                _managed(2, "AWSManagedRulesKnownBadInputsRuleSet"),
                _managed(3, "AWSManagedRulesAmazonIpReputationList"),
            ],
        )
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=log_group_name,
            encryption_key=encryption_key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self._acl.attr_arn,
            log_destination_configs=[
                # Not the group's own ARN, which ends in `:*`: AWS WAF refuses it.
                Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name=log_group.log_group_name,
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                )
            ],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name})
                for name in ("authorization", "x-api-key", "x-amz-security-token")
            ],
        )

    def protect(self, construct_id: str, stage: apigateway.Stage) -> None:
        """Puts the firewall in front of an API's stage."""
        wafv2.CfnWebACLAssociation(
            self, construct_id, web_acl_arn=self._acl.attr_arn, resource_arn=stage.stage_arn
        )


def _managed(priority: int, name: str, count_only: tuple[str, ...] = ()) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(
                        name=rule,
                        action_to_use=wafv2.CfnWebACL.RuleActionProperty(
                            count=wafv2.CfnWebACL.CountActionProperty()
                        ),
                    )
                    for rule in count_only
                ]
                or None,
            )
        ),
        visibility_config=_visibility(name),
    )


def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=True
    )
