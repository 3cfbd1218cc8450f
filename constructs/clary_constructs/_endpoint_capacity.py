"""What an endpoint runs on, and what it does with requests: the parts of its configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

from clary_constructs._model_container import ModelContainer

_DISK_IN_THE_NAME = re.compile(r"[a-z]+\d+[a-z]*d[a-z]*")
_DISK_ALL_THE_SAME = {"g5", "g6", "g6e", "gr6", "p5", "p5e", "p5en", "p6-b200", "trn1", "trn1n", "trn2"}
_MEMORY_GIB = range(1, 7)
_LONGEST_UPDATE_SECONDS = 28_800
_SHORTEST_UPDATE_SECONDS = 1_800
_LARGEST_PERCENT = 50


def has_local_storage(instance_type: str) -> bool:
    """Whether the instances carry NVMe disks of their own.

    CreateEndpointConfig refuses a KmsKeyId for these: a hardware module on the instance encrypts their
    disks (API reference, `KmsKeyId`). Families say so with a `d` among their attributes, as in m5d or
    g4dn (EC2's naming conventions); the accelerated families that have them without saying so are listed.
    """
    family = instance_type.removeprefix("ml.").split(".")[0]
    return family in _DISK_ALL_THE_SAME or _DISK_IN_THE_NAME.fullmatch(family) is not None


@dataclass(frozen=True)
class Instances:
    """Instances that are there all the time, until scaling changes how many."""

    type: str = "ml.m5.large"
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"{self.count} instances cannot serve, give at least 1")


@dataclass(frozen=True)
class ServerlessCapacity:
    """Capacity that comes with the requests.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """

    memory_gib: int = 2
    max_concurrency: int = 5
    provisioned_concurrency: int | None = None

    def __post_init__(self) -> None:
        if self.memory_gib not in _MEMORY_GIB:
            raise ValueError(f"{self.memory_gib} GB of memory is not offered, give 1 to 6")
        if (self.provisioned_concurrency or 0) > self.max_concurrency:
            raise ValueError(
                f"a provisioned concurrency of {self.provisioned_concurrency} is more than there may be,"
                f" {self.max_concurrency}"
            )


@dataclass(frozen=True)
class ModelVariant:
    """A model behind an endpoint: one container, or a pipeline of several, and what it runs on.

    `weight` is its share of the requests, among those of all variants.
    """

    containers: Sequence[ModelContainer]
    capacity: Instances | ServerlessCapacity = Instances()
    weight: float = 1

    @property
    def serverless(self) -> bool:
        return isinstance(self.capacity, ServerlessCapacity)

    def properties(self, name: str, model_name: str) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        capacity: dict[str, Any]
        if isinstance(self.capacity, ServerlessCapacity):
            capacity = {
                "serverless_config": sagemaker.CfnEndpointConfig.ServerlessConfigProperty(
                    max_concurrency=self.capacity.max_concurrency,
                    memory_size_in_mb=self.capacity.memory_gib * 1024,
                    provisioned_concurrency=self.capacity.provisioned_concurrency,
                )
            }
        else:
            capacity = {
                "instance_type": self.capacity.type,
                "initial_instance_count": self.capacity.count,
            }
        return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=name, model_name=model_name, initial_variant_weight=self.weight, **capacity
        )


@dataclass(frozen=True)
class RequestQueue:
    """Makes an endpoint asynchronous: requests wait, and what comes of them is written below `prefix`.

    The topics are told of each request; they need a key that the endpoint's role may use, too.
    """

    bucket: s3.IBucket
    prefix: str
    concurrent_per_instance: int | None = None
    success_topic: sns.ITopic | None = None
    error_topic: sns.ITopic | None = None

    @property
    def topics(self) -> list[sns.ITopic]:
        return [topic for topic in (self.success_topic, self.error_topic) if topic is not None]

    def properties(self, key: kms.IKey) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
        config = sagemaker.CfnEndpointConfig
        client = None
        if self.concurrent_per_instance is not None:
            client = config.AsyncInferenceClientConfigProperty(
                max_concurrent_invocations_per_instance=self.concurrent_per_instance
            )
        told = None
        if self.topics:
            told = config.AsyncInferenceNotificationConfigProperty(
                success_topic=None if self.success_topic is None else self.success_topic.topic_arn,
                error_topic=None if self.error_topic is None else self.error_topic.topic_arn,
            )
        return config.AsyncInferenceConfigProperty(
            client_config=client,
            output_config=config.AsyncInferenceOutputConfigProperty(
                kms_key_id=key.key_arn,
                s3_output_path=self.bucket.s3_url_for_object(f"{self.prefix}/output"),
                s3_failure_path=self.bucket.s3_url_for_object(f"{self.prefix}/failure"),
                notification_config=told,
            ),
        )


@dataclass(frozen=True)
class RequestCapture:
    """Writes requests and answers down below `prefix`, encrypted.

    Bodies of `content_types` are kept as text, others in base64.
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
    """

    bucket: s3.IBucket
    prefix: str
    percent: int = 100
    modes: Sequence[Literal["input", "output"]] = ("input", "output")
    content_types: Sequence[str] = ()

    def properties(self, key: kms.IKey) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
        config = sagemaker.CfnEndpointConfig
        json_types = [one for one in self.content_types if "json" in one]
        csv_types = [one for one in self.content_types if "csv" in one]
        header = None
        if json_types or csv_types:
            header = config.CaptureContentTypeHeaderProperty(
                csv_content_types=csv_types or None, json_content_types=json_types or None
            )
        return config.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=self.percent,
            destination_s3_uri=self.bucket.s3_url_for_object(self.prefix),
            kms_key_id=key.key_arn,
            capture_options=[
                config.CaptureOptionProperty(capture_mode=mode.capitalize()) for mode in self.modes
            ],
            capture_content_type_header=header,
        )


@dataclass(frozen=True)
class UpdatePolicy:
    """How a new model takes over, and which alarms bring the old one back.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
    """

    strategy: Literal["all-at-once", "canary", "linear", "rolling"] = "all-at-once"
    percent: int = 25
    bake_seconds: int = 300
    """How long alarms are watched after each step."""
    keep_old_seconds: int = 0
    """How long the old instances stay, where the new ones are beside them."""

    def __post_init__(self) -> None:
        if not 5 <= self.percent <= _LARGEST_PERCENT:
            raise ValueError(f"steps of {self.percent} percent are not offered, give 5 to {_LARGEST_PERCENT}")

    def properties(
        self, alarms: Sequence[cloudwatch.IAlarm | str]
    ) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
        config = sagemaker.CfnEndpoint
        names = [alarm if isinstance(alarm, str) else alarm.alarm_name for alarm in alarms]
        back = config.AutoRollbackConfigProperty(
            alarms=[config.AlarmProperty(alarm_name=name) for name in names]
        )
        size = config.CapacitySizeProperty(type="CAPACITY_PERCENT", value=self.percent)
        policy: dict[str, Any]
        if self.strategy == "rolling":
            policy = {
                "rolling_update_policy": config.RollingUpdatePolicyProperty(
                    maximum_batch_size=size,
                    wait_interval_in_seconds=self.bake_seconds,
                    maximum_execution_timeout_in_seconds=self._timeout,
                )
            }
        else:
            routing = config.TrafficRoutingConfigProperty(
                type=self.strategy.replace("-", "_").upper(),
                canary_size=size if self.strategy == "canary" else None,
                linear_step_size=size if self.strategy == "linear" else None,
                wait_interval_in_seconds=self.bake_seconds,
            )
            policy = {
                "blue_green_update_policy": config.BlueGreenUpdatePolicyProperty(
                    traffic_routing_configuration=routing,
                    termination_wait_in_seconds=self.keep_old_seconds,
                    maximum_execution_timeout_in_seconds=self._timeout,
                )
            }
        return config.DeploymentConfigProperty(auto_rollback_configuration=back if names else None, **policy)

    @property
    def _timeout(self) -> int:
        """Long enough for every step to start and to be watched, and no longer than SageMaker takes."""
        steps = {"all-at-once": 1, "canary": 2}.get(self.strategy, -(-100 // self.percent))
        wanted = steps * (self.bake_seconds + 600) + self.keep_old_seconds
        return min(max(wanted, _SHORTEST_UPDATE_SECONDS), _LONGEST_UPDATE_SECONDS)
