"""What an answer looks like: the members that the model says, from a record that may call them otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_aws.sagemaker.families import Family
from local_aws.store import Record

_SAME = {
    "CreateDate": "CreationTime",
    "CreatedAt": "CreationTime",
    "JobSecondaryStatus": "SecondaryStatus",
    "LastModifiedAt": "LastModifiedTime",
    "LastUpdatedDate": "LastModifiedTime",
    "MonitoringJobDefinitionArn": "JobDefinitionArn",
    "MonitoringJobDefinitionName": "JobDefinitionName",
}
"""Members that are called differently in some families, and what records call them."""


def of_record(record: Record, shape: Shape | None, family: Family) -> dict[str, Any]:
    """A resource as an answer shows it, complete by the model."""
    if not isinstance(shape, StructureShape):
        return {}
    found = {}
    for member in shape.members:
        source = _source(record, member, family)
        if source is not None:
            found[member] = record[source]
        elif member in shape.required_members:
            inside = next(values_of(record, member), None)
            if inside is not None:
                found[member] = inside
    complete: dict[str, Any] = fitted(found, shape)
    return complete


def _source(record: Record, member: str, family: Family) -> str | None:
    others = {
        "Arn": family.arn_member,
        "Name": f"{family.name}Name",
        "Status": family.status_member,
        f"{family.name}Status": "Status",
        f"{family.name}Arn": family.arn_member,
        f"{family.name}Name": "Name",
    }
    for candidate in (member, others.get(member), _SAME.get(member)):
        if candidate in record:
            return candidate
    return None


def values_of(value: Any, member: str) -> Iterator[Any]:
    """Every value of a member of that name, however deep it is."""
    if isinstance(value, Mapping):
        for name, inside in value.items():
            if name == member:
                yield inside
            elif name != "Tags":
                yield from values_of(inside, member)
    elif isinstance(value, list):
        for inside in value:
            yield from values_of(inside, member)


def fitted(value: Any, shape: Shape | None) -> Any:
    """A value without the members that its shape has not got, and with those that it must have."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        found = {
            name: fitted(inside, shape.members[name])
            for name, inside in value.items()
            if name in shape.members and inside is not None
        }
        for name in shape.required_members:
            if name not in found:
                found[name] = _empty(shape.members[name])
        return found
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [fitted(inside, shape.member) for inside in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: fitted(inside, shape.value) for name, inside in value.items()}
    return value if shape is not None else {}


def _empty(shape: Shape) -> Any:
    """What must be there and is not: nothing of it, in the form that the model wants."""
    if isinstance(shape, StructureShape):
        return {member: _empty(shape.members[member]) for member in shape.required_members}
    kinds: dict[str, Any] = {"list": [], "map": {}, "string": "", "boolean": False, "timestamp": time.time()}
    return kinds.get(shape.type_name, 0)
