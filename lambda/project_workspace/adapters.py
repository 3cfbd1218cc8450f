"""A feature group in SageMaker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from project_workspace.ports import Definition, State

_GONE = ("ResourceNotFound", "ResourceNotFoundException")
_STACK_TAG = "clary:stack"
"""Which launch has made something, where tags of CloudFormation's are not."""


class SageMakerGroup:
    """`settings` are the stores, the role and the tags of the group, as CreateFeatureGroup takes them."""

    def __init__(self, sagemaker: Any, name: str, *, stack_id: str, settings: Mapping[str, Any]) -> None:
        self._sagemaker = sagemaker
        self._name = {"FeatureGroupName": name}
        self._stack_id = stack_id
        self._settings = settings

    def look(self) -> State | None:
        """With all of its features, which come in pages."""
        try:
            found = self._sagemaker.describe_feature_group(**self._name)
            features = list(found["FeatureDefinitions"])
            page = found
            while page.get("NextToken"):
                page = self._sagemaker.describe_feature_group(**self._name, NextToken=page["NextToken"])
                features += page["FeatureDefinitions"]
            ours = self._is_ours(found["FeatureGroupArn"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        last = found.get("LastUpdateStatus", {})
        return State(
            found["FeatureGroupStatus"],
            last.get("Status", "Successful"),
            Definition(
                found["RecordIdentifierFeatureName"],
                found["EventTimeFeatureName"],
                {each["FeatureName"]: each["FeatureType"] for each in features},
            ),
            ours,
            last.get("FailureReason") or found.get("FailureReason", ""),
        )

    def make(self, definition: Definition) -> None:
        tags = [*self._settings.get("Tags", []), {"Key": _STACK_TAG, "Value": self._stack_id}]
        self._sagemaker.create_feature_group(
            **self._name,
            **{
                **self._settings,
                "RecordIdentifierFeatureName": definition.identifier,
                "EventTimeFeatureName": definition.event_time,
                "FeatureDefinitions": _definitions(definition.features),
                "Tags": tags,
            },
        )

    def add(self, features: Mapping[str, str]) -> None:
        self._sagemaker.update_feature_group(**self._name, FeatureAdditions=_definitions(features))

    def remove(self) -> None:
        try:
            self._sagemaker.delete_feature_group(**self._name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise

    def _is_ours(self, arn: str) -> bool:
        pages = self._sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
        tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        return bool(tags.get(_STACK_TAG) == self._stack_id)


def _definitions(features: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"FeatureName": name, "FeatureType": type_} for name, type_ in features.items()]
