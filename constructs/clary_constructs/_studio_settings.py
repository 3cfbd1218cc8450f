"""Settings of people in Studio that reach them without replacing anything."""

from __future__ import annotations

from aws_cdk import ArnFormat, CustomResource, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._studio_domain import StudioDomain
from clary_constructs._studio_startup import SpaceApplication, StartupScript
from constructs import Construct


class StudioSettings(Construct):
    """Sends what CloudFormation cannot say of a user profile, or would replace it for.

    Its user profiles know nothing of Canvas, and of idle times; they are replaced, and somebody's home
    lost to them, when RStudio is given or taken. SageMaker's own UpdateUserProfile does all of it in
    place: `UserProfiles` has a `Custom::StudioSettings` for all who find the same. A failed deployment
    sends the old settings back. The function (`code` holds
    `studio_settings.handler.handler`) may look at and update the profiles of one domain.

    It also makes the lifecycle configurations that people's settings name. Their names come
    from their content, profiles that are retained keep them in use, and SageMaker deletes nothing that is:
    CloudFormation would leave them behind, and fail on their names when the same content comes again.
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
        function, self.policy = cleanup_function(
            self,
            code=code,
            handler="studio_settings.handler.handler",
            description="Sends Studio settings to user profiles",
            allowed="Updates the user profiles of one Studio domain",
            encryption_key=encryption_key,
            reaches="SageMaker",
        )
        self.service_token = function.function_arn
        self.policy.allow(
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
        self._stem = f"{domain.name}-people"
        self.policy.allow(
            [
                "sagemaker:CreateStudioLifecycleConfig",
                "sagemaker:DeleteStudioLifecycleConfig",
                "sagemaker:DescribeStudioLifecycleConfig",
            ],
            [
                Stack.of(self).format_arn(
                    service="sagemaker",
                    resource="studio-lifecycle-config",
                    resource_name=f"{self._stem}-*",
                    arn_format=ArnFormat.SLASH_RESOURCE_NAME,
                )
            ],
            wildcard_because="the names of lifecycle configurations end with a hash of their content",
        )

    def attach(self, scope: Construct, startup: StartupScript, application: SpaceApplication) -> str:
        """The ARN of a lifecycle configuration for some of the people: one for all with the same script."""
        name, content = startup.content(scope, application, self._stem)
        construct_id = f"{application}{name.rpartition('-')[2]}"
        made = scope.node.try_find_child(construct_id)
        if not isinstance(made, CustomResource):
            made = CustomResource(
                scope,
                construct_id,
                resource_type="Custom::StudioStartup",
                service_token=self.service_token,
                properties={"Name": name, "Application": application, "Content": content},
            )
            made.node.add_dependency(self.policy)
        return made.get_att_string("Arn")
