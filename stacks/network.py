"""The network of an environment: made, or given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from clary.environment import cluster
from clary.environment.model import Environment
from clary.environment.network import GivenVpc
from clary_constructs import S3_PREFIX_LISTS, GlueConnection, NetworkGroups, PrivateNetwork
from constructs import Construct
from stacks.clusters import add_cluster_networks
from stacks.naming import glue_name
from stacks.registry import other_registries


class NetworkStack(cdk.Stack):
    """A VPC without a way to the internet, and the security groups of what runs in it.

    In a VPC that is given, only the groups are made: its endpoints and flow logs are its owner's.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal_policy = cdk.RemovalPolicy.RETAIN if environment.retain_data else cdk.RemovalPolicy.DESTROY
        endpoints: ec2.IConnectable
        if environment.network.vpc is None:
            network = PrivateNetwork(
                self,
                "Network",
                cidr=environment.network.cidr,
                availability_zones=environment.availability_zones,
                reaches_mlflow=environment.studio.mlflow,
                reaches_glue=environment.uses_glue or environment.keeps_histories,
                reaches_athena=environment.keeps_histories,
                reaches_queues=any(group.stream for group in environment.features.values()),
                runs_clusters=bool(cluster.teams(environment)),
                registries=other_registries(environment),
                removal_policy=removal_policy,
            )
            self.vpc, self.subnets, endpoints = network.vpc, network.subnets, network.endpoints.group
            self.own_subnets: Sequence[ec2.ISubnet] = network.vpc.isolated_subnets
        else:
            self.own_subnets = []
            self.vpc = self._given(environment.network.vpc)
            self.subnets = ec2.SubnetSelection(subnets=self.vpc.isolated_subnets)
            endpoints = ec2.Peer.ipv4(environment.network.vpc.cidr)
        groups = NetworkGroups(
            self,
            "Groups",
            vpc=self.vpc,
            endpoints=endpoints,
            s3_prefix_list=_s3_prefix_list(environment.region),
            removal_policy=removal_policy,
        )
        self.workload_security_group = groups.workload
        self.gateway_security_group = groups.gateway

        if environment.uses_glue:
            # known by its name: nothing of it is imported, and it can go with whoever needed it
            GlueConnection(
                self,
                "Glue",
                name=glue_name(environment),
                vpc=self.vpc,
                subnet=(self.subnets.subnets or [])[0],
                endpoints=endpoints,
                s3_prefix_list=_s3_prefix_list(environment.region),
            )

        self.clusters = add_cluster_networks(
            self,
            environment,
            vpc=self.vpc,
            endpoints=endpoints,
            s3_prefix_list=_s3_prefix_list(environment.region),
            removal_policy=removal_policy,
        )

        cdk.CfnOutput(self, "VpcId", value=self.vpc.vpc_id)
        cdk.CfnOutput(
            self, "SubnetIds", value=cdk.Fn.join(",", [each.subnet_id for each in self.subnets.subnets or []])
        )
        cdk.CfnOutput(self, "WorkloadSecurityGroupId", value=self.workload_security_group.security_group_id)

    def _given(self, given: GivenVpc) -> ec2.IVpc:
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=given.id,
            vpc_cidr_block=given.cidr,
            availability_zones=list(given.availability_zones),
            isolated_subnet_ids=list(given.subnets),
        )
        for subnet in vpc.isolated_subnets:
            cdk.Annotations.of(subnet).acknowledge_warning(
                "@aws-cdk/aws-ec2:noSubnetRouteTableId", "routes of a given VPC are its owner's"
            )
        return vpc


def _s3_prefix_list(region: str) -> str:
    if region not in S3_PREFIX_LISTS:
        known = ", ".join(sorted(S3_PREFIX_LISTS))
        raise ValueError(
            f"region '{region}' is not supported: its prefix list of S3 is not known, only of {known}"
        )
    return S3_PREFIX_LISTS[region]
