"""Endpoint configurations: what they ask for must be there and must fit, as AWS wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.errors import invalid, not_supported
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours import model as models
from local_aws.sagemaker.behaviours.reference import require
from local_aws.store import STORE, Record

_NOT_EMULATED_OF_VARIANTS = ("ManagedInstanceScaling", "CapacityReservationConfig", "InstancePools")
_SCALING = "ManagedInstanceScaling"
"""Where there are no instances, as for inference components, their number may be anything."""
_MEMORY_SIZES = range(1024, 6145, 1024)


class EndpointConfig(Behaviour):
    def check(self, request: Request) -> None:
        if "ExplainerConfig" in request:
            raise not_supported("an endpoint configuration with ExplainerConfig")
        variants = request["ProductionVariants"]
        shadows = request.get("ShadowProductionVariants", [])
        names = [variant["VariantName"] for variant in (*variants, *shadows)]
        if len(names) != len(set(names)):
            raise invalid("Production variant names must be unique within an endpoint configuration.")
        for variant in (*variants, *shadows):
            _check_variant(variant)
        if any("ModelName" not in variant for variant in (*variants, *shadows)):
            _check_for_components(request)
            return
        for variant in (*variants, *shadows):
            model = require("Model", (variant["ModelName"],), validation=True)
            if "ServerlessConfig" in variant:
                _check_serverless(request, variant, model)
            if "AsyncInferenceConfig" in request:
                _check_asynchronous(variant, model)
        if shadows:
            _check_shadows(variants, shadows)
        if not any(variant.get("InitialVariantWeight", 1.0) for variant in variants):
            raise invalid("At least one production variant must have an InitialVariantWeight greater than 0.")

    def check_deletion(self, record: Record) -> None:
        """One in use may go; not while an endpoint is on its way to it."""
        name = record["EndpointConfigName"]
        for _, endpoint in STORE.all("Endpoint"):
            on_its_way = endpoint["EndpointStatus"] in ("Creating", "Updating", "RollingBack")
            if on_its_way and name in (endpoint["EndpointConfigName"], endpoint.get("_wanted")):
                raise invalid(
                    f'Cannot delete the endpoint configuration "{record["EndpointConfigArn"]}": the endpoint'
                    f' "{endpoint["EndpointName"]}" is being created or updated with it.'
                )


def _check_variant(variant: Mapping[str, Any]) -> None:
    for member in _NOT_EMULATED_OF_VARIANTS:
        if member in variant and not (member == _SCALING and "ModelName" not in variant):
            raise not_supported(f"a production variant with {member}")
    name = variant["VariantName"]
    machines = [member for member in ("InitialInstanceCount", "InstanceType") if member in variant]
    if "ServerlessConfig" in variant:
        if machines:
            raise invalid(
                f"Production variant {name} must have either ServerlessConfig or {' and '.join(machines)},"
                " not both."
            )
    elif len(machines) < 2:
        raise invalid(f"Production variant {name} must have InitialInstanceCount and InstanceType.")


def _check_for_components(request: Request) -> None:
    """Variants without models have instances for inference components, and a role for them.

    https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html
    https://github.com/stdapi-ai/stdapi.ai/issues/43
    """
    variants = request["ProductionVariants"]
    if any("ModelName" in variant for variant in variants):
        raise invalid("Either all production variants or none of them must have a ModelName.")
    if "ExecutionRoleArn" not in request:
        raise invalid("ExecutionRoleArn must be given where production variants have no ModelName.")
    for member in ("AsyncInferenceConfig", "ShadowProductionVariants"):
        if member in request:
            raise invalid(f"{member} can not be given where production variants have no ModelName.")
    for variant in variants:
        if "ServerlessConfig" in variant:
            raise invalid("Serverless production variants must have a ModelName.")
        scaling = variant.get(_SCALING, {})
        least, most = scaling.get("MinInstanceCount", 0), scaling.get("MaxInstanceCount")
        if most is not None and most < max(least, variant["InitialInstanceCount"]):
            raise invalid("MaxInstanceCount must not be less than MinInstanceCount and InitialInstanceCount.")


def _check_serverless(request: Request, variant: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """What serverless endpoints can not do is refused, as on AWS.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html (Feature exclusions)
    """
    wanted = variant["ServerlessConfig"]
    if wanted["MemorySizeInMB"] not in _MEMORY_SIZES:
        sizes = ", ".join(str(size) for size in _MEMORY_SIZES)
        raise invalid(f"MemorySizeInMB must be one of {sizes}: {wanted['MemorySizeInMB']} was given.")
    if wanted.get("ProvisionedConcurrency", 0) > wanted["MaxConcurrency"]:
        raise invalid("ProvisionedConcurrency must be less than or equal to MaxConcurrency.")
    containers = models.containers_of(model)
    excluded = {
        "several production variants": len(request["ProductionVariants"]) > 1,
        "ShadowProductionVariants": "ShadowProductionVariants" in request,
        "DataCaptureConfig": request.get("DataCaptureConfig", {}).get(
            "EnableCapture", "DataCaptureConfig" in request
        ),
        "AsyncInferenceConfig": "AsyncInferenceConfig" in request,
        "VpcConfig": "VpcConfig" in model,
        "network isolation": model.get("EnableNetworkIsolation", False),
        "models of several containers": len(containers) > 1,
        "multi-model containers": any(models.is_multi_model(one) for one in containers),
        "containers that use ModelDataSource": any("ModelDataSource" in one for one in containers),
    }
    for feature, used in excluded.items():
        if used:
            raise invalid(f"Serverless endpoints do not support {feature}.")


def _check_asynchronous(variant: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """One container that answers one request at a time is what can be asked asynchronously.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
    """
    containers = models.containers_of(model)
    if len(containers) > 1 or models.is_multi_model(containers[0]):
        raise invalid(
            f"Production variant {variant['VariantName']}: models of several containers and multi-model"
            " containers are not supported when specifying an AsyncInferenceConfig."
        )


def _check_shadows(variants: Sequence[Mapping[str, Any]], shadows: Sequence[Mapping[str, Any]]) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html"""
    if len(variants) > 1 or len(shadows) > 1:
        raise invalid(
            "An endpoint with a shadow variant must have one production variant and one shadow variant."
        )
