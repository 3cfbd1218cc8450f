"""Edge deployment plans and their stages. There are no devices here: no stage can be started.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEdgeDeploymentPlan.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws import hooks
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.reference import require
from local_aws.store import Record

_SELECTED_BY = {
    "NAMECONTAINS": "DeviceNameContains",
    "PERCENTAGE": "Percentage",
    "SELECTION": "DeviceNames",
}
_NOT_STARTED = {
    "StageStatus": "READYTODEPLOY",
    "EdgeDeploymentSuccessInStage": 0,
    "EdgeDeploymentPendingInStage": 0,
    "EdgeDeploymentFailedInStage": 0,
}


class EdgeDeploymentPlan(Behaviour):
    def check(self, request: Request) -> None:
        require("DeviceFleet", (request["DeviceFleetName"],))
        for config in request["ModelConfigs"]:
            require("EdgePackagingJob", (config["EdgePackagingJobName"],))
        _check_stages(request.get("Stages", ()), ())

    def prepare(self, record: Record) -> None:
        """Its ARN begins with another word than the family's name (the service model)."""
        name = str(record["EdgeDeploymentPlanName"]).lower()
        record["EdgeDeploymentPlanArn"] = f"arn:aws:sagemaker:{hooks.request.place()}:edge-deployment/{name}"
        record["Stages"] = [_stage(one) for one in record.get("Stages", ())]
        record.update(EdgeDeploymentSuccess=0, EdgeDeploymentPending=0, EdgeDeploymentFailed=0)


def create_stage(request: Request) -> dict[str, Any]:
    plan = require("EdgeDeploymentPlan", (request["EdgeDeploymentPlanName"],))
    _check_stages(request["Stages"], plan["Stages"])
    plan["Stages"] = [*plan["Stages"], *(_stage(one) for one in request["Stages"])]
    return {}


def delete_stage(request: Request) -> dict[str, Any]:
    plan = require("EdgeDeploymentPlan", (request["EdgeDeploymentPlanName"],))
    left = [one for one in plan["Stages"] if one["StageName"] != request["StageName"]]
    if len(left) == len(plan["Stages"]):
        raise ServiceError(
            "ResourceNotFound",
            f"The plan {plan['EdgeDeploymentPlanName']} has no stage {request['StageName']}.",
        )
    plan["Stages"] = left
    return {}


def _stage(given: Mapping[str, Any]) -> Record:
    config = given.get("DeploymentConfig", {"FailureHandlingPolicy": "DO_NOTHING"})
    return {**given, "DeploymentConfig": config, "DeploymentStatus": dict(_NOT_STARTED)}


def _check_stages(stages: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> None:
    names = [one["StageName"] for one in (*others, *stages)]
    if len(set(names)) != len(names):
        raise invalid("Stage names must be unique within an edge deployment plan.")
    for stage in stages:
        selection = stage["DeviceSelectionConfig"]
        needed = _SELECTED_BY[selection["DeviceSubsetType"]]
        if needed not in selection:
            raise invalid(f"{needed} must be given for the DeviceSubsetType {selection['DeviceSubsetType']}.")
