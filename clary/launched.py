"""The models that people have launched, and that the API leads to: those that SageMaker has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clary.environment.catalog import ROUTE_TAG, marks, teams_with_routes
from clary.target import Target


@dataclass(frozen=True)
class LaunchedModel:
    content_type: str
    status: str
    """Its endpoint's."""


def launched_models(target: Target) -> Mapping[str, LaunchedModel]:
    """By name."""
    environment, found = target.environment, {}
    for team in teams_with_routes(environment.catalog):
        sagemaker = target.client("sagemaker")
        for page in sagemaker.get_paginator("list_endpoints").paginate(NameContains=f"{team}--"):
            for each in page["Endpoints"]:
                name = each["EndpointName"]
                if not name.startswith(f"{team}--"):
                    continue
                pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=each["EndpointArn"])
                tags = {tag["Key"]: tag["Value"] for of_page in pages for tag in of_page["Tags"]}
                if marks(environment, team).items() <= tags.items() and ROUTE_TAG in tags:
                    found[name] = LaunchedModel(tags[ROUTE_TAG], each["EndpointStatus"])
    return dict(sorted(found.items()))
