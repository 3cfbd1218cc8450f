"""Inference components: placed on endpoints whose variants have no models, copied and changed. Nothing runs
for them here: a request to one is refused.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateInferenceComponent.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from local_aws.sagemaker import resources, states
from local_aws.sagemaker.behaviour import Behaviour, Request, merge_within
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.errors import invalid
from local_aws.sagemaker.families import families
from local_aws.store import Record

_NAME = "InferenceComponent"


class InferenceComponent(Behaviour):
    def check(self, request: Request) -> None:
        _variant(request)
        specifications = _specifications(request)
        for specification in specifications:
            _check_specification(specification, request["InferenceComponentName"])
        adapter = any("BaseInferenceComponentName" in one for one in specifications)
        if not adapter and "RuntimeConfig" not in request:
            raise invalid("RuntimeConfig must be given for an inference component that is no adapter.")
        _check_copies(request.get("RuntimeConfig"))

    def prepare(self, record: Record) -> None:
        endpoint, variant = _variant(record)
        record["EndpointArn"] = endpoint["EndpointArn"]
        record["VariantName"] = variant["VariantName"]
        _deploy(record)
        if "RuntimeConfig" in record:
            record["RuntimeConfig"] = _copies(record["RuntimeConfig"])

    def check_update(self, record: Record, request: Request) -> None:
        for specification in _specifications(request) if _specified(request) else ():
            _check_specification(specification, record["InferenceComponentName"])
        _check_copies(request.get("RuntimeConfig"))

    def update(self, record: Record, request: Request) -> None:
        changes = dict(request)
        if "RuntimeConfig" in changes:
            record["RuntimeConfig"] = _copies(changes.pop("RuntimeConfig"))
        if "DeploymentConfig" in changes:
            record["LastDeploymentConfig"] = changes.pop("DeploymentConfig")
        merge_within(record, changes)
        _deploy(record)

    def check_deletion(self, record: Record) -> None:
        name = record["InferenceComponentName"]
        for other in resources.every(_NAME):
            if other.get("Specification", {}).get("BaseInferenceComponentName") == name:
                raise invalid(
                    f"The inference component {name} cannot be deleted:"
                    f" {other['InferenceComponentName']} is an adapter of it."
                )


def update_copies(request: Request) -> dict[str, Any]:
    """UpdateInferenceComponentRuntimeConfig."""
    record = require(_NAME, (request["InferenceComponentName"],))
    states.check_steady(families()[_NAME], record, "update")
    _check_copies(request["DesiredRuntimeConfig"])
    record["RuntimeConfig"] = _copies(request["DesiredRuntimeConfig"])
    record["LastModifiedTime"] = time.time()
    states.begin_update(families()[_NAME], record)
    return {"InferenceComponentArn": record["InferenceComponentArn"]}


def on_endpoint(name: str) -> list[str]:
    """The components that keep an endpoint from being deleted."""
    return [one["InferenceComponentName"] for one in resources.every(_NAME) if one["EndpointName"] == name]


def _variant(request: Request) -> tuple[Record, Mapping[str, Any]]:
    endpoint = require("Endpoint", (request["EndpointName"],), validation=True)
    arn = endpoint["EndpointArn"]
    if endpoint["EndpointStatus"] != "InService":
        raise invalid(f'The endpoint "{arn}" is in status {endpoint["EndpointStatus"]}.')
    variants = {one["VariantName"]: one for one in endpoint["ProductionVariants"]}
    name = request.get("VariantName", next(iter(variants)) if len(variants) == 1 else None)
    if name is None:
        raise invalid(f'VariantName must be given: the endpoint "{arn}" has several variants.')
    if name not in variants:
        raise invalid(f'Variant {name} was not found in endpoint "{arn}".')
    if "DeployedImages" in variants[name]:
        raise invalid(
            f'Inference components can not be placed on the variant {name} of the endpoint "{arn}": it has a'
            " model."
        )
    return endpoint, variants[name]


def _specified(request: Request) -> bool:
    return "Specification" in request or "Specifications" in request


def _specifications(request: Request) -> list[Mapping[str, Any]]:
    if ("Specification" in request) == ("Specifications" in request):
        raise invalid("Exactly one of Specification and Specifications must be given.")
    return [request["Specification"]] if "Specification" in request else list(request["Specifications"])


def _check_specification(specification: Mapping[str, Any], name: str) -> None:
    base = specification.get("BaseInferenceComponentName")
    if base is not None:
        if base == name or resources.get(_NAME, (base,)) is None:
            raise invalid(f"Could not find the base inference component {base}.")
        if "ComputeResourceRequirements" in specification:
            raise invalid("ComputeResourceRequirements can not be given for an adapter: its base has them.")
        return
    if ("ModelName" in specification) == ("Container" in specification):
        raise invalid("Exactly one of ModelName and Container must be given in a Specification.")
    if "ComputeResourceRequirements" not in specification:
        raise invalid("ComputeResourceRequirements must be given in a Specification.")
    if "ModelName" in specification:
        require("Model", (specification["ModelName"],), validation=True)


def _check_copies(config: Mapping[str, Any] | None) -> None:
    """A component is not made or set to none: https://github.com/stdapi-ai/stdapi.ai/issues/43"""
    if config is not None and config["CopyCount"] < 1:
        raise invalid("The copy count of an inference component must be an integer larger than 0.")


def _copies(config: Mapping[str, Any]) -> dict[str, int]:
    return {"DesiredCopyCount": config["CopyCount"], "CurrentCopyCount": config["CopyCount"]}


def _deploy(record: Record) -> None:
    """What is described of a container's image."""
    container = record.get("Specification", {}).get("Container", {})
    if "Image" in container:
        image = container["Image"]
        deployed = {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": time.time()}
        told = {name: value for name, value in container.items() if name != "Image"}
        record["Specification"] = {
            **record["Specification"],
            "Container": {**told, "DeployedImage": deployed},
        }
