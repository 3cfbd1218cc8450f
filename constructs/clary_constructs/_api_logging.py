"""API Gateway's leave to write logs."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam

from clary_constructs._acknowledgement import acknowledge
from constructs import Construct


class ApiLogging(Construct):
    """The role that API Gateway writes logs with: one for an account and region, whichever API asks.

    A stage that logs depends on it. Whoever deploys last sets it for everybody; `removal_policy` says
    whether the role stays when this stack goes, because another environment's APIs may use it by then.
    """

    def __init__(self, scope: Construct, construct_id: str, *, removal_policy: RemovalPolicy) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            description="API Gateway writes its logs with this role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name(
                    "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
                )
            ],
        )
        acknowledge(
            role,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AmazonAPIGatewayPushToCloudWatchLogs]",
            reason="API Gateway refuses a role for its logs that does not carry all that this policy allows",
        )
        account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=role.role_arn)
        role.apply_removal_policy(removal_policy)
        account.apply_removal_policy(removal_policy)
