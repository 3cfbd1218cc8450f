"""Inference components: placed on endpoints whose variants have no models. Each copy is a container, and what
it needs of a machine is kept, not measured. Adapters are described only.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateInferenceComponent.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from local_aws import hooks, settings
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import deployment, fleets, live, resources, rollback
from local_aws.sagemaker.behaviour import Behaviour, Request, merge_within
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.hosting import Fleet
from local_aws.store import STORE, Record

_NAME = "InferenceComponent"
_STATUS = "InferenceComponentStatus"
_SPECIFICATIONS = ("Specification", "Specifications")
_LONGEST_REASON = 1024
_WAIT_SECONDS = 0.1
"""How often a component that is taken up looks whether its endpoint serves again."""

_WORK: dict[tuple[str, str, str], threading.Thread] = {}


class InferenceComponent(Behaviour):
    def check(self, request: Request) -> None:
        _variant(request)
        specifications = _specifications(request)
        for specification in specifications:
            _check_specification(specification, request["InferenceComponentName"])
        adapter = any("BaseInferenceComponentName" in one for one in specifications)
        if not adapter and "RuntimeConfig" not in request:
            raise invalid("RuntimeConfig must be given for an inference component that is no adapter.")
        if request.get("RuntimeConfig", {"CopyCount": 1})["CopyCount"] < 1:
            # https://github.com/stdapi-ai/stdapi.ai/issues/43
            raise invalid("The copy count of an inference component must be an integer larger than 0.")

    def prepare(self, record: Record) -> None:
        endpoint, variant = _variant(record)
        record["EndpointArn"] = endpoint["EndpointArn"]
        record["VariantName"] = variant["VariantName"]
        record[_STATUS] = "Creating"
        _tell_image(record)
        if "RuntimeConfig" in record:
            copies = record["RuntimeConfig"]["CopyCount"]
            record["RuntimeConfig"] = {"DesiredCopyCount": copies, "CurrentCopyCount": 0}

    def created(self, record: Record) -> None:
        _begin(record, partial(_create, record))

    def resume(self, record: Record) -> None:
        status, wanted = record[_STATUS], record.pop("_wanted", None)
        if status == "Deleting":
            STORE.remove(_NAME, (record["InferenceComponentName"],))
        elif status != "Failed":
            record[_STATUS] = "Updating"
            _begin(record, partial(_resume, record, wanted))

    def check_update(self, record: Record, request: Request) -> None:
        _check_steady(record, "update")
        for specification in _specifications(request) if _specified(request) else ():
            _check_specification(specification, record["InferenceComponentName"])
        guards = request.get("DeploymentConfig", {})
        deployment.check(guards)
        rollback.check_alarms(guards)

    def update(self, record: Record, request: Request) -> None:
        _change(record, request)

    def check_deletion(self, record: Record) -> None:
        _check_steady(record, "delete")
        name = record["InferenceComponentName"]
        for other in resources.every(_NAME):
            if other.get("Specification", {}).get("BaseInferenceComponentName") == name:
                raise invalid(
                    f"The inference component {name} cannot be deleted:"
                    f" {other['InferenceComponentName']} is an adapter of it."
                )

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - it says no more than the name
        record[_STATUS] = "Deleting"
        _begin(record, partial(_end, record))
        return False

    def settle(self, record: Record) -> str | None:
        work = _WORK.get(_key(record))
        if work is not None:
            work.join()
        return record.get("FailureReason")


def update_copies(request: Request) -> dict[str, Any]:
    """UpdateInferenceComponentRuntimeConfig: none at all is a number, too."""
    record = require(_NAME, (request["InferenceComponentName"],), validation=True)
    _check_steady(record, "update")
    if "RuntimeConfig" not in record:
        raise invalid(f"{record['InferenceComponentName']} is an adapter: it has the copies of its base.")
    record["LastModifiedTime"] = time.time()
    _change(record, {"RuntimeConfig": request["DesiredRuntimeConfig"]})
    return {"InferenceComponentArn": record["InferenceComponentArn"]}


def on_endpoint(name: str) -> list[str]:
    """The components that keep an endpoint from being deleted."""
    return [one["InferenceComponentName"] for one in resources.every(_NAME) if one["EndpointName"] == name]


def variant_of(name: str) -> str:
    """The variant that a component is placed on."""
    return str(require(_NAME, (name,))["VariantName"])


def _change(record: Record, request: Request) -> None:
    record.update({_STATUS: "Updating", "_wanted": dict(request)})
    if "RuntimeConfig" in request:
        desired = request["RuntimeConfig"]["CopyCount"]
        record["RuntimeConfig"] = {**record.get("RuntimeConfig", {}), "DesiredCopyCount": desired}
    _begin(record, partial(_update, record, request))


def _check_steady(record: Record, deed: str) -> None:
    if record[_STATUS] in ("Creating", "Updating", "Deleting"):
        raise invalid(
            f'Cannot {deed} inference component "{record["InferenceComponentArn"]}" because it is in status'
            f" {record[_STATUS]}."
        )
    if deed == "update" and record[_STATUS] == "Failed":
        raise invalid(
            f'Cannot update failed inference component "{record["InferenceComponentArn"]}": delete it.'
        )


# --- the work, on a thread of its own --------------------------------------------------------------


def _begin(record: Record, work: Callable[[], None]) -> None:
    name = record["InferenceComponentName"]
    _WORK[_key(record)] = hooks.request.in_background(work, name=f"component-{name}")


def _create(record: Record) -> None:
    name = record["InferenceComponentName"]
    fleet = None
    try:
        injected = settings.current().failure(_NAME, name)
        if injected is not None:
            raise invalid(injected)
        if not _is_adapter(record):
            fleet = fleets.of_component(record, _role(record), record["RuntimeConfig"]["DesiredCopyCount"])
            fleet.begin()
            _place(record, fleet)
    except Exception as error:  # noqa: BLE001 - every reason is the component's, in its FailureReason
        if fleet is not None:
            fleet.stop()
        _settle(record, "Failed", error)
        return
    _settle(record, "InService")


def _place(record: Record, fleet: Fleet) -> None:
    """Lets the endpoint ask these copies. Raises `ServiceError` where everything was forgotten meanwhile."""
    name = record["InferenceComponentName"]
    endpoint = live.find(record["EndpointName"])
    if endpoint is None or STORE.get(_NAME, (name,)) is not record:
        raise invalid(f"The endpoint {record['EndpointName']} has gone.")
    component = live.LiveComponent(name, fleet)
    component.traffic.share((fleet, 1.0))
    endpoint.components[name] = component


def _resume(record: Record, wanted: Mapping[str, Any] | None) -> None:
    """Runs what a server that is gone has run, once the endpoint serves again."""
    while live.find(record["EndpointName"]) is None:
        endpoint = STORE.get("Endpoint", (record["EndpointName"],))
        if endpoint is None or endpoint["EndpointStatus"] in ("Failed", "Deleting"):
            break
        time.sleep(_WAIT_SECONDS)
    _create(record)
    if wanted is not None and record[_STATUS] == "InService":
        _update(record, wanted)


def _update(record: Record, request: Request) -> None:
    """Brings a component to what is wanted of it; where that fails, it stays what it was."""
    endpoint = live.find(record["EndpointName"])
    component = endpoint.components.get(record["InferenceComponentName"]) if endpoint else None
    record.pop("FailureReason", None)
    failure = None
    try:
        if component is not None:
            _renew(record, component, request)
        record.update(_specified_anew(record, request))
        _tell_image(record)
    except Exception as error:  # noqa: BLE001 - every reason is the component's, in its FailureReason
        failure = error
    if "DeploymentConfig" in request:
        record["LastDeploymentConfig"] = request["DeploymentConfig"]
    _settle(record, "InService", failure)


def _renew(record: Record, component: live.LiveComponent, request: Request) -> None:
    old = component.fleet
    copies = request.get("RuntimeConfig", {}).get("CopyCount", component.copies.desired)
    if not _specified(request):
        component.copies.resize(copies)
        return
    new = fleets.of_component({**record, **_specified_anew(record, request)}, _role(record), copies)
    guards = request.get("DeploymentConfig", {})
    names = rollback.alarm_names(guards)
    plan = deployment.plan_of(guards, old.variants[0].desired)
    watch = deployment.Guards(lambda _: None, lambda: rollback.alarmed(names), lambda: None)
    try:
        if plan.rolling and copies and old.variants[0].desired:
            deployment.rolling(component.traffic, old, new, plan, watch)
        else:
            new.begin()
            deployment.blue_green(component.traffic, old, new, plan, watch)
    except Exception:
        new.stop()
        raise
    component.fleet = new
    old.stop()


def _specified_anew(record: Record, request: Request) -> Record:
    """What an update leaves of a specification, which has a model or a container."""
    found: Record = {name: record[name] for name in _SPECIFICATIONS if name in record}
    changes = {name: request[name] for name in _SPECIFICATIONS if name in request}
    for one, other in (("ModelName", "Container"), ("Container", "ModelName")):
        if one in changes.get("Specification", {}) and other in found.get("Specification", {}):
            kept = {name: value for name, value in found["Specification"].items() if name != other}
            found["Specification"] = kept
    merge_within(found, changes)
    return found


def _end(record: Record) -> None:
    name = record["InferenceComponentName"]
    endpoint = live.find(record["EndpointName"])
    component = endpoint.components.pop(name, None) if endpoint else None
    if component is not None:
        component.fleet.stop()
    STORE.remove(_NAME, (name,))
    _tell_instances(record)


def _settle(record: Record, status: str, failure: Exception | None = None) -> None:
    record.pop("_wanted", None)
    endpoint = live.find(record["EndpointName"])
    component = endpoint.components.get(record["InferenceComponentName"]) if endpoint else None
    if "RuntimeConfig" in record:
        copies = component.copies.desired if component else 0
        desired = copies if component else record["RuntimeConfig"]["DesiredCopyCount"]
        record["RuntimeConfig"] = {"DesiredCopyCount": desired, "CurrentCopyCount": copies}
    if failure is not None:
        reason = failure.message if isinstance(failure, ServiceError) else str(failure)
        record["FailureReason"] = reason[:_LONGEST_REASON]
    _tell_instances(record)
    record.update({_STATUS: status, "LastModifiedTime": time.time()})


def _tell_instances(record: Record) -> None:
    """Where SageMaker manages a variant's instances, there are none for no copies, and one for any: what
    fits on a machine is not measured here."""
    endpoint, serving = STORE.get("Endpoint", (record["EndpointName"],)), live.find(record["EndpointName"])
    if endpoint is None or serving is None:
        return
    variants = [dict(one) for one in endpoint.get("ProductionVariants", ())]
    for variant in variants:
        managed = variant.get("ManagedInstanceScaling", {})
        if variant["VariantName"] != record["VariantName"] or managed.get("Status") != "ENABLED":
            continue
        busy = any(
            component.copies.desired
            for component in list(serving.components.values())
            if component.copies.name == variant["VariantName"]
        )
        least = managed.get("MinInstanceCount", 1)
        count = max(least, min(1 if busy else 0, managed.get("MaxInstanceCount", 1)))
        variant.update(CurrentInstanceCount=count, DesiredInstanceCount=count)
    endpoint["ProductionVariants"] = variants


def _role(record: Record) -> str:
    """The role of the endpoint's configuration, as which containers without a model run."""
    endpoint = require("Endpoint", (record["EndpointName"],), validation=True)
    config = require("EndpointConfig", (endpoint["EndpointConfigName"],), validation=True)
    return str(config["ExecutionRoleArn"])


def _is_adapter(record: Record) -> bool:
    return "BaseInferenceComponentName" in record.get("Specification", {})


def _key(record: Record) -> tuple[str, str, str]:
    return hooks.request.account_id(), hooks.request.region(), record["InferenceComponentName"]


# --- what is refused -------------------------------------------------------------------------------


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


def _tell_image(record: Record) -> None:
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
