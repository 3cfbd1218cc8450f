"""Security groups that let nothing out but what they say."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2

from constructs import Construct


def closed_group(
    scope: Construct, construct_id: str, *, vpc: ec2.IVpc, description: str
) -> ec2.SecurityGroup:
    """A group without a way in or out.

    EC2 lets a group without egress rules reach everything, and CDK writes rules between groups as
    resources of their own, beside a group that then has none. So this one has a rule that lets nothing
    out of the machine, as AWS suggests:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
    """
    group = ec2.SecurityGroup(scope, construct_id, vpc=vpc, description=description, allow_all_outbound=False)
    group.add_egress_rule(ec2.Peer.ipv4("127.0.0.1/32"), ec2.Port.all_traffic(), "Nothing by default")
    return group
