"""What happens in Studio when somebody leaves."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs._cleanup_function import calls_itself, cleanup_function
from clary_constructs._studio_domain import StudioDomain
from constructs import Construct


class StudioLeavers(Construct):
    """Stops what people have left running who leave a domain, and takes their rights.

    Apps that run and spaces that somebody has made for themselves keep CloudFormation from deleting a
    profile. Where work is to stay, the profile and its spaces do, and would be worth as much as before:
    who has left gets the role that may do nothing. The function (`code` holds
    `studio_leavers.handler.handler`) has as long as CloudFormation waits, and calls itself for it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        domain: StudioDomain,
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        function, policy = cleanup_function(
            self,
            code=code,
            handler="studio_leavers.handler.handler",
            description="Stops what people run who leave Studio, and takes their rights",
            allowed="Stops and deletes what leavers of one Studio domain have",
            encryption_key=encryption_key,
            reaches="SageMaker",
        )

        def within(kind: str) -> str:
            return Stack.of(self).format_arn(
                service="sagemaker",
                resource=kind,
                resource_name=f"{domain.domain_id}/*",
                arn_format=ArnFormat.SLASH_RESOURCE_NAME,
            )

        policy.allow(
            ["sagemaker:ListApps", "sagemaker:ListSpaces"],
            ["*"],
            wildcard_because="listing is of all or of nothing; the request names the domain",
        )
        policy.allow(
            [
                "sagemaker:DeleteApp",
                "sagemaker:DeleteSpace",
                "sagemaker:DescribeUserProfile",
                "sagemaker:UpdateUserProfile",
            ],
            [within(kind) for kind in ("app", "space", "user-profile")],
            wildcard_because="the people of one domain, who come and go, and what they have made",
        )
        policy.allow(["iam:PassRole"], [domain.rest_role.role_arn])
        again = calls_itself(function)
        self.service_token = function.function_arn
        self.rights = (policy, again)
        """What the function needs; what uses it depends on them."""
