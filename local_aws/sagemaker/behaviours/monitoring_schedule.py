"""Monitoring schedules: what was captured of an endpoint goes to a processing job of their image, by the
clock or once, with its baseline and what was true. AWS's own analyzers are not here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateMonitoringSchedule.html
"""

from __future__ import annotations

import datetime
import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from local_aws import hooks
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import clients, listing, monitoring, resources, storage
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.families import families
from local_aws.store import STORE, Record
from local_aws.watch import Watch

_FAMILY = "MonitoringSchedule"
_EXECUTION = "MonitoringExecution"
"""By schedule and scheduled time."""
_NEXT = "_due"
_LONGEST_REASON = 1024
_PAGE = 10
_ENDED = {"Completed": "Completed", "Failed": "Failed", "Stopped": "Stopped"}

_DEFINITIONS = {
    "DataQuality": "DataQualityJobDefinition",
    "ModelBias": "ModelBiasJobDefinition",
    "ModelExplainability": "ModelExplainabilityJobDefinition",
    "ModelQuality": "ModelQualityJobDefinition",
}


class MonitoringSchedule(Behaviour):
    def check(self, request: Request) -> None:
        _check_config(request)

    def prepare(self, record: Record) -> None:
        config = record["MonitoringScheduleConfig"]
        record["MonitoringType"] = config.get("MonitoringType", "DataQuality")
        endpoint = _definition(record).endpoint
        if endpoint is not None:
            record["EndpointName"] = endpoint

    def created(self, record: Record) -> None:
        _plan(record, time.time(), anew=True)
        _WATCH.start()

    def resume(self, record: Record) -> None:
        for _, execution in _executions(record["MonitoringScheduleName"]):
            if execution["MonitoringExecutionStatus"] in ("Pending", "InProgress"):
                hooks.request.in_background(_follow, record, execution, name="monitoring")
        _WATCH.start()

    def check_update(self, record: Record, request: Request) -> None:  # noqa: ARG002 - any may be changed
        _check_config(request)

    def update(self, record: Record, request: Request) -> None:
        super().update(record, request)
        self.prepare(record)
        _plan(record, time.time(), anew=True)
        _WATCH.start()

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - it says no more than the name
        for key, _ in _executions(record["MonitoringScheduleName"]):
            STORE.remove(_EXECUTION, key)
        return True

    def stop(self, record: Record) -> None:
        record["MonitoringScheduleStatus"] = "Stopped"
        record[_NEXT] = None

    def start(self, record: Record) -> None:
        record["MonitoringScheduleStatus"] = "Scheduled"
        _plan(record, time.time(), anew=False)
        _WATCH.start()


def list_executions(request: Request) -> dict[str, Any]:
    """ListMonitoringExecutions."""
    name = request.get("MonitoringScheduleName")
    if name is not None:
        require(_FAMILY, (name.rpartition("/")[2],))
    equal = {
        "MonitoringScheduleName": name and name.rpartition("/")[2],
        "EndpointName": request.get("EndpointName"),
        "MonitoringExecutionStatus": request.get("StatusEquals"),
        "MonitoringJobDefinitionName": request.get("MonitoringJobDefinitionName"),
        "MonitoringType": request.get("MonitoringTypeEquals"),
    }
    found = [
        execution
        for _, execution in STORE.all(_EXECUTION)
        if all(value is None or execution.get(member) == value for member, value in equal.items())
        and all(
            (execution[member] > request.get(f"{member}After", -1.0))
            and (execution[member] < request.get(f"{member}Before", float("inf")))
            for member in ("ScheduledTime", "CreationTime", "LastModifiedTime")
        )
    ]
    by = {"Status": "MonitoringExecutionStatus"}.get(request.get("SortBy", ""), request.get("SortBy"))
    found.sort(key=lambda one: one[by or "CreationTime"], reverse=request.get("SortOrder") != "Ascending")
    told = [_told(one) for one in found]
    size = int(request.get("MaxResults", _PAGE))
    return listing.page("MonitoringExecutionSummaries", told, size, request.get("NextToken"))


