"""Capacity that follows the load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aws_cdk import CfnResource
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch

from clary_constructs._endpoint_alarms import endpoint_metric
from constructs import Construct

Followed = Literal["invocations", "concurrency"]


@dataclass(frozen=True)
class CapacityLimits:
    """Between what capacity moves, and how quickly. `scheduled` are other limits from a time on, by name."""

    least: int
    most: int
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 60
    scheduled: Mapping[str, ScheduledLimits] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"capacity cannot be from {self.least} to {self.most}")


@dataclass(frozen=True)
class ScheduledLimits:
    at: str
    """`cron(…)`, `rate(…)` or `at(…)`."""
    time_zone: str = "UTC"
    least: int | None = None
    most: int | None = None


class _Scaling(Construct):
    """A target, the metric that it follows, and, where it may be at zero, what wakes it up."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        resource_id: str,
        dimension: str,
        limits: CapacityLimits,
        tracking: Mapping[str, Any],
        target: float,
        of: CfnResource,
    ) -> None:
        super().__init__(scope, construct_id)
        self._resource_id, self._dimension = resource_id, dimension
        self.target = scaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            resource_id=resource_id,
            scalable_dimension=dimension,
            min_capacity=limits.least,
            max_capacity=limits.most,
            scheduled_actions=[
                scaling.CfnScalableTarget.ScheduledActionProperty(
                    scheduled_action_name=name,
                    schedule=each.at,
                    timezone=each.time_zone,
                    scalable_target_action=scaling.CfnScalableTarget.ScalableTargetActionProperty(
                        min_capacity=each.least, max_capacity=each.most
                    ),
                )
                for name, each in (limits.scheduled or {}).items()
            ]
            or None,
        )
        self.target.add_resource_dependency(of)
        self._policy(
            "Follow",
            policy_type="TargetTrackingScaling",
            target_tracking_scaling_policy_configuration=(
                scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=target,
                    scale_in_cooldown=limits.scale_in_cooldown_seconds,
                    scale_out_cooldown=limits.scale_out_cooldown_seconds,
                    **tracking,
                )
            ),
        )

    def _policy(self, construct_id: str, **properties: Any) -> scaling.CfnScalingPolicy:
        return scaling.CfnScalingPolicy(
            self,
            construct_id,
            policy_name=construct_id,
            scaling_target_id=self.target.ref,
            **properties,
        )

    def _wake_up(self, metric: cloudwatch.Metric) -> None:
        """One more as soon as somebody waits and nobody serves: target tracking divides by what is there.

        https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html#async-inference-autoscale-scale-up
        """
        step = self._policy(
            "WakeUp",
            policy_type="StepScaling",
            step_scaling_policy_configuration=scaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Maximum",
                cooldown=60,
                step_adjustments=[
                    scaling.CfnScalingPolicy.StepAdjustmentProperty(
                        metric_interval_lower_bound=0, scaling_adjustment=1
                    )
                ],
            ),
        )
        alarm = cloudwatch.CfnAlarm(
            self,
            "SomebodyWaits",
            alarm_description=f"{self._resource_id}: requests wait and nothing serves",
            namespace=metric.namespace,
            metric_name=metric.metric_name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=str(value))
                for name, value in (metric.dimensions or {}).items()
            ],
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="missing",
            alarm_actions=[step.attr_arn],
        )
        self.wakes_up = alarm


def _predefined(name: str) -> dict[str, Any]:
    return {
        "predefined_metric_specification": scaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
            predefined_metric_type=name
        )
    }


class VariantScaling(_Scaling):
    """Instances of a real-time variant.

    By default 100 invocations a minute and instance, or 5 requests at once.
    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-policy.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variant: str,
        limits: CapacityLimits,
        of: CfnResource,
        follow: Followed = "invocations",
        target: int | None = None,
    ) -> None:
        if limits.least < 1:
            raise ValueError(f"'{endpoint_name}' answers at once and cannot have less than 1 instance")
        names = {
            "invocations": ("SageMakerVariantInvocationsPerInstance", 100),
            "concurrency": ("SageMakerVariantConcurrentRequestsPerModelHighResolution", 5),
        }
        metric, usual = names[follow]
        super().__init__(
            scope,
            construct_id,
            resource_id=f"endpoint/{endpoint_name}/variant/{variant}",
            dimension="sagemaker:variant:DesiredInstanceCount",
            limits=limits,
            tracking=_predefined(metric),
            target=usual if target is None else target,
            of=of,
        )


class QueueScaling(_Scaling):
    """Instances of an asynchronous variant, by how many requests wait for each; there may be none.

    By default 5 for each. https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variant: str,
        limits: CapacityLimits,
        of: CfnResource,
        target: int | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            resource_id=f"endpoint/{endpoint_name}/variant/{variant}",
            dimension="sagemaker:variant:DesiredInstanceCount",
            limits=limits,
            tracking={
                "customized_metric_specification": (
                    scaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty(
                        namespace="AWS/SageMaker",
                        metric_name="ApproximateBacklogSizePerInstance",
                        dimensions=[
                            scaling.CfnScalingPolicy.MetricDimensionProperty(
                                name="EndpointName", value=endpoint_name
                            )
                        ],
                        statistic="Average",
                    )
                )
            },
            target=5 if target is None else target,
            of=of,
        )
        if limits.least == 0 or any(each.least == 0 for each in (limits.scheduled or {}).values()):
            self._wake_up(
                endpoint_metric(
                    "HasBacklogWithoutCapacity",
                    statistic="Maximum",
                    dimensions={"EndpointName": endpoint_name},
                )
            )


class ProvisionedConcurrencyScaling(_Scaling):
    """Provisioned concurrency of a serverless variant, by how much of it is used.

    By default 70 percent. https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-autoscale.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variant: str,
        limits: CapacityLimits,
        of: CfnResource,
        target_percent: int | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            resource_id=f"endpoint/{endpoint_name}/variant/{variant}",
            dimension="sagemaker:variant:DesiredProvisionedConcurrency",
            limits=limits,
            tracking=_predefined("SageMakerVariantProvisionedConcurrencyUtilization"),
            target=(70 if target_percent is None else target_percent) / 100,
            of=of,
        )


class ComponentScaling(_Scaling):
    """Copies of an inference component; there may be none.

    By default 100 invocations a minute and copy, or 5 requests at once.
    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        component_name: str,
        limits: CapacityLimits,
        of: CfnResource,
        follow: Followed = "invocations",
        target: int | None = None,
    ) -> None:
        names = {
            "invocations": ("SageMakerInferenceComponentInvocationsPerCopy", 100),
            "concurrency": ("SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution", 5),
        }
        metric, usual = names[follow]
        super().__init__(
            scope,
            construct_id,
            resource_id=f"inference-component/{component_name}",
            dimension="sagemaker:inference-component:DesiredCopyCount",
            limits=limits,
            tracking=_predefined(metric),
            target=usual if target is None else target,
            of=of,
        )
        if limits.least == 0 or any(each.least == 0 for each in (limits.scheduled or {}).values()):
            self._wake_up(
                endpoint_metric(
                    "NoCapacityInvocationFailures",
                    statistic="Maximum",
                    dimensions={"InferenceComponentName": component_name},
                )
            )
