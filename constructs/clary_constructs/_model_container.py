"""What runs behind an endpoint: containers, and the role that they run as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._policy import AccessPolicy
from constructs import Construct


@dataclass(frozen=True)
class ModelContainer:
    """An image and what it has learnt.

    `artifact_key` is a .tar.gz in `artifact_bucket`; `artifact_folder` instead is a folder of many, of
    which each request says the one it means, and which the container loads when it is first asked for it.
    """

    repository: ecr.IRepository
    image_tag: str
    artifact_bucket: s3.IBucket | None = None
    artifact_key: str | None = None
    artifact_folder: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    """What a pipeline's logs call it."""

    def __post_init__(self) -> None:
        if self.artifact_key is not None and self.artifact_folder is not None:
            raise ValueError("a container has one artifact or a folder of many, give either")
        if (self.artifact_bucket is None) != (self.artifact_key is None and self.artifact_folder is None):
            raise ValueError("an artifact is a key or a folder in a bucket, give both or neither")

    @property
    def holds_many(self) -> bool:
        return self.artifact_folder is not None

    @property
    def image(self) -> str:
        return self.repository.repository_uri_for_tag(self.image_tag)

    @property
    def artifact_url(self) -> str | None:
        if self.artifact_bucket is None:
            return None
        if self.artifact_folder is not None:
            return self.artifact_bucket.s3_url_for_object(f"{self.artifact_folder}/")
        return self.artifact_bucket.s3_url_for_object(self.artifact_key)

    def definition(self) -> sagemaker.CfnModel.ContainerDefinitionProperty:
        return sagemaker.CfnModel.ContainerDefinitionProperty(
            image=self.image,
            model_data_url=self.artifact_url,
            environment=dict(self.environment),
            mode="MultiModel" if self.holds_many else None,
            container_hostname=self.name,
        )

    def rights(self) -> Iterator[tuple[list[str], list[str], str | None]]:
        """What CreateModel asks of the role: actions, resources, and why there is a wildcard.

        https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateModel API"
        """
        bucket = self.artifact_bucket
        if bucket is not None and self.artifact_folder is not None:
            folder = bucket.arn_for_objects(f"{self.artifact_folder}/*")
            yield ["s3:GetObject"], [folder], "the models that requests ask for, which come and go"
            yield ["s3:ListBucket"], [bucket.bucket_arn], None
        elif bucket is not None:
            yield ["s3:GetObject"], [bucket.arn_for_objects(str(self.artifact_key))], None
        yield (
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [self.repository.repository_arn],
            None,
        )


@dataclass(frozen=True)
class ModelNetwork:
    """Where instances have their network interfaces."""

    subnets: Sequence[ec2.ISubnet]
    security_groups: Sequence[ec2.ISecurityGroup]

    @property
    def config(self) -> dict[str, list[str]]:
        return {
            "subnets": [subnet.subnet_id for subnet in self.subnets],
            "security_group_ids": [group.security_group_id for group in self.security_groups],
        }


def model_properties(
    containers: Sequence[ModelContainer], role: iam.IRole, network: ModelNetwork | None, *, isolated: bool
) -> dict[str, Any]:
    """The properties of a `CfnModel`, without its name."""
    if not containers:
        raise ValueError("a model without containers answers nothing, give at least one")
    many: dict[str, Any] = {"containers": [container.definition() for container in containers]}
    return {
        "execution_role_arn": role.role_arn,
        "enable_network_isolation": isolated,
        **({"primary_container": containers[0].definition()} if len(containers) == 1 else many),
        **({"vpc_config": sagemaker.CfnModel.VpcConfigProperty(**network.config)} if network else {}),
    }


def execution_role(scope: Construct, description: str) -> iam.Role:
    return iam.Role(
        scope,
        "Role",
        description=description,
        assumed_by=iam.ServicePrincipal(
            "sagemaker.amazonaws.com",
            # not for a model of another account's ("Cross-service confused deputy prevention")
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
        ),
    )


def execution_policy(
    scope: Construct,
    role: iam.IRole,
    description: str,
    *,
    containers: Sequence[ModelContainer],
    encryption_key: kms.IKey,
    log_groups: Sequence[logs.ILogGroup],
    network: ModelNetwork | None,
) -> AccessPolicy:
    """What SageMaker asks for, narrowed to the model's own things.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateModel API"
    """
    stack = Stack.of(scope)
    policy = AccessPolicy(scope, "Policy", description=description, roles=[role])
    rights: dict[str, tuple[list[str], list[str], str | None]] = {}
    for container in containers:
        for actions, resources, why in container.rights():
            rights.setdefault(str(stack.resolve([actions, resources])), (actions, resources, why))
    for actions, resources, why in rights.values():
        policy.allow(actions, resources, wildcard_because=why)
    # the instances' volumes are attached through a grant
    policy.allow(["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"], [encryption_key.key_arn])
    if log_groups:
        policy.allow(
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [group.log_group_arn for group in log_groups],
        )
    if network is not None:
        _allow_interfaces(policy, stack, network)
    policy.allow(
        ["cloudwatch:PutMetricData"],
        ["*"],
        conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
        wildcard_because="PutMetricData takes no resource, the namespace confines it",
    )
    looks = ["ecr:GetAuthorizationToken"]
    if network is not None:
        looks = [
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            *looks,
        ]
    policy.allow(looks, ["*"], wildcard_because="these actions take no resource")
    return policy


def _allow_interfaces(policy: AccessPolicy, stack: Stack, network: ModelNetwork) -> None:
    def arn(resource: str, name: str) -> str:
        return stack.format_arn(service="ec2", resource=resource, resource_name=name)

    interfaces = arn("network-interface", "*")
    unnamed = "a network interface has no name before it is made"
    policy.allow(
        ["ec2:CreateNetworkInterface"],
        [
            interfaces,
            *(arn("subnet", subnet.subnet_id) for subnet in network.subnets),
            *(arn("security-group", group.security_group_id) for group in network.security_groups),
        ],
        wildcard_because=unnamed,
    )
    policy.allow(
        [
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ],
        [interfaces],
        wildcard_because=unnamed,
    )
