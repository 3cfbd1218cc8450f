"""What an endpoint configuration runs: its variants' fleets, planned from the models' records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from local_aws.sagemaker import clients, folders, hosting
from local_aws.sagemaker.behaviours import model as models
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.image_folder import image_of
from local_aws.sagemaker.model_server import ServingPlan
from local_aws.sagemaker.multi_model import ModelStore

_STARTUP_SECONDS = 480
"""SageMaker gives a container eight minutes to answer its first ping."""


def of_configuration(endpoint: str, config: Mapping[str, Any]) -> hosting.Fleet:
    """A fleet that does not run yet. Raises `ServiceError` for what has gone meanwhile."""
    return hosting.Fleet(
        config["EndpointConfigName"],
        [hosting.variant_of(_plan(endpoint, variant)) for variant in config["ProductionVariants"]],
        [hosting.variant_of(_plan(endpoint, one)) for one in config.get("ShadowProductionVariants", [])],
    )


def _plan(endpoint: str, variant: Mapping[str, Any]) -> hosting.VariantPlan:
    model: Mapping[str, Any] = {}
    containers: Sequence[Mapping[str, Any]] = ()
    if "ModelName" in variant:  # or else it is for inference components
        model = require("Model", (variant["ModelName"],), validation=True)
        containers = models.containers_of(model)
    serverless = variant.get("ServerlessConfig")
    return hosting.VariantPlan(
        name=variant["VariantName"],
        weight=variant.get("InitialVariantWeight", 1.0),
        instances=variant.get("InitialInstanceCount", 0),
        containers=[
            _container_plan(
                f"The {name} container for production variant {variant['VariantName']}",
                f"/aws/sagemaker/Endpoints/{endpoint}",
                model,
                container,
                name,
                variant,
            )
            for container, name in zip(containers, models.names_of(containers), strict=True)
        ],
        dimensions={"EndpointName": endpoint, "VariantName": variant["VariantName"]},
        direct=model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct",
        serverless=_limits(serverless) if serverless else None,
    )


def of_component(record: Mapping[str, Any], role: str, copies: int) -> hosting.Fleet:
    """The copies of an inference component, which do not run yet; `role` is that of the endpoint's
    configuration. Raises `ServiceError` for what has gone meanwhile."""
    name, endpoint, variant = (
        record[member] for member in ("InferenceComponentName", "EndpointName", "VariantName")
    )
    specification = record.get("Specification") or record["Specifications"][0]
    if "ModelName" in specification:
        model = require("Model", (specification["ModelName"],), validation=True)
        containers = models.containers_of(model)
    else:
        given = specification["Container"]
        model = {"ExecutionRoleArn": role}
        containers = [_as_of_model(given)]
    plan = hosting.VariantPlan(
        name=variant,
        weight=1.0,
        instances=copies,
        containers=[
            _container_plan(
                f"The {title} container for inference component {name}",
                f"/aws/sagemaker/InferenceComponents/{name}",
                model,
                container,
                title,
                specification.get("StartupParameters", {}),
            )
            for container, title in zip(containers, models.names_of(containers), strict=True)
        ],
        dimensions={"InferenceComponentName": name},
        host={"EndpointName": endpoint, "VariantName": variant},
    )
    return hosting.Fleet(name, [hosting.variant_of(plan)])


def _as_of_model(container: Mapping[str, Any]) -> dict[str, Any]:
    """An inference component's container in a model's words."""
    found = {"Environment": container.get("Environment", {})}
    if "Image" in container:
        found["Image"] = container["Image"]
    elif "DeployedImage" in container:
        found["Image"] = container["DeployedImage"]["SpecifiedImage"]
    if "ArtifactUrl" in container:
        found["ModelDataUrl"] = container["ArtifactUrl"]
    return found


def _container_plan(
    title: str,
    log_group: str,
    model: Mapping[str, Any],
    container: Mapping[str, Any],
    name: str,
    startup: Mapping[str, Any],
) -> hosting.ContainerPlan:
    role = model["ExecutionRoleArn"]
    isolated = model.get("EnableNetworkIsolation", False)
    many = models.is_multi_model(container)

    def environment() -> Mapping[str, str]:
        given = container.get("Environment", {})
        session = clients.as_role(role).environment(isolated=isolated)
        return {**session, **({"SAGEMAKER_MULTI_MODEL": "true"} if many else {}), **given}

    serving = ServingPlan(
        title=title,
        log_group=log_group,
        image=image_of(models.image_of(container)),
        environment=environment,
        fill=partial(models.fill, container, role),
        network_isolated=isolated,
        startup_seconds=startup.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS),
        homes=folders.containers(),
    )
    store = None
    if many:
        cached = container.get("MultiModelConfig", {}).get("ModelCacheSetting", "Enabled") == "Enabled"
        store = ModelStore(container["ModelDataUrl"], partial(models.fetch_model, role), cached)
    return hosting.ContainerPlan(name, serving, store)


def _limits(config: Mapping[str, Any]) -> hosting.Serverless:
    return hosting.Serverless(config["MaxConcurrency"], config.get("ProvisionedConcurrency", 0))


def provide(variant: hosting.Variant, wanted: Mapping[str, Any]) -> None:
    """Changes the limits of a serverless variant. Raises `NotHealthy`."""
    assert isinstance(variant, hosting.ServerlessVariant)
    limits = variant.serverless
    variant.provide(
        hosting.Serverless(
            wanted.get("MaxConcurrency", limits.concurrency),
            wanted.get("ProvisionedConcurrency", limits.provisioned),
        )
    )


def retain(
    variants: Sequence[Mapping[str, Any]], old: hosting.Fleet, retained: Sequence[str]
) -> list[dict[str, Any]]:
    """The variants of a configuration, with what those of the same names have now."""
    there = {variant.name: variant for variant in old.variants}
    found = []
    for given in variants:
        variant = dict(given)
        before = there.get(variant["VariantName"])
        if before is not None and "DesiredWeight" in retained:
            variant["InitialVariantWeight"] = before.weight
        if before is not None and "DesiredInstanceCount" in retained and "InitialInstanceCount" in variant:
            variant["InitialInstanceCount"] = before.desired
        found.append(variant)
    return found
