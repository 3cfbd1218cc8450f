"""Notebook instances: their states and their rules. Nothing runs in them here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateNotebookInstance.html
"""

from __future__ import annotations

from local_aws import hooks
from local_aws.errors import invalid
from local_aws.sagemaker import states
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.families import families
from local_aws.store import Record

_RENAMED = {
    "SecurityGroupIds": "SecurityGroups",
    "LifecycleConfigName": "NotebookInstanceLifecycleConfigName",
}
_DISASSOCIATED = {
    "DisassociateAcceleratorTypes": "AcceleratorTypes",
    "DisassociateAdditionalCodeRepositories": "AdditionalCodeRepositories",
    "DisassociateDefaultCodeRepository": "DefaultCodeRepository",
    "DisassociateLifecycleConfig": "NotebookInstanceLifecycleConfigName",
}


class NotebookInstance(Behaviour):
    def check(self, request: Request) -> None:
        if request.get("SecurityGroupIds") and "SubnetId" not in request:
            raise invalid("SubnetId must be given with SecurityGroupIds.")
        if request.get("DirectInternetAccess") == "Disabled" and "SubnetId" not in request:
            raise invalid("Must specify SubnetId and SecurityGroupIds when DirectInternetAccess is Disabled.")
        _check_lifecycle(request)

    def prepare(self, record: Record) -> None:
        for given, described in _RENAMED.items():
            if given in record:
                record[described] = record.pop(given)
        name = str(record["NotebookInstanceName"]).lower()
        record["Url"] = f"{name}.notebook.{hooks.request.region()}.sagemaker.aws"
        record.setdefault("DirectInternetAccess", "Enabled")
        record.setdefault("RootAccess", "Enabled")
        record.setdefault("VolumeSizeInGB", 5)

    def check_update(self, record: Record, request: Request) -> None:
        _expect(record, ("Stopped", "Failed"), "Updating")
        _check_lifecycle(request)

    def update(self, record: Record, request: Request) -> None:
        changes = {_RENAMED.get(name, name): value for name, value in request.items()}
        for flag, member in _DISASSOCIATED.items():
            if changes.pop(flag, False):
                record.pop(member, None)
        merge(record, changes)

    def check_deletion(self, record: Record) -> None:
        _expect(record, ("Stopped", "Failed"), "Deleting")

    def stop(self, record: Record) -> None:
        _expect(record, ("InService",), "Stopping")
        states.change(families()["NotebookInstance"], record, "Stopping", "Stopped")

    def start(self, record: Record) -> None:
        _expect(record, ("Stopped", "Failed"), "Pending")
        states.change(families()["NotebookInstance"], record, "Pending", "InService")


def _expect(record: Record, wanted: tuple[str, ...], to: str) -> None:
    """SageMaker's own words: https://github.com/aws/amazon-sagemaker-examples/issues/1094"""
    status = record["NotebookInstanceStatus"]
    if status not in wanted:
        raise invalid(
            f"Status ({status}) not in ([{', '.join(wanted)}]). Unable to transition to ({to}) for Notebook"
            f" Instance ({record['NotebookInstanceArn']})."
        )


def _check_lifecycle(request: Request) -> None:
    if "LifecycleConfigName" in request:
        require("NotebookInstanceLifecycleConfig", (request["LifecycleConfigName"],), validation=True)