def keep_appointments(now: float) -> list[threading.Thread]:
    """Begins what is due in the account and region of now."""
    begun = []
    for _, schedule in STORE.all(_FAMILY):
        due = schedule.get(_NEXT)
        if due is not None and now >= due and schedule["MonitoringScheduleStatus"] != "Stopped":
            _plan(schedule, now, anew=False)
            begun.append(_begin(schedule, due))
    return begun


def _told(execution: Record) -> Record:
    return {member: value for member, value in execution.items() if not member.startswith("_")}


def _executions(schedule: str) -> list[tuple[tuple[str, ...], Record]]:
    return [(key, record) for key, record in STORE.all(_EXECUTION) if key[0] == schedule]


def _plan(record: Record, now: float, *, anew: bool) -> None:
    """Notes when it is due next; what is for once is due when it is made, and then never."""
    schedule = monitoring.schedule_of(record["MonitoringScheduleConfig"])
    if schedule is None:
        record[_NEXT] = now if anew else None
        return
    found = schedule.after(datetime.datetime.fromtimestamp(now, datetime.UTC))
    record[_NEXT] = found.timestamp() if found else None


def _places() -> set[tuple[str, str]]:
    return {(account, region) for account, region, _, _ in STORE.everywhere(_FAMILY)}


_WATCH = Watch("monitoring", _places, keep_appointments)


# --- one execution ---------------------------------------------------------------------------------


def _begin(schedule: Record, due: float) -> threading.Thread:
    name, now = schedule["MonitoringScheduleName"], time.time()
    execution: Record = {
        "MonitoringScheduleName": name,
        "ScheduledTime": due,
        "CreationTime": now,
        "LastModifiedTime": now,
        "MonitoringExecutionStatus": "Pending",
        "MonitoringType": schedule["MonitoringType"],
    }
    config = schedule["MonitoringScheduleConfig"]
    for member, value in (
        ("EndpointName", schedule.get("EndpointName")),
        ("MonitoringJobDefinitionName", config.get("MonitoringJobDefinitionName")),
    ):
        if value is not None:
            execution[member] = value
    STORE.add(_EXECUTION, (name, str(due)), execution)
    schedule["LastMonitoringExecutionSummary"] = _told(execution)
    return hooks.request.in_background(_execute, schedule, execution, name=f"monitoring-{name}")


def _execute(schedule: Record, execution: Record) -> None:
    try:
        definition = _definition(schedule)
        request = _request(schedule, execution, definition)
        job = _run(schedule, request, definition)
    except monitoring.NoData:
        _become(schedule, execution, "Failed", "Job inputs had no data")
        return
    except Exception as error:  # noqa: BLE001 - every reason is the execution's, in its FailureReason
        reason = error.message if isinstance(error, ServiceError) else str(error)
        _become(schedule, execution, "Failed", reason)
        return
    execution["ProcessingJobArn"] = job["ProcessingJobArn"]
    _become(schedule, execution, "InProgress")
    _follow(schedule, execution)


def _request(schedule: Record, execution: Record, definition: monitoring.Definition) -> dict[str, Any]:
    due = datetime.datetime.fromtimestamp(execution["ScheduledTime"], datetime.UTC)
    s3 = clients.as_role(definition.role).s3
    chosen = monitoring.period(schedule["MonitoringScheduleConfig"], definition, due)
    captured, variants = _captured(definition)
    inputs = monitoring.data(definition, s3, captured, variants, chosen)
    name = schedule["MonitoringScheduleName"]
    identifier = hashlib.sha256(f"{name} {due}".encode()).hexdigest()[:24]
    return monitoring.request(definition, name, due, chosen, inputs, _baseline(definition), identifier)


def _run(schedule: Record, request: Mapping[str, Any], definition: monitoring.Definition) -> Record:
    from local_aws.sagemaker import control  # which knows all behaviours, this one among them

    job = control.create(families()["ProcessingJob"], {**request, "_metrics_namespace": definition.namespace})
    job["MonitoringScheduleArn"] = schedule["MonitoringScheduleArn"]
    return job


