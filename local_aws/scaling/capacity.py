"""What is scaled here: how much of it there is, how to have more or less of it, and what measures its load.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from local_aws import hooks
from local_aws.errors import invalid
from local_aws.sagemaker import clients
from local_aws.scaling.dimensions import COPIES, INSTANCES, PROVISIONED, component_of, variant_of
from local_aws.store import STORE, Record

_UNDER_WAY = ("Creating", "Updating", "RollingBack", "Deleting")


@dataclass(frozen=True)
class State:
    """How a target is now."""

    steady: bool
    """Not while it is being changed."""
    desired: int | None
    """None where there is nothing to scale: what has failed, or what is no such thing any more."""
    failure: str = "it was changed meanwhile"


@dataclass(frozen=True)
class Metric:
    """What a predefined metric type stands for."""

    name: str
    statistic: str
    high_resolution: bool = False


class Capacity(ABC):
    """One scalable dimension."""

    words: str
    """What its activities call it."""
    metrics: ClassVar[Mapping[str, Metric]]
    """By predefined metric type."""

    @abstractmethod
    def state(self, resource: str) -> State | None:
        """None when the resource has gone."""

    @abstractmethod
    def set(self, resource: str, wanted: int) -> None:
        """Raises `ClientError`."""

    @abstractmethod
    def measured(self, resource: str) -> dict[str, str]:
        """The dimensions of its metrics."""

    @abstractmethod
    def check(self, resource: str, least: int, most: int) -> None:
        """Refuses what cannot be registered. Raises `ServiceError`."""


class _Variant(Capacity):
    def state(self, resource: str) -> State | None:
        name, variant = variant_of(resource)
        endpoint = STORE.get("Endpoint", (name,))
        if endpoint is None:
            return None
        described: Mapping[str, Any] = next(
            (one for one in endpoint.get("ProductionVariants", ()) if one["VariantName"] == variant), {}
        )
        status = endpoint["EndpointStatus"]
        return State(
            status not in _UNDER_WAY,
            self._desired(described) if status == "InService" else None,
            endpoint.get("FailureReason", "the variant was changed meanwhile"),
        )

    def set(self, resource: str, wanted: int) -> None:
        name, variant = variant_of(resource)
        clients.of_account("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[{"VariantName": variant, **self._wanted(wanted)}],
        )

    def measured(self, resource: str) -> dict[str, str]:
        name, variant = variant_of(resource)
        return {"EndpointName": name, "VariantName": variant}

    def check(self, resource: str, least: int, most: int) -> None:
        name, variant = variant_of(resource)
        endpoint = STORE.get("Endpoint", (name,))
        if endpoint is None:
            arn = f"arn:aws:sagemaker:{hooks.request.place()}:endpoint/{name}"
            raise invalid(f'Could not find endpoint "{arn}".')
        config = STORE.get("EndpointConfig", (endpoint["EndpointConfigName"],)) or endpoint
        there = {one["VariantName"]: one for one in config.get("ProductionVariants", ())}
        if variant not in there:
            raise invalid(f'Variant {variant} was not found in endpoint "{endpoint["EndpointArn"]}".')
        asynchronous = "AsyncInferenceConfig" in config or "AsyncInferenceConfig" in endpoint
        self._check(variant, there[variant], least, most, asynchronous=asynchronous)

    @abstractmethod
    def _desired(self, described: Mapping[str, Any]) -> int | None: ...

    @abstractmethod
    def _wanted(self, wanted: int) -> dict[str, Any]: ...

    @abstractmethod
    def _check(
        self, name: str, variant: Mapping[str, Any], least: int, most: int, *, asynchronous: bool
    ) -> None: ...


class _Instances(_Variant):
    words = "instance count"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "SageMakerVariantInvocationsPerInstance": Metric("InvocationsPerInstance", "Sum"),
        "SageMakerVariantConcurrentRequestsPerModelHighResolution": Metric(
            "ConcurrentRequestsPerModel", "Maximum", high_resolution=True
        ),
    }

    def _desired(self, described: Mapping[str, Any]) -> int | None:
        found: int | None = described.get("DesiredInstanceCount")
        return found

    def _wanted(self, wanted: int) -> dict[str, Any]:
        return {"DesiredInstanceCount": wanted}

    def _check(
        self,
        name: str,
        variant: Mapping[str, Any],
        least: int,
        most: int,  # noqa: ARG002 - as many as there is a quota for
        *,
        asynchronous: bool,
    ) -> None:
        if _serverless(variant) is not None:
            raise invalid(f"The variant {name} is serverless: it has no instances to scale.")
        if str(variant.get("InstanceType", "")).startswith("ml.t2."):
            # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
            raise invalid("Automatic scaling is not supported for burstable instances such as T2.")
        if least < 1 and not asynchronous:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-edit.html
            raise invalid(f"Minimum capacity of the variant {name} must be 1 or higher.")


class _Provisioned(_Variant):
    """https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-autoscale.html"""

    words = "provisioned concurrency"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "SageMakerVariantProvisionedConcurrencyUtilization": Metric(
            "ServerlessProvisionedConcurrencyUtilization", "Average"
        )
    }

    def _desired(self, described: Mapping[str, Any]) -> int | None:
        found: int | None = described.get("DesiredServerlessConfig", {}).get("ProvisionedConcurrency")
        return found

    def _wanted(self, wanted: int) -> dict[str, Any]:
        return {"ServerlessUpdateConfig": {"ProvisionedConcurrency": wanted}}

    def _check(
        self,
        name: str,
        variant: Mapping[str, Any],
        least: int,
        most: int,
        *,
        asynchronous: bool,  # noqa: ARG002 - no serverless endpoint is
    ) -> None:
        limits = _serverless(variant)
        if limits is None or "ProvisionedConcurrency" not in limits:
            raise invalid(f"The variant {name} has no provisioned concurrency to scale.")
        if least < 1 or most > limits["MaxConcurrency"]:
            raise invalid(
                f"The capacity of the variant {name} must be between 1 and its MaxConcurrency, which is"
                f" {limits['MaxConcurrency']}."
            )


class _Copies(Capacity):
    words = "copy count"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "SageMakerInferenceComponentInvocationsPerCopy": Metric("InvocationsPerCopy", "Sum"),
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": Metric(
            "ConcurrentRequestsPerCopy", "Maximum", high_resolution=True
        ),
    }

    def state(self, resource: str) -> State | None:
        record = self._record(resource)
        if record is None:
            return None
        status = record["InferenceComponentStatus"]
        return State(
            status not in _UNDER_WAY,
            record.get("RuntimeConfig", {}).get("DesiredCopyCount") if status == "InService" else None,
            record.get("FailureReason", "the inference component was changed meanwhile"),
        )

    def set(self, resource: str, wanted: int) -> None:
        clients.of_account("sagemaker").update_inference_component_runtime_config(
            InferenceComponentName=component_of(resource), DesiredRuntimeConfig={"CopyCount": wanted}
        )

    def measured(self, resource: str) -> dict[str, str]:
        return {"InferenceComponentName": component_of(resource)}

    def check(self, resource: str, least: int, most: int) -> None:  # noqa: ARG002 - any number will do
        record = self._record(resource)
        if record is None:
            name = component_of(resource)
            arn = f"arn:aws:sagemaker:{hooks.request.place()}:inference-component/{name}"
            raise invalid(f'Could not find inference component "{arn}".')
        if "RuntimeConfig" not in record:
            raise invalid("An adapter has the copies of its base: they cannot be scaled by themselves.")

    def _record(self, resource: str) -> Record | None:
        return STORE.get("InferenceComponent", (component_of(resource),))


def _serverless(variant: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of a configuration's variant, or of one that is described."""
    found: Mapping[str, Any] | None = variant.get("ServerlessConfig") or variant.get(
        "CurrentServerlessConfig"
    )
    return found


CAPACITIES: Mapping[str, Capacity] = {
    INSTANCES: _Instances(),
    PROVISIONED: _Provisioned(),
    COPIES: _Copies(),
}
