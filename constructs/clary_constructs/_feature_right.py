"""What it takes to work with features, and with clusters that somebody else runs."""

from __future__ import annotations

from collections.abc import Iterator

from clary_constructs._right import NO_RESOURCE, Position, Right
from clary_constructs._workspace import TEAM_TAG

READ_FEATURES = [
    "sagemaker:BatchGetRecord",
    "sagemaker:DescribeFeatureGroup",
    "sagemaker:DescribeFeatureMetadata",
    "sagemaker:GetRecord",
]
WRITE_FEATURES = ["sagemaker:DeleteRecord", "sagemaker:PutRecord", "sagemaker:UpdateFeatureMetadata"]
LIST_FEATURES = ["sagemaker:ListFeatureGroups"]
USE_CLUSTERS = [
    "elasticmapreduce:CreatePersistentAppUI",
    "elasticmapreduce:DescribeCluster",
    "elasticmapreduce:DescribePersistentAppUI",
    "elasticmapreduce:GetOnClusterAppUIPresignedURL",
    "elasticmapreduce:GetPersistentAppUIPresignedURL",
    "elasticmapreduce:ListInstanceGroups",
    "elasticmapreduce:ListInstances",
]
LIST_CLUSTERS = ["elasticmapreduce:DescribeSecurityConfiguration", "elasticmapreduce:ListClusters"]

ON_FEATURES = [*READ_FEATURES, *WRITE_FEATURES, *USE_CLUSTERS]
ON_NO_FEATURES = [*LIST_FEATURES, *LIST_CLUSTERS]


def read_features(position: Position) -> Iterator[Right]:
    yield Right("Data", READ_FEATURES, position.ours("feature-group"), wildcard_because=_why(position))
    yield Right("Data", LIST_FEATURES, ["*"], wildcard_because=NO_RESOURCE)


def write_features(position: Position) -> Iterator[Right]:
    yield Right("Data", WRITE_FEATURES, position.ours("feature-group"), wildcard_because=_why(position))


def use_features(position: Position) -> Right:
    """What a job needs of them."""
    actions = [*READ_FEATURES, *WRITE_FEATURES]
    return Right("Data", actions, position.ours("feature-group"), wildcard_because=_why(position))


def _why(position: Position) -> str:
    return f"feature groups of the team {position.workspace.name}, told by what their names begin with"


def connect_to_emr(position: Position) -> Iterator[Right]:
    """The clusters that carry the team's name as a tag; who runs them lets the team's network in.

    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-notebooks-emr-required-permissions.html
    """
    clusters = position.stack.format_arn(service="elasticmapreduce", resource="cluster", resource_name="*")
    ours = {"StringEquals": {f"aws:ResourceTag/{TEAM_TAG}": position.workspace.name}}
    yield Right("Data", USE_CLUSTERS, [clusters], ours, "EMR makes up the ids of clusters: a tag tells whose")
    yield Right(
        "Data", LIST_CLUSTERS, ["*"], wildcard_because="EMR's lists and security configurations have no ARN"
    )
