"""Notebook instances, for work that needs one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker

from clary.environment import catalog
from clary_constructs import FieldRule, LaunchRight, NotebookRole, NotebookStartup, SharedValue
from stacks.access import workspace_of
from stacks.naming import pascal
from stacks.products import fields
from stacks.products.product import Offer, Product

_LONGEST = 40
_LEAST_GIB = 5
_NO_REPOSITORY = "none"
_OURS = "each instance is named for its stack, whose id nobody knows before; the team's all begin so"


class NotebookInstance(Product):
    key = "notebook_instance"
    title = "Notebook instance"
    about = (
        "A notebook instance in the team's network, with the rights of the team's jobs. It stops when nothing"
        " has been computed for a while; its disk stays until it is terminated, whatever is changed."
    )

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        assert isinstance(offer.settings, catalog.NotebookInstance)
        self._said = offer.settings
        workspace = workspace_of(offer.environment, offer.team, offer.network, offer.data)
        self._prefix = workspace.job_prefix
        self._subnet = workspace.subnet_ids[0]
        self._key = offer.data.key.key_arn
        stem = f"{pascal(offer.team)}Notebooks"
        role = NotebookRole(
            offer.stack,
            f"{stem}Role",
            workspace=workspace,
            permissions_boundary=offer.access.permissions_boundary,
            path=offer.environment.role_path,
        ).role
        startup = NotebookStartup(offer.stack, f"{stem}Startup", idle_minutes=self._said.idle_minutes)
        shared = {
            "role": (f"{offer.team}-notebook-role", role.role_arn),
            "startup": (f"{offer.team}-notebook-startup", startup.name),
            "subnet": ("subnet-id", self._subnet),
            "group": ("security-group-id", workspace.security_group.security_group_id),
            "key": ("key-arn", self._key),
        }
        self._values: Mapping[str, SharedValue] = {
            key: self.share(name, value) for key, (name, value) in shared.items()
        }

    def add_to(self, stack: cdk.Stack) -> None:
        said, values = self._said, self._values
        name = fields.name(
            stack,
            "What to call it, its tag Name, like churn: small letters, digits, single hyphens",
            longest=_LONGEST,
        )
        instance_type = fields.instance_type(
            stack, "What it runs on, and is billed for while it does", said.instance_types
        )
        storage = cdk.CfnParameter(
            stack,
            "StorageGib",
            type="Number",
            description="The size of its disk, in GiB",
            min_value=_LEAST_GIB,
            max_value=said.most_storage_gib,
            default=_LEAST_GIB,
        )
        # the name of the stack's own id: one that could change would replace the instance, and its disk
        own_id = cdk.Fn.select(2, cdk.Fn.split("/", cdk.Aws.STACK_ID))
        called = cdk.Fn.join("", [self._prefix, cdk.Fn.select(4, cdk.Fn.split("-", own_id))])
        repository = _chosen(stack, said.repositories) if said.repositories else None
        sagemaker.CfnNotebookInstance(
            stack,
            "Notebook",
            instance_type=instance_type,
            role_arn=values["role"].reference,
            notebook_instance_name=called,
            volume_size_in_gb=storage.value_as_number,
            subnet_id=values["subnet"].reference,
            security_group_ids=[values["group"].reference],
            kms_key_id=values["key"].reference,
            direct_internet_access="Disabled",
            root_access="Enabled" if said.root else "Disabled",
            lifecycle_config_name=values["startup"].reference,
            platform_identifier="notebook-al2023-v1",
            instance_metadata_service_configuration=(
                sagemaker.CfnNotebookInstance.InstanceMetadataServiceConfigurationProperty(
                    minimum_instance_metadata_service_version="2"
                )
            ),
            default_code_repository=repository,
            tags=[cdk.CfnTag(key="Name", value=name)],
        )
        cdk.CfnOutput(stack, "NotebookInstance", value=called, description="Its name in SageMaker")

    @property
    def _instances(self) -> str:
        return self.offer.stack.format_arn(
            service="sagemaker", resource="notebook-instance", resource_name=f"{self._prefix}*"
        )

    def uses(self) -> Sequence[LaunchRight]:
        return [
            LaunchRight(
                "opens, starts and stops the team's notebook instances",
                [
                    "sagemaker:CreatePresignedNotebookInstanceUrl",
                    "sagemaker:DescribeNotebookInstance",
                    "sagemaker:StartNotebookInstance",
                    "sagemaker:StopNotebookInstance",
                ],
                [self._instances],
                wildcard_because=_OURS,
            )
        ]

    def rules(self) -> Sequence[FieldRule]:
        return [fields.instance_type_is_allowed(self._said.instance_types)]

    def rights(self) -> Sequence[LaunchRight]:
        stack, values = self.offer.stack, self._values

        def ec2(kind: str, name: str) -> str:
            return stack.format_arn(service="ec2", resource=kind, resource_name=name)

        unnamed = "a network interface has no ARN before it is made; its subnet and group are named"
        return [
            LaunchRight(
                "makes, changes, stops and removes the instance",
                [
                    "sagemaker:AddTags",
                    "sagemaker:CreateNotebookInstance",
                    "sagemaker:DeleteNotebookInstance",
                    "sagemaker:DeleteTags",
                    "sagemaker:DescribeNotebookInstance",
                    "sagemaker:ListTags",
                    "sagemaker:StartNotebookInstance",
                    "sagemaker:StopNotebookInstance",
                    "sagemaker:UpdateNotebookInstance",
                ],
                [self._instances],
                wildcard_because=_OURS,
            ),
            LaunchRight(
                "gives the instance its role",
                ["iam:PassRole"],
                [values["role"].value],
                {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
            LaunchRight(
                "puts the instance into the network",
                ["ec2:CreateNetworkInterface"],
                [
                    ec2("network-interface", "*"),
                    ec2("subnet", values["subnet"].value),
                    ec2("security-group", values["group"].value),
                ],
                wildcard_because=unnamed,
            ),
            LaunchRight(
                "lets SageMaker have the interface, and removes it",
                [
                    "ec2:CreateNetworkInterfacePermission",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DeleteNetworkInterfacePermission",
                ],
                [ec2("network-interface", "*")],
                {"ArnEquals": {"ec2:Subnet": ec2("subnet", values["subnet"].value)}},
                "EC2 makes up the ids of network interfaces; the subnet is named",
            ),
            LaunchRight(
                "looks at the network",
                [
                    "ec2:DescribeDhcpOptions",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcs",
                ],
                ["*"],
                wildcard_because="EC2's describe operations take no resource",
            ),
            LaunchRight(
                "encrypts the disk",
                ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"],
                [self._key],
                {"StringEquals": {"kms:ViaService": f"sagemaker.{stack.region}.amazonaws.com"}},
            ),
        ]


def _chosen(stack: cdk.Stack, repositories: Sequence[str]) -> str:
    """The address of the repository that somebody chooses, or no value."""
    given = cdk.CfnParameter(
        stack,
        "Repository",
        description="What it clones, and opens first",
        allowed_values=[_NO_REPOSITORY, *repositories],
        default=_NO_REPOSITORY,
    ).value_as_string
    nothing = cdk.CfnCondition(
        stack, "NoRepository", expression=cdk.Fn.condition_equals(given, _NO_REPOSITORY)
    )
    return cdk.Fn.condition_if(nothing.logical_id, cdk.Aws.NO_VALUE, given).to_string()
