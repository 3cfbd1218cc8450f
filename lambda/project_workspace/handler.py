"""A custom resource that stands for a project's workspace: it has one name, and may have a feature group.

Creating makes the group, updating adds features to it and refuses another name, deleting removes it: what
of it is retained says the template. Whatever is sent twice is done once; a group that another stack has made
is left alone. The answer has the place for files, for an output to tell: what a template writes as a
reference to a parameter of Systems Manager is known to CloudFormation where it makes a resource.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3

from project_workspace.adapters import SageMakerGroup
from project_workspace.rules import definition, keep, remove
from runtime_common.custom_resource import Answer, answering
from runtime_common.one_name import one_name
from runtime_common.pause import growing_pause
from runtime_common.time_left import less_than

_SECONDS_TO_ANSWER = 30
_LONGEST_SECONDS_BETWEEN_LOOKS = 5


@cache
def _sagemaker() -> Any:
    return boto3.client("sagemaker")


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answers CloudFormation, also when it fails: a silent function keeps a stack waiting for an hour."""
    answering(event, lambda: _done(event, context))


def _done(event: Mapping[str, Any], context: Any) -> Answer:
    wanted, name = event["ResourceProperties"], event["ResourceProperties"]["ProjectName"]
    if event["RequestType"] == "Delete":
        _remove(event, context)
        return Answer(physical_id=event["PhysicalResourceId"])
    physical_id = one_name(
        "project",
        name,
        known=event.get("PhysicalResourceId") if event["RequestType"] == "Update" else None,
        holds="all that it has",
    )
    if "Group" in wanted:
        said = definition(wanted["Identifier"], wanted["EventTime"], wanted["Features"])
        added = keep(_group(event), said, **_patience(context))
        print(json.dumps({"group": name, "added": list(added)}))
    return Answer(physical_id=physical_id, data={"Files": wanted["Files"]})


def _remove(event: Mapping[str, Any], context: Any) -> None:
    if "Group" in event["ResourceProperties"]:
        removed = remove(_group(event), **_patience(context))
        print(json.dumps({"group": event["ResourceProperties"]["ProjectName"], "removed": removed}))


def _group(event: Mapping[str, Any]) -> SageMakerGroup:
    """CloudFormation hands numbers and truths over as text: the group's settings are text that holds them."""
    wanted = event["ResourceProperties"]
    return SageMakerGroup(
        _sagemaker(),
        wanted["ProjectName"],
        stack_id=event["StackId"],
        settings=json.loads(wanted["Group"]),
    )


def _patience(context: Any) -> dict[str, Any]:
    return {
        "time_is_up": less_than(_SECONDS_TO_ANSWER, context),
        "pause": growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS),
    }
