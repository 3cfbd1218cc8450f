"""Instances that several models share, each in copies of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._content_name import content_name
from clary_constructs._endpoint import acknowledge_own_disks, allow_capture, check_name, endpoint_log
from clary_constructs._endpoint_capacity import Instances, RequestCapture, UpdatePolicy, has_local_storage
from clary_constructs._model_container import ModelContainer, ModelNetwork, execution_policy, execution_role
from clary_constructs._subnets import selected_subnets
from constructs import Construct

VARIANT = "main"


@dataclass(frozen=True)
class ComponentSize:
    """How many copies run, and what each needs of an instance."""

    copies: int = 1
    memory_mib: int = 1024
    cpus: int | None = None
    accelerators: int | None = None

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"{self.copies} copies cannot serve, give at least 1")


class ComponentEndpoint(Construct):
    """An endpoint without a model of its own: inference components are put on it with `add`.

    SageMaker adds and removes instances as the copies need them, from `least_instances` to the capacity's
    count, where that is given; otherwise there are always so many.
    https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html

    The containers run as the endpoint's role, isolated from the network by default.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        capacity: Instances,
        containers: Sequence[ModelContainer],
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        least_instances: int | None = None,
        capture: RequestCapture | None = None,
        network_isolation: bool = True,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        super().__init__(scope, construct_id)
        check_name(endpoint_name)
        self.endpoint_name = endpoint_name
        log_group = endpoint_log(self, endpoint_name, encryption_key, log_retention)
        network = ModelNetwork(selected_subnets(vpc, subnets).subnets, security_groups)
        role = execution_role(self, "Runs the models of one endpoint: reads them, writes its log")
        self._policy = execution_policy(
            self,
            role,
            "What the models of one endpoint may do",
            containers=containers,
            encryption_key=encryption_key,
            log_groups=[log_group],
            network=network,
        )
        if capture is not None:
            allow_capture(self._policy, capture, encryption_key)
        config = sagemaker.CfnEndpointConfig
        with_disks = [capacity.type] if has_local_storage(capacity.type) else []
        scaling = None
        if least_instances is not None:
            scaling = config.ManagedInstanceScalingProperty(
                status="ENABLED", min_instance_count=least_instances, max_instance_count=capacity.count
            )
        properties: dict[str, Any] = {
            "execution_role_arn": role.role_arn,
            "enable_network_isolation": network_isolation,
            "vpc_config": config.VpcConfigProperty(**network.config),
            "kms_key_id": None if with_disks else encryption_key.key_arn,
            "production_variants": [
                config.ProductionVariantProperty(
                    variant_name=VARIANT,
                    instance_type=capacity.type,
                    # with managed scaling the copies ask for more
                    initial_instance_count=capacity.count if scaling is None else 1,
                    managed_instance_scaling=scaling,
                    routing_config=config.RoutingConfigProperty(
                        routing_strategy="LEAST_OUTSTANDING_REQUESTS"
                    ),
                )
            ],
        }
        if capture is not None:
            properties["data_capture_config"] = capture.properties(encryption_key)
        self.configuration_name = content_name(self, endpoint_name, properties)
        configuration = config(
            self, "Configuration", endpoint_config_name=self.configuration_name, **properties
        )
        configuration.node.add_dependency(self._policy)
        acknowledge_own_disks(configuration, with_disks)
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=self.configuration_name,
            # a new configuration keeps the instances that the copies asked for
            retain_all_variant_properties=None if scaling is None else True,
            exclude_retained_variant_properties=None
            if scaling is None
            else [sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DataCaptureConfig")],
        )
        self.endpoint.add_resource_dependency(configuration)
        self.endpoint.node.add_dependency(log_group)
        self.endpoint_arn = Stack.of(self).format_arn(
            service="sagemaker", resource="endpoint", resource_name=endpoint_name
        )

    def add(
        self,
        construct_id: str,
        *,
        component_name: str,
        container: ModelContainer,
        size: ComponentSize,
        update: UpdatePolicy | None = None,
        alarms: Sequence[cloudwatch.IAlarm | str] = (),
    ) -> sagemaker.CfnInferenceComponent:
        """Puts a model on the endpoint, one of the `containers`. A changed one takes over in batches."""
        check_name(component_name)
        component = sagemaker.CfnInferenceComponent
        rolling = update is not None and update.strategy == "rolling"
        made = component(
            self,
            construct_id,
            inference_component_name=component_name,
            endpoint_name=self.endpoint_name,
            variant_name=VARIANT,
            specification=component.InferenceComponentSpecificationProperty(
                container=component.InferenceComponentContainerSpecificationProperty(
                    image=container.image,
                    artifact_url=container.artifact_url,
                    environment=dict(container.environment) or None,
                ),
                compute_resource_requirements=component.InferenceComponentComputeResourceRequirementsProperty(
                    min_memory_required_in_mb=size.memory_mib,
                    number_of_cpu_cores_required=size.cpus,
                    number_of_accelerator_devices_required=size.accelerators,
                ),
            ),
            runtime_config=component.InferenceComponentRuntimeConfigProperty(copy_count=size.copies),
            deployment_config=self._deployment(update, alarms) if update is not None and rolling else None,
        )
        made.add_resource_dependency(self.endpoint)
        return made

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets `grantee` ask every component of this endpoint for predictions."""
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["sagemaker:InvokeEndpoint"], resource_arns=[self.endpoint_arn]
        )

    def _deployment(
        self, update: UpdatePolicy, alarms: Sequence[cloudwatch.IAlarm | str]
    ) -> sagemaker.CfnInferenceComponent.InferenceComponentDeploymentConfigProperty:
        component = sagemaker.CfnInferenceComponent
        names = [alarm if isinstance(alarm, str) else alarm.alarm_name for alarm in alarms]
        back = component.AutoRollbackConfigurationProperty(
            alarms=[component.AlarmProperty(alarm_name=name) for name in names]
        )
        return component.InferenceComponentDeploymentConfigProperty(
            rolling_update_policy=component.InferenceComponentRollingUpdatePolicyProperty(
                maximum_batch_size=component.InferenceComponentCapacitySizeProperty(
                    type="CAPACITY_PERCENT", value=update.percent
                ),
                wait_interval_in_seconds=update.bake_seconds,
            ),
            auto_rollback_configuration=back if names else None,
        )
