"""Models behind an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._acknowledgement import acknowledge
from clary_constructs._content_name import content_name
from clary_constructs._endpoint_capacity import (
    Instances,
    ModelVariant,
    RequestCapture,
    RequestQueue,
    UpdatePolicy,
    has_local_storage,
)
from clary_constructs._model_container import (
    ModelNetwork,
    execution_policy,
    execution_role,
    model_properties,
)
from clary_constructs._policy import AccessPolicy
from clary_constructs._subnets import selected_subnets
from constructs import Construct

_PACKS = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")
_LONGEST_NAME = 63
_SHADOW = "shadow"
MAIN = "main"


class ModelEndpoint(Construct):
    """An endpoint that callers know by its fixed name, and the models behind it.

    Models and the endpoint configuration are named after their content: the same input is an empty
    diff, and a changed image, artifact or instance makes new ones, which the endpoint moves to before
    the old ones go. The execution role is this endpoint's alone: it reads the artifacts and the images,
    and writes one log group.

    `variants` share the requests; `shadow` sees them and does not answer. With a `queue` the endpoint is
    asynchronous, and with serverless capacity it has no instances, no network of ours and no isolation:
    SageMaker offers neither there. Otherwise, by default, the containers are isolated from the network:
    SageMaker fetches images and artifacts, and hands requests in. A container that calls other services
    needs `network_isolation=False`, and reaches only what `security_groups` let it.

    `update` says how a new model takes over; `alarms` bring the old one back, and are named or made
    before. What changes capacity later is told with `keep_capacity`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variants: Mapping[str, ModelVariant],
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        shadow: ModelVariant | None = None,
        queue: RequestQueue | None = None,
        capture: RequestCapture | None = None,
        update: UpdatePolicy | None = None,
        alarms: Sequence[cloudwatch.IAlarm | str] = (),
        network_isolation: bool = True,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        super().__init__(scope, construct_id)
        every = {**variants, **({} if shadow is None else {_SHADOW: shadow})}
        _check(endpoint_name, variants, shadow, queue, capture)
        self.endpoint_name = endpoint_name
        self.variants = variants
        self._encryption_key = encryption_key
        self._serverless = any(variant.serverless for variant in every.values())

        log_group = endpoint_log(self, endpoint_name, encryption_key, log_retention)
        network = None
        if not self._serverless:
            network = ModelNetwork(selected_subnets(vpc, subnets).subnets, security_groups)
        role = execution_role(self, "Runs one model: reads its artifact and image, writes its log")
        self._policy = execution_policy(
            self,
            role,
            "What one model's endpoint may do",
            containers=[container for variant in every.values() for container in variant.containers],
            encryption_key=encryption_key,
            log_groups=[log_group],
            network=network,
        )
        self._allow_to_write(queue, capture)

        models: dict[str, sagemaker.CfnModel] = {}
        self.model_names: dict[str, str] = {}
        for name, variant in every.items():
            properties = model_properties(
                variant.containers, role, network, isolated=network_isolation and not self._serverless
            )
            # a variant that becomes what another one was must not meet its name
            content = properties if name == MAIN else {**properties, "variant": name}
            self.model_names[name] = content_name(self, endpoint_name, content)
            models[name] = self._model(name, self.model_names[name], properties)
        self.model_name = next(iter(self.model_names.values()))

        self._configuration = self._configure(every, shadow, queue, capture)
        self.configuration_name = str(self._configuration.endpoint_config_name)
        for model in models.values():
            self._configuration.add_resource_dependency(model)
        self._endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=self.configuration_name,
            # "Deployment guardrails only apply to Asynchronous inference and Real-time inference endpoint
            # types": https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
            deployment_config=update.properties(alarms) if update and not self._serverless else None,
        )
        self._endpoint.add_resource_dependency(self._configuration)
        self._endpoint.node.add_dependency(log_group)
        self.endpoint_arn = Stack.of(self).format_arn(
            service="sagemaker", resource="endpoint", resource_name=endpoint_name
        )

    @property
    def endpoint(self) -> sagemaker.CfnEndpoint:
        """What exists once the endpoint answers."""
        return self._endpoint

    def keep_capacity(self) -> None:
        """Leaves how many instances there are to whatever changes that: an update keeps them.

        Weights and data capture are still as the configuration says.
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html
        """
        self._endpoint.retain_all_variant_properties = True
        self._endpoint.exclude_retained_variant_properties = [
            sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type=kind)
            for kind in ("DesiredWeight", "DataCaptureConfig")
        ]

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets `grantee` ask this endpoint for predictions."""
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["sagemaker:InvokeEndpoint"], resource_arns=[self.endpoint_arn]
        )

    def _model(self, name: str, model_name: str, properties: Mapping[str, Any]) -> sagemaker.CfnModel:
        construct_id = "Model" if name == MAIN else f"Model{_pascal(name)}"
        model = sagemaker.CfnModel(self, construct_id, model_name=model_name, **properties)
        # CreateModel fails unless the role can already read image and artifact.
        model.node.add_dependency(self._policy)
        return model

    def _configure(
        self,
        every: Mapping[str, ModelVariant],
        shadow: ModelVariant | None,
        queue: RequestQueue | None,
        capture: RequestCapture | None,
    ) -> sagemaker.CfnEndpointConfig:
        types = [v.capacity.type for v in every.values() if isinstance(v.capacity, Instances)]
        with_disks = [one for one in types if has_local_storage(one)]
        key = self._encryption_key
        properties: dict[str, Any] = {
            "kms_key_id": None if with_disks else key.key_arn,
            "production_variants": [
                variant.properties(name, self.model_names[name])
                for name, variant in every.items()
                if variant is not shadow
            ],
        }
        if shadow is not None:
            properties["shadow_production_variants"] = [shadow.properties(_SHADOW, self.model_names[_SHADOW])]
        if queue is not None:
            properties["async_inference_config"] = queue.properties(key)
        if capture is not None:
            properties["data_capture_config"] = capture.properties(key)
        configuration = sagemaker.CfnEndpointConfig(
            self,
            "Configuration",
            endpoint_config_name=content_name(self, self.endpoint_name, properties),
            **properties,
        )
        acknowledge_own_disks(configuration, with_disks)
        return configuration

    def _allow_to_write(self, queue: RequestQueue | None, capture: RequestCapture | None) -> None:
        if queue is not None:
            allow_queue(self._policy, queue, self._encryption_key)
        if capture is not None:
            allow_capture(self._policy, capture, self._encryption_key)


def endpoint_log(
    scope: Construct, endpoint_name: str, encryption_key: kms.IKey, retention: logs.RetentionDays
) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        "Logs",
        # SageMaker writes to this name, and would make the group itself, unencrypted and for ever.
        log_group_name=f"/aws/sagemaker/Endpoints/{endpoint_name}",
        encryption_key=encryption_key,
        retention=retention,
        # A retained group of a fixed name would be in its successor's way.
        removal_policy=RemovalPolicy.DESTROY,
    )


def acknowledge_own_disks(configuration: sagemaker.CfnEndpointConfig, instance_types: Sequence[str]) -> None:
    if instance_types:
        acknowledge(
            configuration,
            *(f"{pack}-SageMakerEndpointConfigurationKMSKeyConfigured" for pack in _PACKS),
            reason=f"{instance_types[0]} encrypts its own disks, and SageMaker refuses a key for them",
        )


def allow_queue(policy: AccessPolicy, queue: RequestQueue, key: kms.IKey) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint-prerequisites.html"""
    policy.allow(
        ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
        [queue.bucket.arn_for_objects(f"{queue.prefix}/*")],
        wildcard_because="requests and answers have names that come with them",
    )
    policy.allow(["s3:ListBucket"], [queue.bucket.bucket_arn])
    policy.allow(["kms:GenerateDataKey"], [key.key_arn])
    if queue.topics:
        policy.allow(["sns:Publish"], [topic.topic_arn for topic in queue.topics])


