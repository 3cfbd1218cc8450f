"""What CloudFormation cannot say of a feature group, or would replace it for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aws_cdk import ArnFormat, CustomResource, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._feature_group import FeatureGroup
from clary_constructs._feature_type import FeatureType
from constructs import Construct

CollectionKind = Literal["List", "Set", "Vector"]


@dataclass(frozen=True)
class CollectionFeature:
    """A feature that has several values at once."""

    name: str
    type: FeatureType
    kind: CollectionKind
    dimension: int | None = None
    """Of a vector."""


class FeatureSettings(Construct):
    """Adds collections to feature groups, and tags that may change.

    CloudFormation's type knows no collections, and replaces a group for another tag
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-featuregroup.html).
    SageMaker's own UpdateFeatureGroup and AddTags do both in place. The function (`code` holds
    `feature_settings.handler.handler`) may do so to the groups whose names begin with `name_prefixes`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        name_prefixes: Sequence[str],
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        function, self._policy = cleanup_function(
            self,
            code=code,
            handler="feature_settings.handler.handler",
            description="Adds collections and tags to feature groups",
            allowed="Updates the feature groups of one environment",
            encryption_key=encryption_key,
            reaches="SageMaker",
        )
        self._service_token = function.function_arn
        self._policy.allow(
            [
                "sagemaker:AddTags",
                "sagemaker:DeleteTags",
                "sagemaker:DescribeFeatureGroup",
                "sagemaker:UpdateFeatureGroup",
            ],
            [
                Stack.of(self).format_arn(
                    service="sagemaker",
                    resource="feature-group",
                    resource_name=f"{prefix}*",
                    arn_format=ArnFormat.SLASH_RESOURCE_NAME,
                )
                for prefix in name_prefixes
            ],
            wildcard_because="feature groups are told by what their names begin with",
        )

    def send(
        self, group: FeatureGroup, *, collections: Sequence[CollectionFeature], tags: Mapping[str, str]
    ) -> None:
        sent = CustomResource(
            group,
            "Settings",
            resource_type="Custom::FeatureSettings",
            service_token=self._service_token,
            properties={
                "FeatureGroupName": group.name,
                "Collections": [
                    _definition(each) for each in sorted(collections, key=lambda each: each.name)
                ],
                "Tags": dict(sorted(tags.items())),
            },
        )
        sent.node.add_dependency(self._policy, group.resource)


def _definition(collection: CollectionFeature) -> dict[str, object]:
    said: dict[str, object] = {
        "FeatureName": collection.name,
        "FeatureType": collection.type,
        "CollectionType": collection.kind,
    }
    if collection.dimension is not None:
        said["Dimension"] = collection.dimension
    return said
