"""Where an API is called: by a name of one's own, or from within a VPC."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets

from clary_constructs._security_group import closed_group
from constructs import Construct

SECURITY_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
"""TLS 1.2 at least, for regional and private APIs and for names:
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html"""


class ApiDomain(Construct):
    """A name of one's own; `lead` puts APIs below it. With `hosted_zone`, its record is written there."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain_name: str,
        certificate: acm.ICertificate,
        hosted_zone: route53.IHostedZone | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.domain = apigateway.DomainName(
            self,
            "Name",
            domain_name=domain_name,
            certificate=certificate,
            endpoint_type=apigateway.EndpointType.REGIONAL,
        )
        named = self.domain.node.default_child
        assert isinstance(named, apigateway.CfnDomainName)
        # The construct of CDK's own has no word for these two.
        named.security_policy = SECURITY_POLICY
        named.endpoint_access_mode = "STRICT"
        if hosted_zone is not None:
            route53.ARecord(
                self,
                "Record",
                zone=hosted_zone,
                record_name=domain_name,
                target=route53.RecordTarget.from_alias(targets.ApiGatewayDomain(self.domain)),
            )

    def lead(self, path: str, stage: apigateway.Stage) -> None:
        """Makes `https://<domain>/<path>` the address of an API's stage."""
        self.domain.add_base_path_mapping(stage.rest_api, base_path=path, stage=stage)


class PrivateApiEndpoint(Construct):
    """A VPC's endpoint of API Gateway, for `callers` in it, and for APIs of this account only.

    With it, the names of all APIs lead into the VPC from there, those of public ones of others, too:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-api-design.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        callers: ec2.IPeer,
    ) -> None:
        super().__init__(scope, construct_id)
        group = closed_group(self, "Group", vpc=vpc, description="Calls of the private API from the VPC")
        group.add_ingress_rule(callers, ec2.Port.tcp(443), "Calls from the VPC")
        self.endpoint = ec2.InterfaceVpcEndpoint(
            self,
            "Endpoint",
            vpc=vpc,
            service=ec2.InterfaceVpcEndpointAwsService.APIGATEWAY,
            subnets=subnets,
            security_groups=[group],
            open=False,
            private_dns_enabled=True,
        )
        self.endpoint.add_to_policy(
            iam.PolicyStatement(
                # Also callers without a signature: who somebody is, is the API's own question.
                # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-vpc-endpoint-policies.html
                principals=[iam.StarPrincipal()],
                actions=["execute-api:Invoke"],
                resources=[Stack.of(self).format_arn(service="execute-api", resource="*")],
            )
        )
