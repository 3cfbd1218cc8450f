"""Who reaches whom among a cluster's machines, those who use it, and EMR."""

from __future__ import annotations

from itertools import product

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from clary_constructs._security_group import closed_group
from constructs import Construct

LIVY_PORT = 8998
_HTTPS = ec2.Port.tcp(443)
_TO_MACHINES, _TO_EMR = ec2.Port.tcp(8443), ec2.Port.tcp(9443)


class ClusterGroups(Construct):
    """Security groups for clusters in private subnets, with all the rules that EMR would add by itself.

    What it would add, CloudFormation would not know, and could not take away with the groups
    (https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-man-sec-groups.html, releases 5.30 to 7). The
    machines reach each other, S3, AWS's services and EMR. Livy asks nobody who they are: it lets in the
    members of `clients`, and nobody else. By default, these are retained, because profiles that stay name
    their group.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        endpoints: ec2.IConnectable,
        s3_prefix_list: str,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)

        def group(name: str, description: str) -> ec2.SecurityGroup:
            return closed_group(self, name, vpc=vpc, description=description)

        clients = group("Clients", "Apps that may connect to clusters")
        clients.apply_removal_policy(removal_policy)
        primary = group("Primary", "Machines that lead clusters")
        core = group("Core", "Machines of clusters that compute")
        service = group("Service", "EMR, in the network of clusters")
        machines = (primary, core)
        kinds = (ec2.Port.all_icmp(), ec2.Port.all_tcp(), ec2.Port.all_udp())
        for (one, other), kind in product(product(machines, machines), kinds):
            if one is other:
                one.connections.allow_internally(kind, "Machines of clusters")
            else:
                one.connections.allow_to(other, kind, "Machines of clusters")
        for each in machines:
            each.add_egress_rule(
                ec2.Peer.prefix_list(s3_prefix_list),
                # over HTTP, too: the repository of EMR's packages has dots in its name
                ec2.Port.all_tcp(),
                "S3, through its gateway endpoint",
            )
            each.connections.allow_to(endpoints, _HTTPS, "AWS services, through their endpoints")
            service.connections.allow_to(each, _TO_MACHINES, "EMR leads the machines")
            each.connections.allow_to(service, _TO_EMR, "The machines tell EMR how they are")
        clients.connections.allow_to(primary, ec2.Port.tcp(LIVY_PORT), "Sessions of Spark, by Livy")
        self.clients: ec2.ISecurityGroup = clients
        self.primary: ec2.ISecurityGroup = primary
        self.core: ec2.ISecurityGroup = core
        self.service: ec2.ISecurityGroup = service
