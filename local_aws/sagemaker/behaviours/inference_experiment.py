"""Inference experiments: their states and their rules. No endpoint is made for them here, and no request is
mirrored; a schedule starts and ends nothing. An endpoint's own shadow variant does mirror.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateInferenceExperiment.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import states
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.families import families
from local_aws.store import Record

_NAME = "InferenceExperiment"
_ENDED = ("Completed", "Cancelled")


class InferenceExperiment(Behaviour):
    def check(self, request: Request) -> None:
        _check_variants(request)
        _check_schedule(request)

    def prepare(self, record: Record) -> None:
        record["EndpointMetadata"] = {"EndpointName": record["EndpointName"]}
        _take_variants(record, record["ModelVariants"])
        later = record.get("Schedule", {}).get("StartTime", 0.0) > time.time()
        states.change(families()[_NAME], record, "Creating", "Created" if later else "Running")

    def check_update(self, record: Record, request: Request) -> None:
        _expect(record, ("Created", "Running"), "update")
        _check_variants({**record, **request})
        _check_schedule(request)

    def update(self, record: Record, request: Request) -> None:
        changes = dict(request)
        if "ModelVariants" in changes:
            _take_variants(record, changes.pop("ModelVariants"))
        merge(record, changes)
        states.change(families()[_NAME], record, "Updating", record["Status"])

    def check_deletion(self, record: Record) -> None:
        _expect(record, ("Created", *_ENDED), "delete")

    def start(self, record: Record) -> None:
        _expect(record, ("Created",), "start")
        states.change(families()[_NAME], record, "Starting", "Running")

    def stop(self, record: Record) -> None:
        """As CloudFormation does it before it deletes one."""
        end(record, "Cancelled")

    def settle(self, record: Record) -> str | None:
        return states.settle(families()[_NAME], (record["Name"],), record)


def stop(request: Request) -> dict[str, Any]:
    """StopInferenceExperiment: what becomes of each variant is said in the request."""
    record = require(_NAME, (request["Name"],))
    known = {variant["VariantName"] for variant in record["ModelVariants"]}
    for name in request["ModelVariantActions"]:
        if name not in known:
            raise invalid(f"The inference experiment has no model variant {name}.")
    if "Promote" in list(request["ModelVariantActions"].values()) and len(known) < 2:
        raise invalid("There is no shadow variant to promote.")
    end(record, request.get("DesiredState", "Completed"))
    if "Reason" in request:
        record["StatusReason"] = request["Reason"]
    return {"InferenceExperimentArn": record["Arn"]}


def end(record: Record, status: str) -> None:
    _expect(record, ("Created", "Running"), "stop")
    record["CompletionTime"] = time.time()
    states.change(families()[_NAME], record, "Stopping", status)


def _take_variants(record: Record, variants: Sequence[Mapping[str, Any]]) -> None:
    record["ModelVariants"] = [{**variant, "Status": "InService"} for variant in variants]


def _check_variants(request: Request) -> None:
    names = [variant["VariantName"] for variant in request["ModelVariants"]]
    if len(set(names)) != len(names):
        raise invalid("Model variant names must be unique within an inference experiment.")
    for variant in request["ModelVariants"]:
        require("Model", (variant["ModelName"],), validation=True)
    config = request.get("ShadowModeConfig")
    if config is None:
        return
    source = config["SourceModelVariantName"]
    shadows = [one["ShadowModelVariantName"] for one in config["ShadowModelVariants"]]
    for name in (source, *shadows):
        if name not in names:
            raise invalid(f"{name} is not among the ModelVariants of the inference experiment.")
    if source in shadows:
        raise invalid(f"{source} can not be both the source and a shadow of the inference experiment.")


def _check_schedule(request: Request) -> None:
    schedule = request.get("Schedule", {})
    if "EndTime" in schedule and schedule["EndTime"] <= schedule.get("StartTime", time.time()):
        raise invalid("The EndTime of the Schedule must be after its StartTime, and in the future.")


def _expect(record: Record, wanted: tuple[str, ...], deed: str) -> None:
    status = record["Status"]
    if status not in wanted:
        raise ServiceError(
            "ConflictException",
            f"Unable to {deed} inference experiment [{record['Arn']}] because it is in status {status}.",
        )
