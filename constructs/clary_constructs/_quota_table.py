"""Where it is counted how much clients have asked."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from clary_constructs._acknowledgement import acknowledge
from constructs import Construct

DYNAMODB_PREFIX_LISTS: Mapping[str, str] = {
    "ap-northeast-1": "pl-78a54011",
    "ap-northeast-2": "pl-48a54021",
    "ap-south-1": "pl-66a7420f",
    "ap-southeast-1": "pl-67a5400e",
    "ap-southeast-2": "pl-62a5400b",
    "ca-central-1": "pl-4ea54027",
    "eu-central-1": "pl-66a5400f",
    "eu-north-1": "pl-adae4bc4",
    "eu-west-1": "pl-6fa54006",
    "eu-west-2": "pl-b3a742da",
    "eu-west-3": "pl-abb451c2",
    "sa-east-1": "pl-60a54009",
    "us-east-1": "pl-02cd2c6b",
    "us-east-2": "pl-4ca54025",
    "us-west-1": "pl-6ea54007",
    "us-west-2": "pl-00a54069",
}
"""AWS's own lists of DynamoDB's addresses, one a region, as `S3_PREFIX_LISTS` are of S3's."""


class QuotaTable(Construct):
    """A table of counts, each of which goes by itself some time after its period, and a way to it.

    Those in `security_group` reach it from `vpc`, through a gateway endpoint (which costs nothing) that leads
    to this table only. With `subnets` the endpoint is made; without, it is the VPC's owner's.

    It goes with its stack, always: a count is of no use after its period.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        prefix_list: str,
        subnets: ec2.SubnetSelection | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=encryption_key,
            time_to_live_attribute="expires",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.table,
            "HIPAA.Security-DynamoDBInBackupPlan",
            "NIST.800.53.R5-DynamoDBInBackupPlan",
            reason="a count is worth nothing when its period is over, and any moment of it can be restored",
        )
        # Not by the group itself, which would write it into the stack that the group is of.
        ec2.CfnSecurityGroupEgress(
            self,
            "Way",
            group_id=security_group.security_group_id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            destination_prefix_list_id=prefix_list,
            description="DynamoDB, through its gateway endpoint: requests are counted there",
        )
        if subnets is not None:
            endpoint = ec2.GatewayVpcEndpoint(
                self,
                "Endpoint",
                vpc=vpc,
                service=ec2.GatewayVpcEndpointAwsService.DYNAMODB,
                subnets=[subnets],
            )
            endpoint.add_to_policy(
                iam.PolicyStatement(
                    sid="Counting",
                    principals=[iam.StarPrincipal()],
                    actions=["dynamodb:UpdateItem"],
                    resources=[self.table.table_arn],
                    conditions={"StringEquals": {"aws:PrincipalAccount": Stack.of(self).account}},
                )
            )
