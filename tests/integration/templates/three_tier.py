"""Three tiers in a network: balancer, instances, database; endpoints, flow logs, a rotated secret."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_rds as rds


class ThreeTier(cdk.Stack):
    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "three-tier")
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.20.0.0/16"),
            max_azs=2,
            nat_gateways=1,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
                ec2.SubnetConfiguration(
                    name="app", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=24
                ),
                ec2.SubnetConfiguration(
                    name="data", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                ),
            ],
            flow_logs={"All": ec2.FlowLogOptions()},
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        vpc.add_interface_endpoint("Secrets", service=ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER)
        balancer = elb.ApplicationLoadBalancer(self, "Balancer", vpc=vpc, internet_facing=True)
        template = ec2.LaunchTemplate(
            self,
            "Template",
            instance_type=ec2.InstanceType("t3.micro"),
            machine_image=ec2.MachineImage.generic_linux({"us-east-1": "ami-0123456789abcdef0"}),
            security_group=ec2.SecurityGroup(self, "App", vpc=vpc),
            require_imdsv2=True,
        )
        group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=vpc,
            launch_template=template,
            min_capacity=1,
            max_capacity=3,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="app"),
        )
        listener = balancer.add_listener("Http", port=80, open=True)
        listener.add_targets("Target", port=8080, protocol=elb.ApplicationProtocol.HTTP, targets=[group])
        group.scale_on_request_count("Load", target_requests_per_minute=60)
        database = rds.DatabaseInstance(
            self,
            "Database",
            engine=rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_16),
            instance_type=ec2.InstanceType("t3.micro"),
            credentials=rds.Credentials.from_generated_secret("app"),
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="data"),
            storage_encrypted=True,
            multi_az=True,
            backup_retention=cdk.Duration.days(7),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        database.connections.allow_default_port_from(group)
