"""Experiments, their trials and the components of these: what must be emptied before it goes.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteExperiment.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteTrial.html
"""

from __future__ import annotations

from local_aws.errors import invalid
from local_aws.sagemaker import resources
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.reference import require
from local_aws.store import Record


class Experiment(Behaviour):
    def prepare(self, record: Record) -> None:
        record.setdefault("DisplayName", record["ExperimentName"])

    def check_deletion(self, record: Record) -> None:
        name = record["ExperimentName"]
        if any(trial["ExperimentName"] == name for trial in resources.every("Trial")):
            raise invalid(f"Experiment {name} cannot be deleted: delete its trials first.")


class Trial(Behaviour):
    def check(self, request: Request) -> None:
        require("Experiment", (request["ExperimentName"],))

    def prepare(self, record: Record) -> None:
        record.setdefault("DisplayName", record["TrialName"])

    def check_deletion(self, record: Record) -> None:
        if record.get("_components"):
            name = record["TrialName"]
            raise invalid(f"Trial {name} cannot be deleted: disassociate its trial components first.")


class TrialComponent(Behaviour):
    def prepare(self, record: Record) -> None:
        record.setdefault("DisplayName", record["TrialComponentName"])

    def check_deletion(self, record: Record) -> None:
        if record.get("_trials"):
            name = record["TrialComponentName"]
            raise invalid(f"Trial component {name} cannot be deleted: disassociate it from its trials first.")
