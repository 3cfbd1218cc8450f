"""A custom resource that stands for what a feature group has beyond CloudFormation's type.

Creating and updating adds collections and sets tags; CloudFormation rolls back by sending the old tags, and
collections stay, because SageMaker removes none. Deleting does nothing: the group goes by itself, or stays
with what it has. Sending twice is harmless.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3

from feature_settings.adapters import SageMakerGroup
from feature_settings.ports import Collection
from feature_settings.rules import settle
from runtime_common.custom_resource import Answer, answering
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
    wanted, former = event["ResourceProperties"], event.get("OldResourceProperties", {})
    name = wanted["FeatureGroupName"]

    if event["RequestType"] != "Delete":
        added = settle(
            SageMakerGroup(_sagemaker(), name),
            [_collection(each) for each in wanted.get("Collections", [])],
            wanted.get("Tags", {}),
            former.get("Tags", {}),
            time_is_up=less_than(_SECONDS_TO_ANSWER, context),
            pause=growing_pause(_LONGEST_SECONDS_BETWEEN_LOOKS),
        )
        print(json.dumps({"group": name, "added": added}))
    return Answer(physical_id=f"settings-of-{name}")


def _collection(said: Mapping[str, Any]) -> Collection:
    """CloudFormation hands numbers over as text."""
    dimension = said.get("Dimension")
    return Collection(
        said["FeatureName"],
        said["FeatureType"],
        said["CollectionType"],
        None if dimension is None else int(dimension),
    )
