"""SageMaker Studio: a domain for people to work in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sso as sso

from clary_constructs._policy import AccessPolicy
from clary_constructs._studio_image import StudioImage
from clary_constructs._studio_startup import SpaceApplication, StartupScript
from clary_constructs._studio_tools import AN_HOUR, IdleShutdown, StudioTools, idle_settings
from clary_constructs._subnets import selected_subnets
from constructs import Construct, DependencyGroup


@dataclass(frozen=True)
class DockerAccess:
    """Docker within spaces, for SageMaker's local mode.

    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-local-get-started.html
    """

    trusted_accounts: Sequence[str] = ()
    """Whose registries images may come from, where spaces stay in the VPC."""


@dataclass(frozen=True)
class SharedSpaceDefaults:
    """What shared spaces start with, and how large their disks may be."""

    execution_role: iam.IRole | None = None
    """What they work as. By default, as a role without rights."""
    storage_gib: int = 5
    most_storage_gib: int = 100
    idle: IdleShutdown | None = AN_HOUR


LICENCE_ACTIONS = [
    "license-manager:CheckInLicense",
    "license-manager:CheckoutLicense",
    "license-manager:ExtendLicenseConsumption",
    "license-manager:GetLicense",
    "license-manager:GetLicenseUsage",
    "license-manager:ListReceivedLicenses",
]
"""What RStudio does with its licence, which is Posit's: not this account's."""


@dataclass(frozen=True)
class RStudioServer:
    """RStudio for a domain. The account has a licence in License Manager."""

    connect_url: str | None = None
    package_manager_url: str | None = None


class StudioDomain(Construct):
    """A Studio domain that stays in its VPC, encrypted with a key of ours, with IAM sign-in.

    What a user does is recorded under the name of their profile. By default, spaces that idle for an
    hour are stopped, Studio Classic is hidden, there is no Docker, and the domain is retained, with its
    users.

    A domain's name, key and sign-in cannot change: the domain would be replaced, and every home directory
    lost. Its tags should not, for some versions of CloudFormation's type replace it then, too. All else is
    updated in place. It is said in full, with empty lists for nothing, for SageMaker keeps what an update
    leaves out: what is taken away in code would stay in the domain.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain_name: str,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_group: ec2.ISecurityGroup,
        encryption_key: kms.IKey,
        tags: Mapping[str, str] | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
        sign_in: Literal["IAM", "SSO"] = "IAM",
        reaches_internet: bool = False,
        tools: StudioTools | None = None,
        startup: StartupScript | None = None,
        images: Sequence[StudioImage] = (),
        docker: DockerAccess | None = None,
        shared_spaces: SharedSpaceDefaults | None = None,
        r_studio: RStudioServer | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        """`tools` is what people find who have no settings of their own, `startup` what runs in each
        space before anything else, and `images` what there is besides SageMaker's own."""
        super().__init__(scope, construct_id)
        self.vpc = vpc
        self.security_group = security_group
        self.removal_policy = removal_policy
        self.name = domain_name
        self.images = images
        """What everybody opens spaces with, besides SageMaker's own."""
        self.startup = startup or StartupScript()
        self._sign_in = sign_in
        self.people = DependencyGroup()
        """The people of the domain who are in its stack."""
        # a domain must name a role for profiles that have none. Ours all have one, so this one may do
        # nothing: a profile that somebody makes by hand gets a Studio without rights, not everybody's
        self.rest_role: iam.IRole = iam.Role(
            self,
            "DefaultRole",
            description="Studio users without a role of their own: may do nothing",
            assumed_by=_sagemaker(self),
            permissions_boundary=permissions_boundary,
        )
        tools = tools or StudioTools()
        shared = shared_spaces or SharedSpaceDefaults()
        settings = _AppSettings(self, domain_name, tools, self.startup, images, removal_policy=removal_policy)
        self._domain = sagemaker.CfnDomain(
            self,
            "Domain",
            domain_name=domain_name,
            # SageMaker puts them, and those of the profile, on every app:
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
            tags=[cdk.CfnTag(key=key, value=value) for key, value in (tags or {}).items()] or None,
            auth_mode=sign_in,
            app_network_access_type="PublicInternetOnly" if reaches_internet else "VpcOnly",
            # takes a value only where there is RStudio:
            # https://github.com/hashicorp/terraform-provider-aws/issues/39923
            app_security_group_management=None if r_studio is None else "Service",
            vpc_id=vpc.vpc_id,
            subnet_ids=selected_subnets(vpc, subnets).subnet_ids,
            kms_key_id=encryption_key.key_arn,
            domain_settings=sagemaker.CfnDomain.DomainSettingsProperty(
                # https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html
                execution_role_identity_config="USER_PROFILE_NAME",
                docker_settings=sagemaker.CfnDomain.DockerSettingsProperty(
                    enable_docker_access="DISABLED" if docker is None else "ENABLED",
                    vpc_only_trusted_accounts=_trusted(docker, cdk.Stack.of(self).account, reaches_internet),
                ),
                r_studio_server_pro_domain_settings=None
                if r_studio is None
                else sagemaker.CfnDomain.RStudioServerProDomainSettingsProperty(
                    domain_execution_role_arn=self._r_studio_role(permissions_boundary).role_arn,
                    r_studio_connect_url=r_studio.connect_url,
                    r_studio_package_manager_url=r_studio.package_manager_url,
                ),
            ),
            default_user_settings=sagemaker.CfnDomain.UserSettingsProperty(
                execution_role=self.rest_role.role_arn,
                security_groups=[security_group.security_group_id],
                default_landing_uri="studio::",
                studio_web_portal="ENABLED",
                studio_web_portal_settings=sagemaker.CfnDomain.StudioWebPortalSettingsProperty(
                    hidden_app_types=tools.hidden_applications,
                    hidden_ml_tools=tools.hidden_features,
                    hidden_instance_types=tools.hidden_instance_types,
                ),
                sharing_settings=sagemaker.CfnDomain.SharingSettingsProperty(
                    notebook_output_option="Disabled"
                ),
                jupyter_lab_app_settings=settings.jupyter_lab(tools.idle),
                code_editor_app_settings=settings.code_editor(tools.idle),
            ),
            default_space_settings=sagemaker.CfnDomain.DefaultSpaceSettingsProperty(
                execution_role=(shared.execution_role or self.rest_role).role_arn,
                security_groups=[security_group.security_group_id],
                jupyter_lab_app_settings=settings.jupyter_lab(shared.idle),
                space_storage_settings=sagemaker.CfnDomain.DefaultSpaceStorageSettingsProperty(
                    default_ebs_storage_settings=sagemaker.CfnDomain.DefaultEbsStorageSettingsProperty(
                        default_ebs_volume_size_in_gb=shared.storage_gib,
                        maximum_ebs_volume_size_in_gb=shared.most_storage_gib,
                    )
                ),
            ),
        )
        self._domain.apply_removal_policy(removal_policy)
        settings.come_before(self._domain)

    @property
    def domain_id(self) -> str:
        return self._domain.attr_domain_id

    @property
    def domain_arn(self) -> str:
        return self._domain.attr_domain_arn

    @property
    def url(self) -> str:
        return self._domain.attr_url

    def admit(self, group_id: str) -> None:
        """Lets a group of IAM Identity Center open the domain, which is opened with it. Its members have
        profiles of their own."""
        if self._sign_in != "SSO":
            raise ValueError(f"the domain is opened with {self._sign_in}, which knows no group '{group_id}'")
        sso.CfnApplicationAssignment(
            self,
            f"Group{group_id}",
            application_arn=self._domain.attr_single_sign_on_application_arn,
            principal_id=group_id,
            principal_type="GROUP",
        )

    def _r_studio_role(self, permissions_boundary: iam.IManagedPolicy | None) -> iam.Role:
        """RStudio's own role, which nobody works as. A boundary has to let `LICENCE_ACTIONS` through.

        https://docs.aws.amazon.com/sagemaker/latest/dg/rstudio-create-cli.html
        """
        role = iam.Role(
            self,
            "RStudioRole",
            description="RStudio Workbench: checks out its licence, writes its log",
            assumed_by=_sagemaker(self),
            permissions_boundary=permissions_boundary,
        )
        policy = AccessPolicy(self, "RStudioPolicy", description="What RStudio Workbench needs", roles=[role])
        policy.allow(
            LICENCE_ACTIONS,
            ["*"],
            wildcard_because="the licence is one that Posit has granted, under an identifier of its own",
        )
        policy.allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [
                cdk.Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name=f"/aws/sagemaker/studio{suffix}",
                    arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                )
                for suffix in ("", ":*")
            ],
            wildcard_because="Studio has one log group, with a stream for each app",
        )
        return role


