"""Images to open JupyterLab or Code Editor with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._content_name import content_name
from clary_constructs._policy import AccessPolicy
from clary_constructs._studio_startup import SpaceApplication
from constructs import Construct


class StudioImage(Construct):
    """An image in a repository, as Studio offers it: a SageMaker image with one version.

    A version cannot change, and SageMaker numbers them: another tag is another version, made before the
    old one goes. How an application starts in it (`entrypoint`, `arguments`, `environment`) may change:
    the configuration gets another name then.
    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-byoi.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        repository: ecr.IRepository,
        tag: str,
        applications: Sequence[SpaceApplication] = ("JupyterLab",),
        display_name: str | None = None,
        entrypoint: Sequence[str] = (),
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
    ) -> None:
        """`name` is one in the account."""
        super().__init__(scope, construct_id)
        self.name = name
        role = iam.Role(
            self,
            "Role",
            description=f"SageMaker, when it takes the Studio image {name} from its repository",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            ),
            permissions_boundary=permissions_boundary,
        )
        policy = AccessPolicy(self, "Pull", description=f"Pulls the Studio image {name}", roles=[role])
        policy.allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [repository.repository_arn],
        )
        policy.allow(
            ["ecr:GetAuthorizationToken"],
            ["*"],
            wildcard_because="ECR's login is to a registry, and takes no resource",
        )
        image = sagemaker.CfnImage(
            self,
            "Image",
            image_name=name,
            image_display_name=display_name or name,
            image_role_arn=role.role_arn,
        )
        image.node.add_dependency(policy)
        version = sagemaker.CfnImageVersion(
            self,
            "Version",
            image_name=image.image_name,
            base_image=repository.repository_uri_for_tag(tag),
        )
        version.add_resource_dependency(image)
        self.version_number = cdk.Token.as_number(version.get_att("Version"))
        container = {
            "ContainerArguments": list(arguments),
            "ContainerEntrypoint": list(entrypoint),
            "ContainerEnvironmentVariables": [
                {"Key": key, "Value": value} for key, value in sorted((environment or {}).items())
            ],
        }
        config = {"ContainerConfig": {key: value for key, value in container.items() if value}}
        names: dict[SpaceApplication, str] = {}
        for application in applications:
            names[application] = content_name(self, name, {"Application": application, **config})
            made = sagemaker.CfnAppImageConfig(
                self, f"{application}Config", app_image_config_name=names[application]
            )
            made.add_property_override(f"{application}AppImageConfig", config)
        self.config_names: Mapping[SpaceApplication, str] = names
