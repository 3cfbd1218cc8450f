"""Endpoints: created, updated, scaled and deleted on a thread of their own, in AWS's states."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from local_aws import hooks, metrics
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import asynchronous, clients, deployment, events, fleets, hosting, live, rollback
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours import inference_component
from local_aws.sagemaker.behaviours import model as models
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.capture import Capture
from local_aws.sagemaker.live import LiveEndpoint
from local_aws.sagemaker.model_server import Answer, NoAnswer
from local_aws.scaling.records import scaled_variants
from local_aws.store import STORE, Record

_LONGEST_REASON = 1024
"""The service model's limit of FailureReason."""
_UNDER_WAY = ("Creating", "Updating", "RollingBack", "Deleting")
_RETAINED = ("DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig")

_SETTLING: dict[tuple[str, str, str], threading.Thread] = {}


class Endpoint(Behaviour):
    def check(self, request: Request) -> None:
        require("EndpointConfig", (request["EndpointConfigName"],), validation=True)
        deployment.check(request.get("DeploymentConfig", {}))

    def prepare(self, record: Record) -> None:
        record["EndpointStatus"] = "Creating"
        if "DeploymentConfig" in record:
            record["LastDeploymentConfig"] = record["DeploymentConfig"]

    def created(self, record: Record) -> None:
        _begin(record, partial(_create, record))

    def resume(self, record: Record) -> None:
        if record["EndpointStatus"] == "Deleting":
            STORE.remove("Endpoint", (record["EndpointName"],))
        elif record["EndpointStatus"] != "Failed":
            wanted = record.pop("_wanted", None)
            record["EndpointStatus"] = "Updating"
            _begin(record, partial(_resume, record, wanted))

    def check_update(self, record: Record, request: Request) -> None:
        _check_steady(record)
        _check_whole(record)
        config = require("EndpointConfig", (request["EndpointConfigName"],), validation=True)
        guards = _deployment_config(record, request)
        deployment.check(guards)
        deployment.check_for(guards, _present(record), config["ProductionVariants"])
        _check_scaled(record, config)
        _check_components(record, config)
        rollback.check_alarms(guards)

    def update(self, record: Record, request: Request) -> None:
        guards = _deployment_config(record, request)
        retained: Sequence[str] = ()
        if request.get("RetainAllVariantProperties"):
            given = request.get("ExcludeRetainedVariantProperties", [])
            excluded = {one["VariantPropertyType"] for one in given}
            retained = [one for one in _RETAINED if one not in excluded]
        record.update(EndpointStatus="Updating", _wanted=request["EndpointConfigName"])
        if "DeploymentConfig" in request:
            record["DeploymentConfig"] = request["DeploymentConfig"]
        if guards:
            record["LastDeploymentConfig"] = guards
        work = partial(_update, record, request["EndpointConfigName"], guards, retained)
        _begin(record, work)

    def check_deletion(self, record: Record) -> None:
        _check_steady(record)
        components = inference_component.on_endpoint(record["EndpointName"])
        if components:
            raise invalid(
                f'Cannot delete the endpoint "{record["EndpointArn"]}": it has inference components'
                f" ({', '.join(components)})."
            )

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - it says no more than the name
        record["EndpointStatus"] = "Deleting"
        _begin(record, partial(_end, record))
        return False

    def settle(self, record: Record) -> str | None:
        thread = _SETTLING.get(_key(record["EndpointName"]))
        if thread is not None:
            thread.join()
        return record.get("FailureReason")


def update_weights_and_capacities(request: Request) -> dict[str, Any]:
    """UpdateEndpointWeightsAndCapacities, in place."""
    record = require("Endpoint", (request["EndpointName"],), validation=True)
    _check_steady(record)
    _check_whole(record)
    asked = request["DesiredWeightsAndCapacities"]
    names = [one["VariantName"] for one in asked]
    there = {one["VariantName"]: one for one in record["ProductionVariants"]}
    if len(names) != len(set(names)):
        raise invalid("Variant names must be unique within DesiredWeightsAndCapacities.")
    for one in asked:
        name = one["VariantName"]
        if name not in there:
            raise invalid(f'Variant {name} was not found in endpoint "{record["EndpointArn"]}".')
        _check_capacity(record, there[name], one)
    record["EndpointStatus"] = "Updating"
    record["LastModifiedTime"] = time.time()
    record.pop("FailureReason", None)
    _begin(record, partial(_scale, record, {one["VariantName"]: one for one in asked}))
    return {"EndpointArn": record["EndpointArn"]}


