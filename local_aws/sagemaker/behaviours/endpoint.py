"""Endpoints: created, swapped and deleted on a thread of their own, in AWS's states."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from local_aws import hooks
from local_aws.sagemaker import clients, folders, hosting
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours import model as models
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.errors import ServiceError, invalid, not_supported
from local_aws.store import STORE, Record

_STARTUP_SECONDS = 480
"""SageMaker gives a container eight minutes to answer its first ping."""
_LONGEST_REASON = 1024
"""The service model's limit of FailureReason."""

_FLEETS: dict[tuple[str, str, str], hosting.Fleet] = {}
_SETTLING: dict[tuple[str, str, str], threading.Thread] = {}


class Endpoint(Behaviour):
    def check(self, request: Request) -> None:
        require("EndpointConfig", (request["EndpointConfigName"],), validation=True)
        _check_deployment(request)

    def prepare(self, record: Record) -> None:
        record["EndpointStatus"] = "Creating"

    def created(self, record: Record) -> None:
        _begin(record, record["EndpointConfigName"])

    def resume(self, record: Record) -> None:
        if record["EndpointStatus"] == "Deleting":
            STORE.remove("Endpoint", (record["EndpointName"],))
        elif record["EndpointStatus"] != "Failed":
            updating = record["EndpointStatus"] == "Updating"
            _begin(record, record["_wanted" if updating else "EndpointConfigName"])

    def check_update(self, record: Record, request: Request) -> None:
        _check_steady(record)
        require("EndpointConfig", (request["EndpointConfigName"],), validation=True)
        _check_deployment(request)
        for member in ("RetainAllVariantProperties", "RetainDeploymentConfig"):
            if request.get(member):
                raise not_supported(f"UpdateEndpoint with {member}")

    def update(self, record: Record, request: Request) -> None:
        record.update(EndpointStatus="Updating", _wanted=request["EndpointConfigName"])
        _begin(record, request["EndpointConfigName"])

    def check_deletion(self, record: Record) -> None:
        _check_steady(record)

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - it says no more than the name
        record["EndpointStatus"] = "Deleting"
        key = _key(record["EndpointName"])
        _SETTLING[key] = hooks.in_background(_end, record, name=f"delete-{record['EndpointName']}")
        return False

    def settle(self, record: Record) -> str | None:
        thread = _SETTLING.get(_key(record["EndpointName"]))
        if thread is not None:
            thread.join()
        return record.get("FailureReason")


def fleet(name: str) -> hosting.Fleet | None:
    """What answers an endpoint's requests; None while it has not been in service."""
    return _FLEETS.get(_key(name))


def _check_steady(record: Record) -> None:
    if record["EndpointStatus"] in ("Creating", "Updating", "Deleting"):
        raise invalid(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')


def _check_deployment(request: Request) -> None:
    """All at once, the default, is what happens here; what watches alarms or takes steps is not there."""
    asked = request.get("DeploymentConfig", {})
    routing = asked.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    if "RollingUpdatePolicy" in asked or "AutoRollbackConfiguration" in asked:
        raise not_supported("a deployment that rolls or watches alarms")
    if routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE":
        raise not_supported(f"a deployment of the type {routing['Type']}")


def _begin(record: Record, configuration: str) -> None:
    name = record["EndpointName"]
    _SETTLING[_key(name)] = hooks.in_background(_serve, record, configuration, name=f"serve-{name}")


def _serve(record: Record, configuration: str) -> None:
    """Brings the endpoint to a configuration; where that fails, it stays with the one it had."""
    name = record["EndpointName"]
    serving = _FLEETS.get(_key(name))
    try:
        config = require("EndpointConfig", (configuration,), validation=True)
        variants = hosting.start([_plan(name, variant) for variant in config["ProductionVariants"]])
    except Exception as error:  # noqa: BLE001 - every reason is the endpoint's, in its FailureReason
        reason = error.message if isinstance(error, ServiceError) else str(error)
        record.update(
            FailureReason=reason[:_LONGEST_REASON],
            EndpointStatus="InService" if serving else "Failed",
            LastModifiedTime=time.time(),
        )
        return
    if serving is None:
        serving = _FLEETS[_key(name)] = hosting.Fleet()
    old = serving.swap(variants)
    record.pop("FailureReason", None)
    record.update(
        EndpointConfigName=configuration,
        ProductionVariants=[_summary(variant) for variant in config["ProductionVariants"]],
        EndpointStatus="InService",
        LastModifiedTime=time.time(),
    )
    hosting.stop(old)


def _end(record: Record) -> None:
    serving = _FLEETS.pop(_key(record["EndpointName"]), None)
    if serving is not None:
        hosting.stop(serving.swap([]))
    STORE.remove("Endpoint", (record["EndpointName"],))


def _plan(endpoint: str, variant: Mapping[str, Any]) -> hosting.VariantPlan:
    model = require("Model", (variant["ModelName"],), validation=True)
    session = clients.as_role(model["ExecutionRoleArn"])
    container = models.container_of(model)
    isolated = model.get("EnableNetworkIsolation", False)
    serving = hosting.ServingPlan(
        endpoint=endpoint,
        variant=variant["VariantName"],
        image=models.image_of(model),
        environment={
            **session.environment(isolated=isolated),
            **container.get("Environment", {}),
        },
        network_isolated=isolated,
        startup_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS),
        fill=partial(models.fill, model, session.s3),
        homes=folders.containers(),
    )
    return hosting.VariantPlan(
        variant["VariantName"],
        variant.get("InitialVariantWeight", 1.0),
        variant["InitialInstanceCount"],
        serving,
    )


def _summary(variant: Mapping[str, Any]) -> dict[str, Any]:
    weight = variant.get("InitialVariantWeight", 1.0)
    count = variant["InitialInstanceCount"]
    image = models.container_of(require("Model", (variant["ModelName"],)))["Image"]
    return {
        "VariantName": variant["VariantName"],
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": time.time()}],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def _key(name: str) -> tuple[str, str, str]:
    return hooks.account_id(), hooks.region(), name