def allow_capture(policy: AccessPolicy, capture: RequestCapture, key: kms.IKey) -> None:
    policy.allow(
        ["s3:PutObject"],
        [capture.bucket.arn_for_objects(f"{capture.prefix}/*")],
        wildcard_because="what is captured is named by variant and time",
    )
    policy.allow(["kms:GenerateDataKey"], [key.key_arn])


def _check(
    endpoint_name: str,
    variants: Mapping[str, ModelVariant],
    shadow: ModelVariant | None,
    queue: RequestQueue | None,
    capture: RequestCapture | None,
) -> None:
    check_name(endpoint_name)
    if not variants:
        raise ValueError(f"'{endpoint_name}' has no variants, give at least one")
    if shadow is not None and len(variants) > 1:
        raise ValueError(
            f"'{endpoint_name}' has a shadow, which stands beside one variant, not {len(variants)}"
        )
    every = [*variants.values(), *([] if shadow is None else [shadow])]
    if any(variant.serverless for variant in every):
        several = len(every) > 1 or any(len(variant.containers) > 1 for variant in every)
        many = any(one.holds_many for variant in every for one in variant.containers)
        if several or many or queue is not None or capture is not None:
            raise ValueError(
                f"'{endpoint_name}' is serverless: that is one variant of one container, without a queue or"
                " capture"
            )
    if queue is not None and any(
        len(variant.containers) > 1 or variant.containers[0].holds_many for variant in every
    ):
        raise ValueError(
            f"'{endpoint_name}' is asynchronous: that is one container and one model for each variant"
        )


def check_name(endpoint_name: str) -> None:
    if len(endpoint_name) > _LONGEST_NAME:
        raise ValueError(
            f"the endpoint name '{endpoint_name}' has {len(endpoint_name)} characters,"
            f" SageMaker takes {_LONGEST_NAME}"
        )


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
