"""SageMaker Studio: a domain, and the people who work in it."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._security_group import closed_group
from clary_constructs._subnets import selected_subnets
from constructs import Construct


class StudioDomain(Construct):
    """A Studio domain that stays in its VPC, encrypted with a key of ours, with IAM sign-in.

    Spaces that idle for `idle_minutes` are stopped, Studio Classic is hidden, and what a user does is
    recorded under the name of their profile. A domain's name, key and tags cannot change: the domain
    would be replaced, and every home directory lost. By default, it is retained, with its users.
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
        permissions_boundary: iam.IManagedPolicy | None = None,
        idle_minutes: int = 60,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_IdleSettings.html
        if not 60 <= idle_minutes <= 525_600:
            raise ValueError(f"idle_minutes is {idle_minutes}, SageMaker takes 60 to 525600")
        self._vpc = vpc
        self._security_group = security_group
        self._removal_policy = removal_policy
        self._users: list[StudioUser] = []
        # a domain must name a role for profiles that have none. Ours all have one, so this one may do
        # nothing: a profile that somebody makes by hand gets a Studio without rights, not everybody's
        default_role = iam.Role(
            self,
            "DefaultRole",
            description="Studio users without a role of their own: may do nothing",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            ),
            permissions_boundary=permissions_boundary,
        )
        self._domain = sagemaker.CfnDomain(
            self,
            "Domain",
            domain_name=domain_name,
            auth_mode="IAM",
            app_network_access_type="VpcOnly",
            vpc_id=vpc.vpc_id,
            subnet_ids=selected_subnets(vpc, subnets).subnet_ids,
            kms_key_id=encryption_key.key_arn,
            domain_settings=sagemaker.CfnDomain.DomainSettingsProperty(
                # https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html
                execution_role_identity_config="USER_PROFILE_NAME",
            ),
            default_user_settings=sagemaker.CfnDomain.UserSettingsProperty(
                execution_role=default_role.role_arn,
                security_groups=[security_group.security_group_id],
                default_landing_uri="studio::",
                studio_web_portal="ENABLED",
                studio_web_portal_settings=sagemaker.CfnDomain.StudioWebPortalSettingsProperty(
                    hidden_app_types=["JupyterServer"]  # Studio Classic
                ),
                sharing_settings=sagemaker.CfnDomain.SharingSettingsProperty(
                    notebook_output_option="Disabled"
                ),
                jupyter_lab_app_settings=sagemaker.CfnDomain.JupyterLabAppSettingsProperty(
                    app_lifecycle_management=sagemaker.CfnDomain.AppLifecycleManagementProperty(
                        idle_settings=sagemaker.CfnDomain.IdleSettingsProperty(
                            lifecycle_management="ENABLED",
                            idle_timeout_in_minutes=idle_minutes,
                            min_idle_timeout_in_minutes=60,
                            max_idle_timeout_in_minutes=idle_minutes,
                        )
                    )
                ),
            ),
        )
        self._domain.apply_removal_policy(removal_policy)

    @property
    def domain_id(self) -> str:
        return self._domain.attr_domain_id

    @property
    def domain_arn(self) -> str:
        return self._domain.attr_domain_arn

    @property
    def url(self) -> str:
        return self._domain.attr_url

    @property
    def user_names(self) -> Sequence[str]:
        return [user.name for user in self._users]

    def add_user(self, construct_id: str, *, name: str, execution_role: iam.IRole) -> StudioUser:
        """A user profile `name` that works as `execution_role`."""
        if name in self.user_names:
            raise ValueError(f"the domain has a user '{name}' already, names are one to a user")
        user = StudioUser(
            self,
            construct_id,
            domain_id=self.domain_id,
            name=name,
            execution_role=execution_role,
            vpc=self._vpc,
            security_group=self._security_group,
            removal_policy=self._removal_policy,
        )
        self._users.append(user)
        return user


class StudioUser(Construct):
    """Somebody's profile in a domain, in a security group of their own.

    The apps of one user speak to each other on ports 8192 to 65535. A group for each user keeps them
    from speaking to those of others:
    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-and-internet-access.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain_id: str,
        name: str,
        execution_role: iam.IRole,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self._domain_id = domain_id
        self._removal_policy = removal_policy
        own = closed_group(self, "Apps", vpc=vpc, description=f"Studio apps of {name}")
        own.connections.allow_internally(ec2.Port.tcp_range(8192, 65535), "Apps of one user")
        own.apply_removal_policy(removal_policy)
        self._profile = sagemaker.CfnUserProfile(
            self,
            "Profile",
            domain_id=domain_id,
            user_profile_name=name,
            user_settings=sagemaker.CfnUserProfile.UserSettingsProperty(
                execution_role=execution_role.role_arn,
                security_groups=[security_group.security_group_id, own.security_group_id],
            ),
        )
        self._profile.apply_removal_policy(removal_policy)
        # a role that is made beside the profile has its policies first, and so the use of the domain's key:
        # https://github.com/aws/aws-cdk/issues/34818
        self._profile.node.add_dependency(execution_role)

    def add_private_space(
        self, construct_id: str, *, instance_type: str = "ml.t3.medium", storage_gib: int = 5
    ) -> None:
        """A JupyterLab space that only this user opens, under the user's name, with a disk of its own."""
        space = sagemaker.CfnSpace(
            self,
            construct_id,
            domain_id=self._domain_id,
            space_name=self.name,
            ownership_settings=sagemaker.CfnSpace.OwnershipSettingsProperty(
                owner_user_profile_name=self.name
            ),
            space_sharing_settings=sagemaker.CfnSpace.SpaceSharingSettingsProperty(sharing_type="Private"),
            space_settings=sagemaker.CfnSpace.SpaceSettingsProperty(
                app_type="JupyterLab",
                jupyter_lab_app_settings=sagemaker.CfnSpace.SpaceJupyterLabAppSettingsProperty(
                    default_resource_spec=sagemaker.CfnSpace.ResourceSpecProperty(instance_type=instance_type)
                ),
                space_storage_settings=sagemaker.CfnSpace.SpaceStorageSettingsProperty(
                    ebs_storage_settings=sagemaker.CfnSpace.EbsStorageSettingsProperty(
                        ebs_volume_size_in_gb=storage_gib
                    )
                ),
            ),
        )
        space.apply_removal_policy(self._removal_policy)
        space.add_resource_dependency(self._profile)