def _follow(schedule: Record, execution: Record) -> None:
    """Waits for the processing job, and tells what has become of it."""
    from local_aws.sagemaker import control

    family = families()["ProcessingJob"]
    job = resources.by_arn(family, execution.get("ProcessingJobArn", ""))
    if job is None:
        _become(schedule, execution, "Failed", "the local AWS ended before the processing job began")
        return
    control.settle(family, job)
    status = _ENDED.get(job["ProcessingJobStatus"], "Failed")
    if status == "Completed" and monitoring.violations(clients.as_role(job["RoleArn"]).s3, job):
        status = "CompletedWithViolations"
    _become(schedule, execution, status, job.get("FailureReason") or job.get("ExitMessage"))


def _become(schedule: Record, execution: Record, status: str, reason: str | None = None) -> None:
    if reason:
        execution["FailureReason"] = reason[:_LONGEST_REASON]
    execution.update(MonitoringExecutionStatus=status, LastModifiedTime=time.time())
    schedule["LastMonitoringExecutionSummary"] = _told(execution)


def _captured(definition: monitoring.Definition) -> tuple[str, Sequence[str]]:
    """Where data is captured, and of which variants. Raises `ServiceError`."""
    if definition.endpoint is None:
        return str(definition.input["DataCapturedDestinationS3Uri"]), ()
    endpoint = require("Endpoint", (definition.endpoint,), validation=True)
    capture = endpoint.get("DataCaptureConfig")
    if capture is None:
        raise invalid(f"Data capture is not enabled for the endpoint {definition.endpoint}.")
    variants = [*endpoint.get("ProductionVariants", ()), *endpoint.get("ShadowProductionVariants", ())]
    return str(capture["DestinationS3Uri"]), [one["VariantName"] for one in variants]


def _baseline(definition: monitoring.Definition) -> dict[str, str]:
    """Where the baseline's files are: given, or what a baselining job has left."""
    given = definition.baseline
    found = {
        name: given[member]["S3Uri"]
        for name, member in (("constraints", "ConstraintsResource"), ("statistics", "StatisticsResource"))
        if given.get(member, {}).get("S3Uri")
    }
    if found or "BaseliningJobName" not in given:
        return found
    job = require("ProcessingJob", (given["BaseliningJobName"],), validation=True)
    uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].rstrip("/")
    client = clients.as_role(definition.role).s3
    return {
        name: f"{uri}/{name}.json"
        for name in ("constraints", "statistics")
        if storage.exists(client, f"{uri}/{name}.json")
    }


def _definition(schedule: Record) -> monitoring.Definition:
    config = schedule["MonitoringScheduleConfig"]
    kind = config.get("MonitoringType", "DataQuality")
    if "MonitoringJobDefinition" in config:
        return monitoring.inline(kind, config["MonitoringJobDefinition"])
    record = require(_DEFINITIONS[kind], (config["MonitoringJobDefinitionName"],))
    return monitoring.of_definition(kind, record)


def _check_config(request: Request) -> None:
    config = request["MonitoringScheduleConfig"]
    inside, named = "MonitoringJobDefinition" in config, "MonitoringJobDefinitionName" in config
    if inside == named:
        raise invalid("Exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName must be given.")
    for given in config.get("MonitoringJobDefinition", {}).get("MonitoringInputs", ()):
        if ("EndpointInput" in given) == ("BatchTransformInput" in given):
            raise invalid("MonitoringInputs must have exactly one of EndpointInput and BatchTransformInput.")
    if named:
        family = _DEFINITIONS[config.get("MonitoringType", "DataQuality")]
        require(family, (config["MonitoringJobDefinitionName"],))
    monitoring.schedule_of(config)
    definition = _definition({"MonitoringScheduleConfig": config})
    if definition.endpoint is not None:
        # https://github.com/aws/sagemaker-python-sdk/issues/4873
        require("Endpoint", (definition.endpoint,), validation=True)
    elif definition.ground_truth is not None:
        raise not_supported("to monitor the quality of what batch transform leaves")