class _AppSettings:
    """Settings of JupyterLab and Code Editor, once for everybody's own spaces and once for shared ones."""

    def __init__(
        self,
        scope: Construct,
        stem: str,
        tools: StudioTools,
        startup: StartupScript,
        images: Sequence[StudioImage],
        *,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        self._tools = tools
        self._images = images
        # the built-in configuration runs always and cannot be deselected, and each start looks for the
        # newest: https://docs.aws.amazon.com/sagemaker/latest/dg/studio-lifecycle-configurations.html
        self._startup = {
            "JupyterLab": startup.attach(scope, "JupyterLab", stem, removal_policy=removal_policy),
            "CodeEditor": startup.attach(scope, "CodeEditor", stem, removal_policy=removal_policy),
        }
        self._repositories = [
            sagemaker.CfnDomain.CodeRepositoryProperty(repository_url=address)
            for address in startup.repositories
        ]

    def come_before(self, domain: sagemaker.CfnDomain) -> None:
        """An image has a version before the domain offers it, and until the domain no longer does."""
        for image in self._images:
            domain.node.add_dependency(image)

    def jupyter_lab(self, idle: IdleShutdown | None) -> sagemaker.CfnDomain.JupyterLabAppSettingsProperty:
        return sagemaker.CfnDomain.JupyterLabAppSettingsProperty(
            app_lifecycle_management=_lifecycle(idle),
            built_in_lifecycle_config_arn=self._startup["JupyterLab"],
            code_repositories=self._repositories,
            custom_images=self._custom_images("JupyterLab"),
            default_resource_spec=self._runs_on(),
            lifecycle_config_arns=[],
        )

    def code_editor(self, idle: IdleShutdown | None) -> sagemaker.CfnDomain.CodeEditorAppSettingsProperty:
        return sagemaker.CfnDomain.CodeEditorAppSettingsProperty(
            app_lifecycle_management=_lifecycle(idle),
            built_in_lifecycle_config_arn=self._startup["CodeEditor"],
            custom_images=self._custom_images("CodeEditor"),
            default_resource_spec=self._runs_on(),
            lifecycle_config_arns=[],
        )

    def _runs_on(self) -> sagemaker.CfnDomain.ResourceSpecProperty:
        return sagemaker.CfnDomain.ResourceSpecProperty(instance_type=self._tools.instance_type)

    def _custom_images(self, application: SpaceApplication) -> list[sagemaker.CfnDomain.CustomImageProperty]:
        return [
            sagemaker.CfnDomain.CustomImageProperty(
                app_image_config_name=image.config_names[application],
                image_name=image.name,
                image_version_number=image.version_number,
            )
            for image in self._images
            if application in image.config_names
        ]


def _lifecycle(idle: IdleShutdown | None) -> sagemaker.CfnDomain.AppLifecycleManagementProperty:
    settings = idle_settings(idle)
    return sagemaker.CfnDomain.AppLifecycleManagementProperty(
        idle_settings=sagemaker.CfnDomain.IdleSettingsProperty(
            lifecycle_management=settings["LifecycleManagement"],
            idle_timeout_in_minutes=settings.get("IdleTimeoutInMinutes"),
            min_idle_timeout_in_minutes=settings.get("MinIdleTimeoutInMinutes"),
            max_idle_timeout_in_minutes=settings.get("MaxIdleTimeoutInMinutes"),
        )
    )


def _trusted(docker: DockerAccess | None, account: str, reaches_internet: bool) -> list[str]:
    """Our own registry, too: in a VPC, Docker pulls from nowhere else than from accounts that are named."""
    if docker is None or reaches_internet:
        return []
    return [account, *(other for other in docker.trusted_accounts if other != account)]


def _sagemaker(scope: Construct) -> iam.IPrincipal:
    return iam.ServicePrincipal(
        "sagemaker.amazonaws.com",
        conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}},
    )
