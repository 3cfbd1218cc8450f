"""Studio domains that may go, with what SageMaker leaves behind."""

from __future__ import annotations

from aws_cdk import ArnFormat, CustomResource, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._studio_domain import StudioDomain
from constructs import Construct


class StudioRemover(Construct):
    """Removes a Studio domain just before CloudFormation does, with all that would be in the way.

    Apps and spaces that people have started keep a domain from being deleted. What SageMaker leaves behind
    (the home file system, its mount targets, two security groups that refer to each other) keeps its
    network from being deleted. Both go here, in the order that works, and so do the home directories: it
    is for domains whose data may be lost. The function (`code` holds `studio_remover.handler.handler`)
    has fifteen minutes; destroying the stack again goes on where it stopped.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        domain: StudioDomain,
        vpc: ec2.IVpc,
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        function, policy = cleanup_function(
            self,
            code=code,
            handler="studio_remover.handler.handler",
            description="Removes a Studio domain that is about to be deleted",
            allowed="Removes one Studio domain and its home",
            encryption_key=encryption_key,
            reaches="SageMaker, EFS, EC2",
        )

        def arn(service: str, resource: str, name: str) -> str:
            return Stack.of(self).format_arn(
                service=service,
                resource=resource,
                resource_name=name,
                arn_format=ArnFormat.SLASH_RESOURCE_NAME,
            )

        policy.allow(["sagemaker:DescribeDomain", "sagemaker:DeleteDomain"], [domain.domain_arn])
        policy.allow(
            ["sagemaker:DeleteApp", "sagemaker:DeleteSpace", "sagemaker:DeleteUserProfile"],
            [arn("sagemaker", kind, f"{domain.domain_id}/*") for kind in ("app", "space", "user-profile")],
            wildcard_because="all that is in the domain is about to be deleted with it",
        )
        policy.allow(
            [
                "ec2:DescribeSecurityGroups",
                "elasticfilesystem:DescribeFileSystems",
                "elasticfilesystem:DescribeMountTargets",
                "sagemaker:ListApps",
                "sagemaker:ListSpaces",
                "sagemaker:ListUserProfiles",
            ],
            ["*"],
            wildcard_because="listing is of all or of nothing; what is found is told apart by the domain",
        )
        policy.allow(
            ["elasticfilesystem:DeleteFileSystem", "elasticfilesystem:DeleteMountTarget"],
            [arn("elasticfilesystem", "file-system", "*")],
            conditions={
                "StringEquals": {"aws:ResourceTag/ManagedByAmazonSageMakerResource": domain.domain_arn}
            },
            wildcard_because="the home of the domain, and no other, carries the domain's name as a tag",
        )
        policy.allow(
            [
                "ec2:DeleteNetworkInterface",  # what deleting a mount target asks for
                "ec2:DeleteSecurityGroup",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupIngress",
            ],
            [arn("ec2", kind, "*") for kind in ("network-interface", "security-group")],
            conditions={"ArnEquals": {"ec2:Vpc": arn("ec2", "vpc", vpc.vpc_id)}},
            wildcard_because="SageMaker has made them in this VPC, under identifiers of its own",
        )
        content = CustomResource(
            self,
            "Content",
            resource_type="Custom::StudioContent",
            service_token=function.function_arn,
            properties={
                "DomainId": domain.domain_id,
                "DomainArn": domain.domain_arn,
                "VpcId": vpc.vpc_id,
            },
        )
        # Deleted in the opposite order: first this, while its rights still stand, then users and spaces,
        # which are gone by then, then the domain.
        content.node.add_dependency(policy, domain)
