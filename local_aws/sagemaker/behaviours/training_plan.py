"""Training plans: offered, bought and described. There is no capacity behind them, and they cost nothing.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SearchTrainingPlanOfferings.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingPlan.html
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from local_aws import hooks
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import states
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.families import families
from local_aws.store import STORE, Record

_OFFERING = "TrainingPlanOffering"
_HOUR = 3600.0


def search(request: Request) -> dict[str, Any]:
    """One offering, of what is asked for: it stays what it is when it is bought."""
    for member in ("UltraServerType", "UltraServerCount", "TrainingPlanArn"):
        if member in request:
            raise not_supported(f"to search training plan offerings by {member}")
    if "InstanceType" not in request:
        raise invalid("Either InstanceType or UltraServerType must be given.")
    hours = request.get("DurationHours", 24)
    start = max(time.time(), request.get("StartTimeAfter", 0.0))
    end = start + hours * _HOUR
    if end > request.get("EndTimeBefore", end):
        return {"TrainingPlanOfferings": []}
    capacity = {
        "InstanceType": request["InstanceType"],
        "InstanceCount": request.get("InstanceCount", 1),
        "AvailabilityZone": f"{hooks.request.region()}a",
        "DurationHours": hours,
        "DurationMinutes": 0,
        "StartTime": start,
        "EndTime": end,
    }
    offering = {
        "TrainingPlanOfferingId": f"tpo-{secrets.token_hex(16)}",
        "TargetResources": request.get("TargetResources", ["training-job"]),
        "DurationHours": hours,
        "DurationMinutes": 0,
        "ReservedCapacityOfferings": [capacity],
    }
    if "StartTimeAfter" in request:
        offering["RequestedStartTimeAfter"] = request["StartTimeAfter"]
    if "EndTimeBefore" in request:
        offering["RequestedEndTimeBefore"] = request["EndTimeBefore"]
    STORE.add(_OFFERING, (offering["TrainingPlanOfferingId"],), offering)
    return {"TrainingPlanOfferings": [offering]}


class TrainingPlan(Behaviour):
    def check(self, request: Request) -> None:
        _offering(request["TrainingPlanOfferingId"])

    def prepare(self, record: Record) -> None:
        """Active, or scheduled for its time; what its time does to it is not waited for here."""
        offering = _offering(record["TrainingPlanOfferingId"])
        (offered,) = offering["ReservedCapacityOfferings"]
        count = offered["InstanceCount"]
        shared = {
            name: offered[name] for name in ("DurationHours", "DurationMinutes", "StartTime", "EndTime")
        }
        status = "Scheduled" if offered["StartTime"] > time.time() else "Active"
        region, account = hooks.request.region(), hooks.request.account_id()
        reserved = f"arn:aws:sagemaker:{region}:{account}:reserved-capacity/{secrets.token_hex(10)}"
        record.update(
            shared,
            TargetResources=offering["TargetResources"],
            TotalInstanceCount=count,
            AvailableInstanceCount=count,
            InUseInstanceCount=0,
            ReservedCapacitySummaries=[
                {
                    **shared,
                    "ReservedCapacityArn": reserved,
                    "ReservedCapacityType": "Instance",
                    "InstanceType": offered["InstanceType"],
                    "TotalInstanceCount": count,
                    "AvailabilityZone": offered["AvailabilityZone"],
                    "Status": status,
                }
            ],
        )
        states.change(families()["TrainingPlan"], record, "Pending", status)


def _offering(identifier: str) -> Record:
    found = STORE.get(_OFFERING, (identifier,))
    if found is None:
        raise ServiceError("ResourceNotFound", f"Training plan offering {identifier} does not exist.")
    return found
