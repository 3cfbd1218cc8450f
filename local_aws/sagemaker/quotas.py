"""SageMaker's quotas: how many instances and apps of each type an account may have at a time.

Their names are AWS's, as Service Quotas lists them; their values are not: AWS grants most accounts none
of most types, and this machine has no reason to. They are set by `local_aws.settings` or raised by
RequestServiceQuotaIncrease (`local_aws.service_quotas`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import StringShape, StructureShape

from local_aws import settings
from local_aws.errors import ServiceError
from local_aws.sagemaker import resources
from local_aws.sagemaker.families import Family, operation
from local_aws.store import STORE, Record

DEFAULT = 1000.0
"""What an account has of everything, unless somebody says otherwise."""

_FAMILY = "ServiceQuota"
_STUDIO_APPS = {
    "CodeEditor": "Studio CodeEditor Apps running on {} instances",
    "JupyterLab": "Studio JupyterLab Apps running on {} instances",
    "JupyterServer": "Studio JupyterServer Apps running on {} instance",
    "KernelGateway": "Studio KernelGateway Apps running on {} instance",
}


@dataclass(frozen=True)
class Demand:
    quota: str
    unit: str
    amount: float


def check(family: Family, record: Record) -> None:
    """Refuses what would exceed a quota of the account: ResourceLimitExceeded, in AWS's words."""
    for demand in _demands(family.name, record):
        used = sum(
            other.amount
            for one in resources.every(family.name)
            if not _released(family, one)
            for other in _demands(family.name, one)
            if other.quota == demand.quota
        )
        limit = value(demand.quota)
        if used + demand.amount > limit:
            raise ServiceError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{demand.quota}' is {limit:g} {demand.unit}, with current"
                f" utilization of {used:g} {demand.unit} and a request delta of {demand.amount:g}"
                f" {demand.unit}. Please use AWS Service Quotas to request an increase for this quota. If AWS"
                " Service Quotas is not available, contact AWS support to request an increase for this"
                " quota.",
            )


def value(quota: str) -> float:
    """What the account has of a quota now."""
    given = settings.current().quotas.get(quota)
    if given is not None:
        return given
    granted = STORE.get(_FAMILY, (quota,))
    return float(granted["Value"]) if granted else DEFAULT


def grant(quota: str, amount: float) -> None:
    record = STORE.get(_FAMILY, (quota,))
    if record is None:
        STORE.add(_FAMILY, (quota,), {"Value": amount})
    else:
        record["Value"] = amount


@cache
def names() -> Mapping[str, str]:
    """Every quota and its unit, by the instance types that the service model has."""
    found = {"Total domains": "Domains", "Total number of notebook instances": "NotebookInstances"}
    for words, (name, *path) in _TYPES.items():
        model = operation(name)
        assert model is not None
        shape: Any = model.input_shape
        for member in path:
            shape = shape.members[member] if isinstance(shape, StructureShape) else shape
            shape = getattr(shape, "member", shape)
        assert isinstance(shape, StringShape)
        for instance_type in shape.enum:
            if instance_type.startswith("ml."):
                found[words.format(instance_type)] = "Apps" if "Apps" in words else "Instances"
    return dict(sorted(found.items()))


_TYPES: Mapping[str, tuple[str, ...]] = {
    "{} for endpoint usage": ("CreateEndpointConfig", "ProductionVariants", "InstanceType"),
    "{} for training job usage": ("CreateTrainingJob", "ResourceConfig", "InstanceType"),
    "{} for spot training job usage": ("CreateTrainingJob", "ResourceConfig", "InstanceType"),
    "{} for processing job usage": (
        "CreateProcessingJob",
        "ProcessingResources",
        "ClusterConfig",
        "InstanceType",
    ),
    "{} for transform job usage": ("CreateTransformJob", "TransformResources", "InstanceType"),
    "{} for notebook instance usage": ("CreateNotebookInstance", "InstanceType"),
    **dict.fromkeys(_STUDIO_APPS.values(), ("CreateApp", "ResourceSpec", "InstanceType")),
}


def _demands(family: str, record: Record) -> Iterator[Demand]:
    asks = _ASKS.get(family)
    if asks is not None:
        yield from asks(record)


def _endpoint(record: Record) -> Iterator[Demand]:
    config = resources.get("EndpointConfig", (record["EndpointConfigName"],)) or {}
    for variant in config.get("ProductionVariants", ()):
        if "InstanceType" in variant:
            count = variant.get("InitialInstanceCount", 1)
            yield Demand(f"{variant['InstanceType']} for endpoint usage", "Instances", count)


def _training(record: Record) -> Iterator[Demand]:
    kind = "spot training job" if record.get("EnableManagedSpotTraining") else "training job"
    yield from _instances(record.get("ResourceConfig", {}), kind)


def _processing(record: Record) -> Iterator[Demand]:
    yield from _instances(record["ProcessingResources"]["ClusterConfig"], "processing job")


def _transform(record: Record) -> Iterator[Demand]:
    yield from _instances(record["TransformResources"], "transform job")


def _instances(cluster: Mapping[str, Any], kind: str) -> Iterator[Demand]:
    for group in cluster.get("InstanceGroups") or [cluster]:
        if "InstanceType" in group:
            yield Demand(
                f"{group['InstanceType']} for {kind} usage", "Instances", group.get("InstanceCount", 1)
            )


def _notebook(record: Record) -> Iterator[Demand]:
    yield Demand("Total number of notebook instances", "NotebookInstances", 1)
    if record.get("NotebookInstanceStatus") != "Stopped":
        yield Demand(f"{record['InstanceType']} for notebook instance usage", "Instances", 1)


def _app(record: Record) -> Iterator[Demand]:
    words = _STUDIO_APPS.get(record["AppType"])
    instance_type = record.get("ResourceSpec", {}).get("InstanceType")
    if words and instance_type and instance_type != "system":
        yield Demand(words.format(instance_type), "Apps", 1)


def _domain(record: Record) -> Iterator[Demand]:  # noqa: ARG001 - a domain is one domain
    yield Demand("Total domains", "Domains", 1)


_ASKS: Mapping[str, Callable[[Record], Iterator[Demand]]] = {
    "App": _app,
    "Domain": _domain,
    "Endpoint": _endpoint,
    "NotebookInstance": _notebook,
    "ProcessingJob": _processing,
    "TrainingJob": _training,
    "TransformJob": _transform,
}
_ENDED = {"Completed", "Failed", "Stopped", "Deleted"}


def _released(family: Family, record: Record) -> bool:
    """Whether a resource has given back what it used: a job that ended, an app that is deleted.

    A notebook instance that is stopped still counts as one, and a domain that failed, too.
    """
    if family.name in ("Domain", "NotebookInstance"):
        return False
    return record.get(family.status_member or "") in _ENDED
