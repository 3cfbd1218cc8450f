"""Settings of people in Studio that reach them without replacing anything."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, CustomResource, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._studio_domain import StudioDomain, StudioUser
from clary_constructs._studio_tools import StudioTools
from constructs import Construct


class StudioSettings(Construct):
    """Sends what CloudFormation cannot say of a user profile, or would replace it for.

    Its user profiles know nothing of Canvas, and of idle times; they are replaced, and somebody's home
    lost to them, when RStudio is given or taken. SageMaker's own UpdateUserProfile does all of it in
    place. A failed deployment sends the old settings back. The function (`code` holds
    `studio_settings.handler.handler`) may look at and update the profiles of one domain.
    """

    RESOURCE_TYPE = "Custom::StudioSettings"

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
        self._domain = domain
        function, self._policy = cleanup_function(
            self,
            code=code,
            handler="studio_settings.handler.handler",
            description="Sends Studio settings to user profiles",
            allowed="Updates the user profiles of one Studio domain",
            encryption_key=encryption_key,
            reaches="SageMaker",
        )
        self.service_token = function.function_arn
        self._policy.allow(
            ["sagemaker:DescribeUserProfile", "sagemaker:UpdateUserProfile"],
            [
                Stack.of(self).format_arn(
                    service="sagemaker",
                    resource="user-profile",
                    resource_name=f"{domain.domain_id}/*",
                    arn_format=ArnFormat.SLASH_RESOURCE_NAME,
                )
            ],
            wildcard_because="the people of one domain, who come and go",
        )

    def send(self, construct_id: str, *, users: Sequence[StudioUser], tools: StudioTools) -> CustomResource:
        """Lets people of the domain find `tools` in Studio, from now on and when these change."""
        sent = self.send_by_name(construct_id, user_names=[user.name for user in users], tools=tools)
        sent.node.add_dependency(*users)
        return sent

    def send_by_name(
        self, construct_id: str, *, user_names: Sequence[str], tools: StudioTools
    ) -> CustomResource:
        """The same for profiles that are made elsewhere: what is returned has to depend on them."""
        if not user_names:
            raise ValueError("settings for nobody, give the names of user profiles")
        sent = CustomResource(
            self,
            construct_id,
            resource_type=self.RESOURCE_TYPE,
            service_token=self.service_token,
            properties={
                "DomainId": self._domain.domain_id,
                "UserProfileNames": sorted(user_names),
                # as text: CloudFormation would make text of the numbers within
                "UserSettings": Stack.of(self).to_json_string(tools.user_settings()),
            },
        )
        sent.node.add_dependency(self._policy)
        return sent
