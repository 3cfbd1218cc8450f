"""Requests that a service model allows, made from the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from local_aws import request_validation
from local_aws.errors import ServiceError
from local_aws.sagemaker.families import Family, families, operation

_TEXTS = (
    "a-name",
    "arn:aws:iam::123456789012:role/worker",
    "s3://bucket/key",
    "1",
    "name@example.com",
    "https://example.com/x",
    "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/team",
    "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefghijkl",
    "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-ABCDEFGHIJKL",
    "d-abcdefghijkl",
    "abcdefghijkl",
    "1.0.0",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:tag",
    "arn:aws:sagemaker:us-east-1:123456789012:training-plan/plan",
    "arn:aws:sagemaker:us-east-1:123456789012:model-package/group/1",
    "subnet-1234",
    "sg-1234",
    "x" * 40,
)

_STORES: Mapping[str, Any] = {"OnlineStoreConfig": {"EnableOnlineStore": True}}
PARENTS: Mapping[str, tuple[str, ...]] = {
    "App": ("Domain", "UserProfile"),
    "ImageVersion": ("Image",),
    "Space": ("Domain",),
    "Trial": ("Experiment",),
    "UserProfile": ("Domain",),
}
"""What must be there before a resource of a family: requests name it `a-name`, as they name all."""

_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "AIRecommendationJob": {"OutputConfig": {"S3OutputLocation": "s3://bucket/key"}},
    "App": {"UserProfileName": "a-name", "AppType": "KernelGateway"},
    "AutoMLJobV2": {
        "AutoMLJobName": "another-name",
        "AutoMLProblemTypeConfig": {"TabularJobConfig": {"TargetAttributeName": "target"}},
    },
    "CompilationJob": {
        "InputConfig": {"S3Uri": "s3://bucket/key", "Framework": "TENSORFLOW"},
    },
    "FeatureGroup": {
        "FeatureDefinitions": [
            {"FeatureName": "id", "FeatureType": "String"},
            {"FeatureName": "time", "FeatureType": "Fractional"},
        ],
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "time",
        **_STORES,
    },
    "ModelPackage": {"ModelPackageName": "a-name"},
    "Pipeline": {"PipelineDefinition": json.dumps({"Version": "2020-12-01", "Steps": []})},
}
"""What a request must have beyond what its model requires."""
_BATCH_INPUT = {
    "DataCapturedDestinationS3Uri": "s3://bucket/captured",
    "DatasetFormat": {"Csv": {"Header": False}},
    "LocalPath": "/opt/ml/processing/input",
}
_ENDPOINT_INPUT = {"EndpointName": "a-name", "LocalPath": "/opt/ml/processing/input"}


def create_request(family: Family) -> dict[str, Any]:
    """The smallest request that creates a resource of the family, with a name."""
    made = request(f"Create{family.name}", *family.accepted.intersection(family.key))
    if family.name == "MonitoringSchedule":
        shape: Any = operation("CreateMonitoringSchedule")
        config = shape.input_shape.members["MonitoringScheduleConfig"]
        made["MonitoringScheduleConfig"] = {
            "MonitoringJobDefinition": {
                **_value(config.members["MonitoringJobDefinition"]),
                "MonitoringInputs": [{"BatchTransformInput": _BATCH_INPUT}],
            }
        }
    if family.name.endswith("JobDefinition"):
        kind = family.name.removesuffix("JobDefinition")
        made[f"{kind}JobInput"] = {
            **made[f"{kind}JobInput"],
            "EndpointInput": _ENDPOINT_INPUT,
        }
    return made | dict(_EXAMPLES.get(family.name, {}))


def request(name: str, *members: str, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The smallest request of an operation that has these members, too, and what is known of others."""
    model = operation(name)
    assert model is not None
    shape = model.input_shape
    assert isinstance(shape, StructureShape)
    given = {member: value for member, value in (known or {}).items() if member in shape.members}
    wanted = {*shape.required_members, *members} - given.keys()
    return {member: _value(shape.members[member]) for member in wanted} | given


def missing(shape: Shape | None, answer: Any, path: str = "") -> Iterator[str]:
    """The members that an answer must have by its model, and has not."""
    if isinstance(shape, StructureShape):
        yield from (f"{path}.{name}" for name in shape.required_members if name not in answer)
        for name, value in answer.items():
            if name in shape.members:
                yield from missing(shape.members[name], value, f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for value in answer:
            yield from missing(shape.member, value, path)


def creatable(*without: str) -> list[str]:
    """The families that can be created, parents before what is in them."""
    return [name for name in sorted(families()) if name not in without]


def _value(shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        one = [next(iter(shape.members))] if shape.is_tagged_union else shape.required_members
        return {member: _value(shape.members[member]) for member in one}
    if isinstance(shape, ListShape):
        return [_value(shape.member)] * max(1, int(shape.metadata.get("min", 1)))
    if isinstance(shape, MapShape):
        return {}
    if isinstance(shape, StringShape):
        return shape.enum[0] if shape.enum else next(text for text in _TEXTS if _allows(shape, text))
    return {"boolean": True, "timestamp": 1.0}.get(shape.type_name, max(1, shape.metadata.get("min", 1)))


def _allows(shape: StringShape, text: str) -> bool:
    try:
        request_validation.check(shape, text)  # type: ignore[arg-type]  # a text is what this shape describes
    except ServiceError:
        return False
    return True
