"""Jobs that nothing runs here: they are accepted, described and listed, and they fail and say why."""

from __future__ import annotations

import uuid

from local_aws import hooks
from local_aws.errors import invalid
from local_aws.sagemaker import states
from local_aws.sagemaker.behaviour import Behaviour
from local_aws.sagemaker.families import families
from local_aws.store import Record


class NotRun(Behaviour):
    def __init__(self, family: str, why: str) -> None:
        self._family = family
        self.why = why

    def prepare(self, record: Record) -> None:
        """What the service makes up beside a status, where a family has it."""
        if self._family in ("AutoMLJob", "AutoMLJobV2"):
            record["AutoMLJobSecondaryStatus"] = "Starting"
        elif self._family == "CompilationJob":
            record["ModelArtifacts"] = {"S3ModelArtifacts": record["OutputConfig"]["S3OutputLocation"]}
        elif self._family == "Job":
            record.update(SecondaryStatus="Starting", SecondaryStatusTransitions=[])
            record["JobArn"] = _arn("Job", f"{record['JobCategory']}/{record['JobName']}")
        elif self._family == "LabelingJob":
            record["JobReferenceCode"] = uuid.uuid4().hex
        elif self._family == "ModelCardExportJob":
            card = str(record["ModelCardName"]).rpartition("/")[2]
            record["ModelCardExportJobArn"] = _arn(
                "ModelCard", f"{card}/export-job/{record['ModelCardExportJobName']}"
            )

    def failure(self, record: Record) -> str | None:  # noqa: ARG002 - it fails whatever it is
        return f"The local AWS does not run this: {self.why}."

    def stop(self, record: Record) -> None:
        family = families()[self._family]
        cycle = states.cycle(family)
        if cycle is None or not states.on_its_way(record):
            status = record.get(family.status_member or "")
            raise invalid(f"The request was rejected because the {family.words} is in status {status}.")
        states.change(family, record, "Stopping", cycle.stopped)


def _arn(family: str, name: str) -> str:
    return families()[family].arn((name,), hooks.request.account_id(), hooks.request.region())
