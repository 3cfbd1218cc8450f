"""Monitoring schedules: described, started and stopped. Nothing is monitored here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateMonitoringSchedule.html
"""

from __future__ import annotations

from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.errors import invalid
from local_aws.store import Record

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

    def check_update(self, record: Record, request: Request) -> None:  # noqa: ARG002 - any may be changed
        _check_config(request)

    def stop(self, record: Record) -> None:
        record["MonitoringScheduleStatus"] = "Stopped"

    def start(self, record: Record) -> None:
        record["MonitoringScheduleStatus"] = "Scheduled"


def _check_config(request: Request) -> None:
    config = request["MonitoringScheduleConfig"]
    inline, named = "MonitoringJobDefinition" in config, "MonitoringJobDefinitionName" in config
    if inline == named:
        raise invalid("Exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName must be given.")
    if named:
        family = _DEFINITIONS[config.get("MonitoringType", "DataQuality")]
        require(family, (config["MonitoringJobDefinitionName"],))
