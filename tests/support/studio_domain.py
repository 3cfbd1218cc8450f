"""A Studio domain in a network of its own, for the templates of what goes with one."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms

from clary_constructs import StudioDomain


def studio_domain(
    stack: cdk.Stack, removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN
) -> tuple[StudioDomain, ec2.Vpc, kms.Key]:
    vpc = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
    key = kms.Key(stack, "Key")
    domain = StudioDomain(
        stack,
        "Studio",
        domain_name="studio",
        vpc=vpc,
        subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        security_group=ec2.SecurityGroup(stack, "Group", vpc=vpc),
        encryption_key=key,
        removal_policy=removal_policy,
    )
    return domain, vpc, key
