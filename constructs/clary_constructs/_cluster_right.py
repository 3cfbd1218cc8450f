"""What it takes to work on clusters of EMR's from Studio."""

from __future__ import annotations

from collections.abc import Iterator

from clary_constructs._catalog_right import launch_from_studio
from clary_constructs._right import Position, Right
from clary_constructs._workspace import TEAM_TAG

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


def connect_to_emr(position: Position) -> Iterator[Right]:
    """The clusters that carry the team's name as a tag. Who runs them lets the team's apps in.

    Where the team offers clusters, they are launched in Studio, too, by whoever is a principal.

    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-notebooks-emr-required-permissions.html
    """
    clusters = position.stack.format_arn(service="elasticmapreduce", resource="cluster", resource_name="*")
    ours = {"StringEquals": {f"aws:ResourceTag/{TEAM_TAG}": position.workspace.name}}
    yield Right("Data", USE_CLUSTERS, [clusters], ours, "EMR makes up the ids of clusters: a tag tells whose")
    yield Right(
        "Data", LIST_CLUSTERS, ["*"], wildcard_because="EMR's lists and security configurations have no ARN"
    )
    if position.workspace.offers_clusters:
        yield from launch_from_studio(position)
