"""What people say of a single feature: a description, and parameters.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateFeatureMetadata.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.errors import ServiceError
from local_aws.sagemaker import resources
from local_aws.sagemaker.behaviours.reference import require
from local_aws.store import Record

Request = Mapping[str, Any]


def describe(request: Request) -> dict[str, Any]:
    return _described(*_feature(request))


def update(request: Request) -> dict[str, Any]:
    found, feature = _feature(request)
    kept = found.setdefault("_features", {}).setdefault(feature["FeatureName"], {})
    kept["LastModifiedTime"] = time.time()
    if "Description" in request:
        kept["Description"] = request["Description"]
    parameters = {one["Key"]: one for one in kept.get("Parameters", ())}
    parameters |= {one["Key"]: one for one in request.get("ParameterAdditions", ())}
    removed = request.get("ParameterRemovals", ())
    kept["Parameters"] = [one for key, one in parameters.items() if key not in removed]
    return {}


def every() -> Iterator[dict[str, Any]]:
    """Of all features of all groups."""
    for found in resources.every("FeatureGroup"):
        for feature in found["FeatureDefinitions"]:
            yield _described(found, feature)


def _described(found: Record, feature: Mapping[str, Any]) -> dict[str, Any]:
    kept = found.get("_features", {}).get(feature["FeatureName"], {})
    return {
        "FeatureGroupArn": found["FeatureGroupArn"],
        "FeatureGroupName": found["FeatureGroupName"],
        "FeatureName": feature["FeatureName"],
        "FeatureType": feature["FeatureType"],
        "CreationTime": found["CreationTime"],
        "LastModifiedTime": kept.get("LastModifiedTime", found["LastModifiedTime"]),
        **{name: kept[name] for name in ("Description", "Parameters") if name in kept},
    }


def _feature(request: Request) -> tuple[Record, Mapping[str, Any]]:
    found = require("FeatureGroup", (request["FeatureGroupName"].rpartition("/")[2],))
    for feature in found["FeatureDefinitions"]:
        if feature["FeatureName"] == request["FeatureName"]:
            return found, feature
    raise ServiceError(
        "ResourceNotFound",
        f"Feature {request['FeatureName']} does not exist in feature group {found['FeatureGroupName']}.",
    )
