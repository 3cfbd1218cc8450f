"""Pipelines: their definition is kept and must be one; executions do not run here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePipeline.html
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from local_aws.errors import invalid
from local_aws.sagemaker import clients
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.store import Record


class Pipeline(Behaviour):
    def check(self, request: Request) -> None:
        if ("PipelineDefinition" in request) == ("PipelineDefinitionS3Location" in request):
            raise invalid(
                "Exactly one of PipelineDefinition and PipelineDefinitionS3Location must be specified."
            )
        _definition(request)

    def prepare(self, record: Record) -> None:
        record["PipelineDefinition"] = _definition(record)
        record.setdefault("PipelineDisplayName", record["PipelineName"])

    def check_update(self, record: Record, request: Request) -> None:  # noqa: ARG002 - any may be changed
        if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
            _definition(request)

    def update(self, record: Record, request: Request) -> None:
        changes = dict(request)
        if "PipelineDefinitionS3Location" in changes:
            changes["PipelineDefinition"] = _definition(changes)
        merge(record, changes)


def _definition(request: Request) -> str:
    """The text of the definition, wherever it is. Refuses what is no definition."""
    text = request.get("PipelineDefinition") or _downloaded(request["PipelineDefinitionS3Location"])
    try:
        document = json.loads(text)
    except ValueError as error:
        raise invalid(f"Unable to parse pipeline definition. {error}") from error
    if not isinstance(document, dict) or "Version" not in document or "Steps" not in document:
        raise invalid("Unable to parse pipeline definition. It must have a Version and Steps.")
    names = [step.get("Name") for step in document["Steps"] if isinstance(step, dict)]
    if len(set(names)) != len(names):
        raise invalid("Invalid pipeline definition. Step names must be unique.")
    return str(text)


def _downloaded(location: Request) -> str:
    arguments: dict[str, Any] = {"Bucket": location["Bucket"], "Key": location["ObjectKey"]}
    if "VersionId" in location:
        arguments["VersionId"] = location["VersionId"]
    try:
        return str(clients.of_account("s3").get_object(**arguments)["Body"].read().decode())
    except ClientError as error:
        at = f"s3://{location['Bucket']}/{location['ObjectKey']}"
        raise invalid(f"Unable to read the pipeline definition at {at}: {error}") from error
