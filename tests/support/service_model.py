"""Requests that a service model allows, made from the model."""

from __future__ import annotations

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from local_aws import request_validation as validation
from local_aws.sagemaker.errors import ServiceError
from local_aws.sagemaker.families import Family, operation

_TEXTS = (
    "a-name",
    "arn:aws:iam::123456789012:role/worker",
    "s3://bucket/key",
    "1",
    "name@example.com",
    "https://example.com/x",
    "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/team",
    "subnet-1234",
    "sg-1234",
    "x" * 40,
)


def create_request(family: Family) -> dict[str, Any]:
    """The smallest request that creates a resource of the family, with a name."""
    return request(f"Create{family.name}", *family.accepted.intersection(family.key))


def request(name: str, *members: str) -> dict[str, Any]:
    """The smallest request of an operation that has these members, too."""
    model = operation(name)
    assert model is not None
    shape = model.input_shape
    assert isinstance(shape, StructureShape)
    return {member: _value(shape.members[member]) for member in {*shape.required_members, *members}}


def _value(shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        return {member: _value(shape.members[member]) for member in shape.required_members}
    if isinstance(shape, ListShape):
        return [_value(shape.member)] * max(1, int(shape.metadata.get("min", 1)))
    if isinstance(shape, MapShape):
        return {}
    if isinstance(shape, StringShape):
        return shape.enum[0] if shape.enum else next(text for text in _TEXTS if _allows(shape, text))
    return {"boolean": True, "timestamp": 1.0}.get(shape.type_name, max(1, shape.metadata.get("min", 1)))


def _allows(shape: StringShape, text: str) -> bool:
    try:
        validation.check(shape, text)  # type: ignore[arg-type]  # a text is what this shape describes
    except ServiceError:
        return False
    return True
