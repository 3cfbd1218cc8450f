"""Where the file's API is called from, and by which name."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53 as route53

from clary.environment.model import Environment
from clary_constructs import ApiDomain, PrivateApiEndpoint
from stacks.network import NetworkStack


def vpc_endpoints_of(
    stack: cdk.Stack, environment: Environment, network: NetworkStack
) -> Sequence[ec2.IVpcEndpoint]:
    """What a private API is called through: the endpoints that are given, or one of its own."""
    if environment.api.access == "public":
        return []
    given = environment.api.vpc_endpoints
    if not given:
        made = PrivateApiEndpoint(
            stack,
            "FromVpc",
            vpc=network.vpc,
            subnets=network.subnets,
            # Not the VPC's attribute: its export could not be withdrawn when the API becomes public.
            callers=ec2.Peer.ipv4(environment.network.cidr),
        )
        return [made.endpoint]
    return [
        ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
            stack, f"FromVpc{number}", vpc_endpoint_id=endpoint, port=443
        )
        for number, endpoint in enumerate(given, 1)
    ]


def domain_of(stack: cdk.Stack, environment: Environment) -> ApiDomain | None:
    said = environment.api.domain
    if said is None:
        return None
    zone = None
    if said.hosted_zone is not None:
        zone = route53.HostedZone.from_hosted_zone_attributes(
            stack, "Zone", hosted_zone_id=said.hosted_zone.id, zone_name=said.hosted_zone.name
        )
    made = ApiDomain(
        stack,
        "Domain",
        domain_name=said.name,
        certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", said.certificate),
        hosted_zone=zone,
    )
    cdk.CfnOutput(stack, "DomainName", value=said.name)
    cdk.CfnOutput(stack, "DomainTarget", value=made.domain.domain_name_alias_domain_name)
    return made
