"""A feature group in SageMaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from feature_settings.ports import Collection, State


class SageMakerGroup:
    def __init__(self, sagemaker: Any, name: str) -> None:
        self._sagemaker = sagemaker
        self._name = name

    def look(self) -> State | None:
        found = self._described()
        if found is None:
            return None
        last = found.get("LastUpdateStatus", {})
        return State(
            found["FeatureGroupStatus"],
            last.get("Status", "Successful"),
            {each["FeatureName"]: _collection(each) for each in found["FeatureDefinitions"]},
            last.get("FailureReason") or found.get("FailureReason", ""),
        )

    def add(self, collections: Sequence[Collection]) -> None:
        self._sagemaker.update_feature_group(
            FeatureGroupName=self._name,
            FeatureAdditions=[
                {
                    "FeatureName": each.name,
                    "FeatureType": each.type,
                    "CollectionType": each.kind,
                    **(
                        {"CollectionConfig": {"VectorConfig": {"Dimension": each.dimension}}}
                        if each.dimension is not None
                        else {}
                    ),
                }
                for each in collections
            ],
        )

    def tag(self, tags: Mapping[str, str]) -> None:
        self._sagemaker.add_tags(
            ResourceArn=self._arn(), Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        )

    def untag(self, names: Sequence[str]) -> None:
        self._sagemaker.delete_tags(ResourceArn=self._arn(), TagKeys=list(names))

    def _arn(self) -> str:
        found = self._described()
        assert found is not None
        return str(found["FeatureGroupArn"])

    def _described(self) -> dict[str, Any] | None:
        """With all of its features, which come in pages."""
        try:
            found: dict[str, Any] = self._sagemaker.describe_feature_group(FeatureGroupName=self._name)
            token = found.get("NextToken")
            while token:
                more = self._sagemaker.describe_feature_group(FeatureGroupName=self._name, NextToken=token)
                found["FeatureDefinitions"] += more["FeatureDefinitions"]
                token = more.get("NextToken")
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceNotFound", "ResourceNotFoundException"):
                return None
            raise
        return found


def _collection(definition: Mapping[str, Any]) -> Collection | None:
    if definition.get("CollectionType") is None:
        return None
    vector = definition.get("CollectionConfig", {}).get("VectorConfig", {})
    return Collection(
        definition["FeatureName"],
        definition["FeatureType"],
        definition["CollectionType"],
        vector.get("Dimension"),
    )
