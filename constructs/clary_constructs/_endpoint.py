"""A model behind a real-time endpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._content_name import content_name
from clary_constructs._policy import AccessPolicy
from clary_constructs._subnets import selected_subnets
from constructs import Construct

_PACKS = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")
_LONGEST_NAME = 63
_DISK_IN_THE_NAME = re.compile(r"[a-z]+\d+[a-z]*d[a-z]*")
_DISK_ALL_THE_SAME = {"g5", "g6", "g6e", "gr6", "p5", "p5e", "p5en", "p6-b200", "trn1", "trn1n", "trn2"}


def has_local_storage(instance_type: str) -> bool:
    """Whether the instances carry NVMe disks of their own.

    CreateEndpointConfig refuses a KmsKeyId for these: a hardware module on the instance encrypts their
    disks (API reference, `KmsKeyId`). Families say so with a `d` among their attributes, as in m5d or
    g4dn (EC2's naming conventions); the accelerated families that have them without saying so are listed.
    """
    family = instance_type.removeprefix("ml.").split(".")[0]
    return family in _DISK_ALL_THE_SAME or _DISK_IN_THE_NAME.fullmatch(family) is not None


class ModelEndpoint(Construct):
    """A model, and an endpoint that callers know by its fixed name.

    The model and the endpoint configuration are named after their content: the same input is an empty
    diff, and a changed image, artifact or instance makes a new pair, which the endpoint moves to
    before the old pair goes. The execution role is this model's alone: it reads one object and one
    image repository, and writes one log group.

    By default the container is isolated from the network: SageMaker fetches image and artifact, and
    hands requests in. A container that calls other services needs `network_isolation=False`, and
    reaches only what `security_groups` let it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        repository: ecr.IRepository,
        image_tag: str,
        artifact_bucket: s3.IBucket,
        artifact_key: str,
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        instance_type: str = "ml.m5.large",
        instance_count: int = 1,
        environment: Mapping[str, str] | None = None,
        network_isolation: bool = True,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        super().__init__(scope, construct_id)
        if len(endpoint_name) > _LONGEST_NAME:
            raise ValueError(
                f"the endpoint name '{endpoint_name}' has {len(endpoint_name)} characters,"
                f" SageMaker takes {_LONGEST_NAME}"
            )
        if instance_count < 1:
            raise ValueError(f"{instance_count} instances cannot serve '{endpoint_name}', give at least 1")
        self.endpoint_name = endpoint_name

        log_group = logs.LogGroup(
            self,
            "Logs",
            # SageMaker writes to this name, and would make the group itself, unencrypted and for ever.
            log_group_name=f"/aws/sagemaker/Endpoints/{endpoint_name}",
            encryption_key=encryption_key,
            retention=log_retention,
            # A retained group of a fixed name would be in its successor's way.
            removal_policy=RemovalPolicy.DESTROY,
        )
        chosen = selected_subnets(vpc, subnets).subnets
        role = _execution_role(self)
        policy = _execution_policy(
            self,
            role,
            repository=repository,
            artifact=artifact_bucket.arn_for_objects(artifact_key),
            encryption_key=encryption_key,
            log_group=log_group,
            subnets=chosen,
            security_groups=security_groups,
        )

        model_properties: dict[str, Any] = {
            "execution_role_arn": role.role_arn,
            "enable_network_isolation": network_isolation,
            "primary_container": sagemaker.CfnModel.ContainerDefinitionProperty(
                image=repository.repository_uri_for_tag(image_tag),
                model_data_url=artifact_bucket.s3_url_for_object(artifact_key),
                environment=dict(environment or {}),
            ),
            "vpc_config": sagemaker.CfnModel.VpcConfigProperty(
                subnets=[subnet.subnet_id for subnet in chosen],
                security_group_ids=[group.security_group_id for group in security_groups],
            ),
        }
        self.model_name = content_name(self, endpoint_name, model_properties)
        model = sagemaker.CfnModel(self, "Model", model_name=self.model_name, **model_properties)
        # CreateModel fails unless the role can already read image and artifact.
        model.node.add_dependency(policy)

        configuration_properties: dict[str, Any] = {
            "kms_key_id": None if has_local_storage(instance_type) else encryption_key.key_arn,
            "production_variants": [
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name="main",
                    model_name=self.model_name,
                    instance_type=instance_type,
                    initial_instance_count=instance_count,
                    initial_variant_weight=1,
                )
            ],
        }
        self.configuration_name = content_name(self, endpoint_name, configuration_properties)
        configuration = sagemaker.CfnEndpointConfig(
            self,
            "Configuration",
            endpoint_config_name=self.configuration_name,
            **configuration_properties,
        )
        configuration.add_resource_dependency(model)
        if has_local_storage(instance_type):
            acknowledge(
                configuration,
                *(f"{pack}-SageMakerEndpointConfigurationKMSKeyConfigured" for pack in _PACKS),
                reason=f"{instance_type} encrypts its own disks, and SageMaker refuses a key for them",
            )
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=self.configuration_name,
        )
        endpoint.add_resource_dependency(configuration)
        endpoint.node.add_dependency(log_group)
        self.endpoint_arn = Stack.of(self).format_arn(
            service="sagemaker", resource="endpoint", resource_name=endpoint_name
        )

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets `grantee` ask this endpoint for predictions."""
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["sagemaker:InvokeEndpoint"], resource_arns=[self.endpoint_arn]
        )


def _execution_role(scope: Construct) -> iam.Role:
    return iam.Role(
        scope,
        "Role",
        description="Runs one model: reads its artifact and image, writes its log",
        assumed_by=iam.ServicePrincipal(
            "sagemaker.amazonaws.com",
            # not for a model of another account's ("Cross-service confused deputy prevention")
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
        ),
    )


def _execution_policy(
    scope: Construct,
    role: iam.IRole,
    *,
    repository: ecr.IRepository,
    artifact: str,
    encryption_key: kms.IKey,
    log_group: logs.ILogGroup,
    subnets: Sequence[ec2.ISubnet],
    security_groups: Sequence[ec2.ISecurityGroup],
) -> AccessPolicy:
    """What SageMaker asks for, narrowed to the model's own things.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateModel API"
    """
    stack = Stack.of(scope)
    policy = AccessPolicy(scope, "Policy", description="What one model's endpoint may do", roles=[role])
    policy.allow(["s3:GetObject"], [artifact])
    # the instances' volumes are attached through a grant
    policy.allow(["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"], [encryption_key.key_arn])
    policy.allow(
        ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        [repository.repository_arn],
    )
    policy.allow(
        ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [log_group.log_group_arn]
    )
    network_interfaces = stack.format_arn(service="ec2", resource="network-interface", resource_name="*")
    unnamed = "a network interface has no name before it is made"
    policy.allow(
        ["ec2:CreateNetworkInterface"],
        [
            network_interfaces,
            *(_ec2_arn(stack, "subnet", subnet.subnet_id) for subnet in subnets),
            *(_ec2_arn(stack, "security-group", group.security_group_id) for group in security_groups),
        ],
        wildcard_because=unnamed,
    )
    policy.allow(
        [
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ],
        [network_interfaces],
        wildcard_because=unnamed,
    )
    policy.allow(
        ["cloudwatch:PutMetricData"],
        ["*"],
        conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
        wildcard_because="PutMetricData takes no resource, the namespace confines it",
    )
    policy.allow(
        [
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "ecr:GetAuthorizationToken",
        ],
        ["*"],
        wildcard_because="these actions take no resource",
    )
    return policy


def _ec2_arn(stack: Stack, resource: str, name: str) -> str:
    return stack.format_arn(service="ec2", resource=resource, resource_name=name)
