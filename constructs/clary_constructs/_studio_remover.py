"""What happens to a Studio domain, and to what runs in it, when its stack goes."""

from __future__ import annotations

from aws_cdk import ArnFormat, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs._cleanup_function import calls_itself, cleanup_function
from clary_constructs._policy import AccessPolicy
from clary_constructs._studio_domain import StudioDomain
from constructs import Construct


class StudioRemover(Construct):
    """Removes a Studio domain just before CloudFormation does, with all that would be in the way.

    Apps and spaces that people have started keep a domain from being deleted. What SageMaker leaves behind
    (the home file system, its mount targets, two security groups that refer to each other) keeps its
    network from being deleted. All of it goes here, in the order that works, and so do the home
    directories. Of a domain that is retained, only the apps are stopped: they would run, and cost, without
    the roles that they work as. Their spaces stay, with their disks.

    The function (`code` holds `studio_remover.handler.handler`) may take as long as CloudFormation waits,
    which is an hour: longer than a function runs, so it calls itself. After that, destroying the stack again
    goes on where it stopped. It does nothing when an edit takes this construct out of a stack that stays.
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
            reaches="SageMaker, EFS, EC2, CloudFormation",
        )
        stays = domain.removal_policy != RemovalPolicy.DESTROY
        policy.allow(["cloudformation:DescribeStacks"], [Stack.of(self).stack_id])
        policy.allow(
            ["sagemaker:ListApps"],
            ["*"],
            wildcard_because="listing is of all or of nothing; the request names the domain",
        )
        self._stop_apps(policy, domain)
        if not stays:
            self._remove_domain(policy, domain, vpc)
        again = calls_itself(function)
        content = CustomResource(
            self,
            "Content",
            resource_type="Custom::StudioContent",
            service_token=function.function_arn,
            # the most there is: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
            service_timeout=Duration.hours(1),
            properties={
                "Domain": "stays" if stays else "goes",
                "DomainId": domain.domain_id,
                "DomainArn": domain.domain_arn,
                "VpcId": vpc.vpc_id,
            },
        )
        # Deleted in the opposite order: first this, while its rights still stand, then users and spaces,
        # which are gone by then, then the domain.
        content.node.add_dependency(policy, again, domain.people)
        if not stays:
            content.node.add_dependency(domain)

    def _arn(self, service: str, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(
            service=service,
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )

    def _stop_apps(self, policy: AccessPolicy, domain: StudioDomain) -> None:
        policy.allow(
            ["sagemaker:DeleteApp"],
            [self._arn("sagemaker", "app", f"{domain.domain_id}/*")],
            wildcard_because="all that runs in the domain is about to lose its roles",
        )

    def _remove_domain(self, policy: AccessPolicy, domain: StudioDomain, vpc: ec2.IVpc) -> None:
        arn = self._arn
        policy.allow(["sagemaker:DescribeDomain", "sagemaker:DeleteDomain"], [domain.domain_arn])
        policy.allow(
            ["sagemaker:DeleteSpace", "sagemaker:DeleteUserProfile"],
            [arn("sagemaker", kind, f"{domain.domain_id}/*") for kind in ("space", "user-profile")],
            wildcard_because="all that is in the domain is about to be deleted with it",
        )
        policy.allow(
            [
                "ec2:DescribeSecurityGroups",
                "elasticfilesystem:DescribeFileSystems",
                "elasticfilesystem:DescribeMountTargets",
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
