"""Jobs that nothing runs here: they are accepted, described and listed, and they fail and say why."""

from __future__ import annotations

from local_aws import hooks
from local_aws.sagemaker import states
from local_aws.sagemaker.behaviour import Behaviour
from local_aws.sagemaker.errors import invalid
from local_aws.sagemaker.families import families
from local_aws.store import Record


class NotRun(Behaviour):
    def __init__(self, family: str, why: str) -> None:
        self._family = family
        self.why = why

    def prepare(self, record: Record) -> None:
        if self._family == "ModelCardExportJob":
            card = str(record["ModelCardName"]).rpartition("/")[2]
            own = f"{card}/export-job/{record['ModelCardExportJobName']}"
            account, region = hooks.account_id(), hooks.region()
            record["ModelCardExportJobArn"] = families()["ModelCard"].arn((own,), account, region)

    def failure(self, record: Record) -> str | None:  # noqa: ARG002 - it fails whatever it is
        return f"The local AWS does not run this: {self.why}."

    def stop(self, record: Record) -> None:
        family = families()[self._family]
        cycle = states.cycle(family)
        if cycle is None or not states.on_its_way(record):
            status = record.get(family.status_member or "")
            raise invalid(f"The request was rejected because the {family.words} is in status {status}.")
        states.change(family, record, "Stopping", cycle.stopped)
