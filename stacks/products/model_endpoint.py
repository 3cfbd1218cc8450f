"""Models of the registry that answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from clary.environment import catalog
from clary_constructs import FieldRule, LaunchedModelRole, LaunchRight, SharedValue, has_local_storage
from stacks.access import workspace_of
from stacks.naming import pascal
from stacks.products import fields
from stacks.products.product import Offer, Product

_LONGEST_NAME = 14
_LONGEST = 63
"""Of the names of endpoints, configurations and models alike."""
_MOST_VERSIONS = 9999
_DIGITS = 5
_OURS = "they are named by whoever launches them; the team's all begin so"


class ModelEndpoint(Product):
    key = "model_endpoint"
    title = "Model endpoint"
    about = (
        "An approved version of a model of the team's registry behind an endpoint: encrypted, in the team's"
        " network, and isolated. It is asked by SageMaker's runtime, and by the environment's API where the"
        " file says so. Another version takes its place without a pause. It is billed until it is terminated."
    )

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        assert isinstance(offer.settings, catalog.ModelEndpoint)
        self._said = offer.settings
        workspace = workspace_of(offer.environment, offer.team, offer.network, offer.data)
        more = [offer.data.repositories[name] for name in self._said.repositories]
        workspace = replace(workspace, repositories=list(dict.fromkeys([*workspace.repositories, *more])))
        self._prefix = workspace.job_prefix
        self._key = offer.data.key.key_arn
        self._subnets = workspace.subnet_ids
        role = LaunchedModelRole(
            offer.stack,
            f"{pascal(offer.team)}ModelsRole",
            workspace=workspace,
            permissions_boundary=offer.access.permissions_boundary,
            path=offer.environment.role_path,
        ).role
        shared = {
            "role": (f"{offer.team}-model-role", role.role_arn),
            "group": ("security-group-id", workspace.security_group.security_group_id),
            "key": ("key-arn", self._key),
            **{
                f"subnet{number}": (f"subnet-id-{number}" if number else "subnet-id", subnet)
                for number, subnet in enumerate(self._subnets)
            },
        }
        self._values: Mapping[str, SharedValue] = {
            key: self.share(name, value) for key, (name, value) in shared.items()
        }

    def add_to(self, stack: cdk.Stack) -> None:
        said, values = self._said, self._values
        spelling = "small letters, digits, single hyphens"
        name = fields.name(
            stack,
            f"What to call it, behind the team's name and two hyphens: {spelling}",
            longest=_LONGEST_NAME,
        )
        group = fields.name(
            stack,
            f"The model package group without {self._prefix} at its front",
            longest=self._longest_group,
            field="Group",
        )
        version = cdk.CfnParameter(
            stack,
            "Version",
            type="Number",
            description="The version of the model package, which has been approved",
            min_value=1,
            max_value=_MOST_VERSIONS,
        ).value_as_string
        instance_type = fields.instance_type(
            stack, "What it runs on, and is billed for until it is terminated", said.instance_types
        )
        contents = cdk.CfnMapping(
            stack,
            "Contents",
            mapping={
                each: {"Name": self._content(each), "Disks": "own" if has_local_storage(each) else "attached"}
                for each in said.instance_types
            },
        )
        own_disks = cdk.CfnCondition(
            stack,
            "OwnDisks",
            expression=cdk.Fn.condition_equals(contents.find_in_map(instance_type, "Disks"), "own"),
        )
        # new ones for whatever changes, which neither a model nor a configuration does in place
        content = contents.find_in_map(instance_type, "Name")
        made = cdk.Fn.join("-", [f"{self._prefix}{name}", group, version, content])
        called = f"{self._prefix}{name}"
        log = logs.CfnLogGroup(
            stack,
            "Logs",
            # SageMaker writes to this name, and would make the group itself, unencrypted and for ever
            log_group_name=f"/aws/sagemaker/Endpoints/{called}",
            kms_key_id=values["key"].reference,
            retention_in_days=365,
        )
        log.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        model = sagemaker.CfnModel(
            stack,
            "Model",
            model_name=made,
            execution_role_arn=values["role"].reference,
            enable_network_isolation=True,
            containers=[
                sagemaker.CfnModel.ContainerDefinitionProperty(
                    model_package_name=stack.format_arn(
                        service="sagemaker",
                        partition=cdk.Aws.PARTITION,
                        region=cdk.Aws.REGION,
                        account=cdk.Aws.ACCOUNT_ID,
                        resource="model-package",
                        resource_name=f"{self._prefix}{group}/{version}",
                    )
                )
            ],
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(
                subnets=[values[f"subnet{number}"].reference for number in range(len(self._subnets))],
                security_group_ids=[values["group"].reference],
            ),
        )
        configuration = sagemaker.CfnEndpointConfig(
            stack,
            "Configuration",
            endpoint_config_name=made,
            # instances encrypt disks of their own, and SageMaker refuses a key for them
            kms_key_id=cdk.Fn.condition_if(
                own_disks.logical_id, cdk.Aws.NO_VALUE, values["key"].reference
            ).to_string(),
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name="main",
                    model_name=model.attr_model_name,
                    initial_instance_count=1,
                    initial_variant_weight=1,
                    instance_type=instance_type,
                )
            ],
        )
        endpoint = sagemaker.CfnEndpoint(
            stack,
            "Endpoint",
            endpoint_name=called,
            endpoint_config_name=configuration.attr_endpoint_config_name,
        )
        endpoint.add_resource_dependency(log)
        cdk.CfnOutput(stack, "EndpointName", value=called, description="What the runtime knows it by")
        if said.api is not None:
            content_type = fields.content_type(
                stack, "What the model takes, as the API lets it through", said.api.content_types
            )
            cdk.Tags.of(endpoint).add(catalog.ROUTE_TAG, content_type)
            cdk.CfnOutput(
                stack,
                "Route",
                value=f"/models/{called}/invocations",
                description="Where the environment's API leads to it, for clients who may",
            )

    @property
    def _longest_group(self) -> int:
        """What is left of the longest name behind the team's, the endpoint's, a version and a hash."""
        taken = len(self._prefix) + _LONGEST_NAME + len(str(_MOST_VERSIONS)) + _DIGITS
        return _LONGEST - taken - len("---")

    def _content(self, instance_type: str) -> str:
        told = f"{instance_type} {self._shared_content()}"
        return hashlib.sha256(told.encode()).hexdigest()[:_DIGITS]

    def _ours(self, kind: str) -> str:
        return self.offer.stack.format_arn(
            service="sagemaker", resource=kind, resource_name=f"{self._prefix}*"
        )

    def uses(self) -> Sequence[LaunchRight]:
        return [
            LaunchRight(
                "asks the team's endpoints, and sees how they are",
                ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"],
                [self._ours("endpoint")],
                wildcard_because=_OURS,
            )
        ]

    def rules(self) -> Sequence[FieldRule]:
        found = [fields.instance_type_is_allowed(self._said.instance_types)]
        if self._said.api is not None:
            found.append(fields.content_type_is_allowed(self._said.api.content_types))
        return found

    def rights(self) -> Sequence[LaunchRight]:
        stack, values = self.offer.stack, self._values
        return [
            LaunchRight(
                "makes and removes the model, its configuration and the endpoint, and changes this",
                [
                    "sagemaker:AddTags",
                    "sagemaker:CreateEndpoint",
                    "sagemaker:CreateEndpointConfig",
                    "sagemaker:CreateModel",
                    "sagemaker:DeleteEndpoint",
                    "sagemaker:DeleteEndpointConfig",
                    "sagemaker:DeleteModel",
                    "sagemaker:DeleteTags",
                    "sagemaker:DescribeEndpoint",
                    "sagemaker:DescribeEndpointConfig",
                    "sagemaker:DescribeModel",
                    "sagemaker:ListTags",
                    "sagemaker:UpdateEndpoint",
                ],
                [self._ours(kind) for kind in ("endpoint", "endpoint-config", "model")],
                wildcard_because=_OURS,
            ),
            LaunchRight(
                "gives the model its role",
                ["iam:PassRole"],
                [values["role"].value],
                {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
            LaunchRight(
                "encrypts the disk",
                ["kms:CreateGrant", "kms:DescribeKey"],
                [self._key],
                {"StringEquals": {"kms:ViaService": f"sagemaker.{stack.region}.amazonaws.com"}},
            ),
            LaunchRight(
                "makes, changes and removes the endpoint's log group",
                [
                    "logs:AssociateKmsKey",
                    "logs:CreateLogGroup",
                    "logs:DeleteLogGroup",
                    "logs:ListTagsForResource",
                    "logs:PutRetentionPolicy",
                    "logs:TagResource",
                    "logs:UntagResource",
                ],
                [
                    stack.format_arn(
                        service="logs",
                        resource="log-group",
                        resource_name=f"/aws/sagemaker/Endpoints/{self._prefix}*",
                        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                    )
                ],
                wildcard_because=_OURS,
            ),
            LaunchRight(
                "looks at log groups",
                ["logs:DescribeLogGroups"],
                ["*"],
                wildcard_because="CloudWatch Logs finds groups by what their names begin with",
            ),
        ]
