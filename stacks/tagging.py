"""Tags, by which costs find whom they belong to."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk

from constructs import IConstruct

# A lifecycle configuration and a monitor's job definition are named for their content, and a tag cannot
# change in place: the successor would have the same name. The Studio domain, profiles and spaces have tags
# that never change, and no others: a replaced one loses a home directory (`docs/decisions/0008`). A feature
# group gets its tags from the function that changes it in place.
_TAGGED_BY_NOBODY_ELSE = [
    "AWS::SageMaker::DataQualityJobDefinition",
    "AWS::SageMaker::Domain",
    "AWS::SageMaker::FeatureGroup",
    "AWS::SageMaker::ModelBiasJobDefinition",
    "AWS::SageMaker::ModelExplainabilityJobDefinition",
    "AWS::SageMaker::ModelQualityJobDefinition",
    "AWS::SageMaker::Space",
    "AWS::SageMaker::StudioLifecycleConfig",
    "AWS::SageMaker::UserProfile",
]


def tag(scope: IConstruct, tags: Mapping[str, str]) -> None:
    """Puts tags on all that is below `scope`, and can bear that they change."""
    for key, value in tags.items():
        cdk.Tags.of(scope).add(key, value, exclude_resource_types=_TAGGED_BY_NOBODY_ELSE)