def _check_capacity(record: Record, variant: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    serverless = "CurrentServerlessConfig" in variant
    name = variant["VariantName"]
    if serverless and "DesiredInstanceCount" in asked:
        raise invalid(f"DesiredInstanceCount can not be set for the serverless variant {name}.")
    if not serverless and "ServerlessUpdateConfig" in asked:
        raise invalid(f"ServerlessUpdateConfig can not be set for the variant {name}: it is not serverless.")
    if asked.get("DesiredInstanceCount") == 0 and "AsyncInferenceConfig" not in record:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
        raise invalid(f"DesiredInstanceCount of the variant {name} must be at least 1.")


def _check_steady(record: Record) -> None:
    if record["EndpointStatus"] in _UNDER_WAY:
        raise invalid(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')


def _check_whole(record: Record) -> None:
    """DescribeEndpoint's page: "DeleteEndpoint is the only operation that can be performed on a failed
    endpoint"."""
    if record["EndpointStatus"] == "Failed":
        raise invalid(f'Cannot update failed endpoint "{record["EndpointArn"]}": it can only be deleted.')


def _present(record: Record) -> list[dict[str, Any]]:
    """The variants that there are: their configuration may be gone."""
    return [
        {"VariantName": one["VariantName"]}
        | ({"ServerlessConfig": {}} if "CurrentServerlessConfig" in one else {})
        for one in record["ProductionVariants"]
    ]


def _check_scaled(record: Record, config: Mapping[str, Any]) -> None:
    """Variants that are scaled keep their instance type: "If the update would change the instance type for
    any variant that is a target for automatic scaling, the update fails"
    (https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-update.html)."""
    old = STORE.get("EndpointConfig", (record["EndpointConfigName"],)) or {}
    before = {one["VariantName"]: one.get("InstanceType") for one in old.get("ProductionVariants", ())}
    after = {one["VariantName"]: one.get("InstanceType") for one in config["ProductionVariants"]}
    changed = [
        name
        for name in scaled_variants(record["EndpointName"])
        if name not in after or (name in before and before[name] != after[name])
    ]
    if changed:
        raise invalid(
            f'The variant(s) "[{", ".join(changed)}]" must be deregistered as scalable targets with AWS Auto'
            " Scaling before they can be removed or have their instance type updated."
        )


def _check_components(record: Record, config: Mapping[str, Any]) -> None:
    """Inference components keep their place."""
    places = {one["VariantName"] for one in config["ProductionVariants"] if "ModelName" not in one}
    lost = [
        name
        for name in inference_component.on_endpoint(record["EndpointName"])
        if inference_component.variant_of(name) not in places
    ]
    if lost:
        raise invalid(
            f'Cannot update endpoint "{record["EndpointArn"]}": the endpoint configuration has no variant for'
            f" its inference components ({', '.join(lost)})."
        )


def _deployment_config(record: Record, request: Request) -> Mapping[str, Any]:
    if request.get("RetainDeploymentConfig"):
        found: Mapping[str, Any] = record.get("LastDeploymentConfig", {})
        return found
    return request.get("DeploymentConfig") or {}


def _begin(record: Record, work: Callable[[], None]) -> None:
    name = record["EndpointName"]
    events.changed("Endpoint", record)
    _SETTLING[_key(name)] = hooks.request.in_background(work, name=f"endpoint-{name}")


# --- the work, on a thread of its own --------------------------------------------------------------


def _create(record: Record) -> None:
    name, configuration = record["EndpointName"], record["EndpointConfigName"]
    endpoint = LiveEndpoint(name)
    try:
        config = require("EndpointConfig", (configuration,), validation=True)
        _pending(record, config, "Creating")
        fleet = fleets.of_configuration(name, config)
        fleet.begin()
    except Exception as error:  # noqa: BLE001 - every reason is the endpoint's, in its FailureReason
        _settle(record, "Failed", error)
        return
    if STORE.get("Endpoint", (name,)) is not record:
        fleet.stop()  # everything was forgotten meanwhile
        return
    endpoint.traffic.share((fleet, 1.0))
    _adopt(endpoint, fleet, config, record)
    live.keep(endpoint)
    metrics.watch(endpoint.gauge)
    _settle(record, "InService")


def _update(record: Record, configuration: str, guards: Mapping[str, Any], retained: Sequence[str]) -> None:
    """Brings the endpoint to a configuration; where that fails, it stays with the one it had."""
    name = record["EndpointName"]
    endpoint = live.find(name)
    assert endpoint is not None
    old = endpoint.fleet
    assert old is not None
    new = None
    record.pop("FailureReason", None)
    try:
        config = require("EndpointConfig", (configuration,), validation=True)
        config = {**config, "ProductionVariants": fleets.retain(config["ProductionVariants"], old, retained)}
        new = fleets.of_configuration(name, config)
        _pending(record, config, "Creating")
        plan = deployment.plan_of(guards, sum(variant.desired for variant in old.variants))
        watch = _guards(record, guards)
        if plan.rolling:
            deployment.rolling(endpoint.traffic, old, new, plan, watch)
        else:
            new.begin()
            deployment.blue_green(endpoint.traffic, old, new, plan, watch)
    except deployment.RollbackFailed as error:
        endpoint.leftover = new
        _settle(record, "UpdateRollbackFailed", error)
        return
    except Exception as error:  # noqa: BLE001 - every reason is the endpoint's, in its FailureReason
        if new is not None:
            new.stop()
        _settle(record, "InService", error)
        return
    keep = endpoint.capture if "DataCaptureConfig" in retained else None
    record["EndpointConfigName"] = configuration
    _adopt(endpoint, new, config, record, keep)
    leftover, endpoint.leftover = endpoint.leftover, None
    _settle(record, "InService")
    old.stop()
    if leftover is not None:
        leftover.stop()


def _resume(record: Record, wanted: str | None) -> None:
    """Serves what a server that is gone has served, and goes on to what it was being updated to."""
    sizes = {
        variant["VariantName"]: {
            "DesiredInstanceCount": variant["DesiredInstanceCount"],
            "DesiredWeight": variant["DesiredWeight"],
        }
        for variant in record.get("ProductionVariants", ())
        if "CurrentServerlessConfig" not in variant
    }
    _create(record)
    if record["EndpointStatus"] == "InService":
        _scale(record, sizes)
        if wanted is not None:
            _update(record, wanted, record.get("LastDeploymentConfig", {}), ())


def _scale(record: Record, asked: Mapping[str, Mapping[str, Any]]) -> None:
    endpoint = live.find(record["EndpointName"])
    assert endpoint is not None
    fleet = endpoint.fleet
    assert fleet is not None
    failure = None
    try:
        for name, wanted in asked.items():
            variant = fleet.named(name)
            if "DesiredInstanceCount" in wanted:
                _describe(record, name, DesiredInstanceCount=wanted["DesiredInstanceCount"])
                variant.resize(wanted["DesiredInstanceCount"])
            if "ServerlessUpdateConfig" in wanted:
                fleets.provide(variant, wanted["ServerlessUpdateConfig"])
        for name, wanted in asked.items():
            fleet.named(name).weight = wanted.get("DesiredWeight", fleet.named(name).weight)
    except Exception as error:  # noqa: BLE001 - the endpoint's FailureReason
        failure = error
    for variant in fleet.variants:
        summary: dict[str, Any] = {"CurrentWeight": variant.weight, "DesiredWeight": variant.weight}
        if isinstance(variant, hosting.ServerlessVariant):
            limits = {"MaxConcurrency": variant.serverless.concurrency}
            if variant.serverless.provisioned:
                limits["ProvisionedConcurrency"] = variant.serverless.provisioned
            _describe(record, variant.name, serverless=limits, **summary)
        else:
            count = variant.desired
            _describe(record, variant.name, CurrentInstanceCount=count, DesiredInstanceCount=count, **summary)
    _settle(record, "InService", failure)


def _end(record: Record) -> None:
    endpoint = live.take_out(record["EndpointName"])
    if endpoint is not None:
        endpoint.stop()
    STORE.remove("Endpoint", (record["EndpointName"],))


def stop_all() -> None:
    """Ends every endpoint of every account, and forgets it."""
    live.stop_all()
    _SETTLING.clear()


def _settle(record: Record, status: str, failure: Exception | None = None) -> None:
    record.pop("PendingDeploymentSummary", None)
    record.pop("_wanted", None)
    if failure is not None:
        reason = failure.message if isinstance(failure, ServiceError) else str(failure)
        record["FailureReason"] = reason[:_LONGEST_REASON]
    record.update(EndpointStatus=status, LastModifiedTime=time.time())
    events.changed("Endpoint", record)


def _adopt(
    endpoint: LiveEndpoint,
    fleet: hosting.Fleet,
    config: Mapping[str, Any],
    record: Record,
    capture: Capture | None = None,
) -> None:
    """From now on the endpoint is what this configuration says; `capture` is kept where it is given."""
    before, endpoint.fleet = endpoint.capture, fleet
    first = config["ProductionVariants"][0]
    own_role = "ModelName" not in first
    role = (config if own_role else require("Model", (first["ModelName"],)))["ExecutionRoleArn"]
    wanted = config.get("DataCaptureConfig")
    if capture is None:
        endpoint.capture = None
        if wanted is not None and wanted.get("EnableCapture", True):
            endpoint.capture = Capture(endpoint.name, wanted, lambda: clients.as_role(role).s3)
        if before is not None:
            before.stop()
        _describe_capture(record, wanted)
    _arrange_queue(endpoint, config.get("AsyncInferenceConfig"), role)
    for member in ("ProductionVariants", "ShadowProductionVariants"):
        if config.get(member):
            record[member] = [_summary(variant) for variant in config[member]]
        else:
            record.pop(member, None)
    if "AsyncInferenceConfig" in config:
        record["AsyncInferenceConfig"] = config["AsyncInferenceConfig"]
    else:
        record.pop("AsyncInferenceConfig", None)


def _arrange_queue(endpoint: LiveEndpoint, config: Mapping[str, Any] | None, role: str) -> None:
    if config is None:
        if endpoint.queue is not None:
            endpoint.queue.stop()
            endpoint.queue = None
        return
    settings = asynchronous.Settings.of(config)
    if endpoint.queue is not None:
        endpoint.queue.settings = settings  # what waits stays in the queue
        return

    def client(service: str) -> Any:
        return getattr(clients.as_role(role), service)

    def invoke(invocation: hosting.Invocation) -> Answer:
        try:
            served = endpoint.invoke(invocation)
        except NoAnswer as error:
            raise asynchronous.Refused(
                f"Received server error (0) from {error.container}: {error}"
            ) from error
        if not 200 <= served.answer.status < 300:
            kind = "client" if served.answer.status < 500 else "server"
            raise asynchronous.Refused(
                f"Received {kind} error ({served.answer.status}) from {served.container}", served.answer
            )
        return served.answer

    def instances() -> int:
        fleet = endpoint.fleet
        variants = fleet.variants if fleet else ()
        return sum(instance.healthy for variant in variants for instance in variant.instances)

    endpoint.queue = asynchronous.Queue(
        endpoint.name, settings, invoke=invoke, instances=instances, client=client
    )


# --- what DescribeEndpoint tells -------------------------------------------------------------------


def _summary(variant: Mapping[str, Any]) -> dict[str, Any]:
    weight = variant.get("InitialVariantWeight", 1.0)
    found = {
        "VariantName": variant["VariantName"],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
    }
    if "ModelName" in variant:
        model = require("Model", (variant["ModelName"],))
        images = [models.image_of(container) for container in models.containers_of(model)]
        now = time.time()
        found["DeployedImages"] = [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now} for image in images
        ]
    if "ServerlessConfig" in variant:
        config = variant["ServerlessConfig"]
        return found | {"CurrentServerlessConfig": config, "DesiredServerlessConfig": config}
    count = variant["InitialInstanceCount"]
    for member in ("ManagedInstanceScaling", "RoutingConfig"):
        if member in variant:
            found[member] = variant[member]
    return found | {"CurrentInstanceCount": count, "DesiredInstanceCount": count}


def _describe(record: Record, name: str, serverless: Mapping[str, int] | None = None, **members: Any) -> None:
    """Changes what is told of a variant; a new list, for those who are just reading the old one."""
    variants = [dict(one) for one in record["ProductionVariants"]]
    for one in variants:
        if one["VariantName"] == name:
            one.update(members)
            if serverless is not None:
                config = {**one["CurrentServerlessConfig"], **serverless}
                one.update(CurrentServerlessConfig=config, DesiredServerlessConfig=config)
    record["ProductionVariants"] = variants


def _describe_capture(record: Record, config: Mapping[str, Any] | None) -> None:
    if config is None:
        record.pop("DataCaptureConfig", None)
        return
    captures = config.get("EnableCapture", True)
    record["DataCaptureConfig"] = {
        "EnableCapture": captures,
        "CaptureStatus": "Started" if captures else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def _pending(record: Record, config: Mapping[str, Any], status: str) -> None:
    now = time.time()
    variants = []
    for variant in config["ProductionVariants"]:
        more = {"InstanceType": variant["InstanceType"]} if "InstanceType" in variant else {}
        variants.append(_summary(variant) | more | {"VariantStatus": [{"Status": status, "StartTime": now}]})
    record["PendingDeploymentSummary"] = {
        "EndpointConfigName": config["EndpointConfigName"],
        "ProductionVariants": variants,
        "StartTime": now,
    }


def _guards(record: Record, config: Mapping[str, Any]) -> deployment.Guards:
    names = rollback.alarm_names(config)

    def entered(status: str) -> None:
        summary = dict(record["PendingDeploymentSummary"])
        now = [{"Status": status, "StartTime": time.time()}]
        summary["ProductionVariants"] = [
            {**variant, "VariantStatus": now} for variant in summary["ProductionVariants"]
        ]
        record["PendingDeploymentSummary"] = summary
        events.changed("Endpoint", record)

    def alarmed() -> Sequence[str]:
        return rollback.alarmed(names)

    def rolling_back() -> None:
        record["EndpointStatus"] = "RollingBack"
        events.changed("Endpoint", record)

    return deployment.Guards(entered, alarmed, rolling_back)


def _key(name: str) -> tuple[str, str, str]:
    return hooks.request.account_id(), hooks.request.region(), name
