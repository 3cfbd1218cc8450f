"""What one resource says of another: that it must be there, or that it is in the way."""

from __future__ import annotations

from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import resources, states
from local_aws.sagemaker.families import families
from local_aws.store import Key, Record


def require(family: str, key: Key, *, validation: bool = False) -> Record:
    """The resource; refuses, as ResourceNotFound or as a validation error, when there is none."""
    record = resources.get(family, key)
    if record is None:
        error = resources.missing(families()[family], key)
        raise invalid(error.message) if validation else error
    return record


def require_ready(family: str, key: Key) -> Record:
    """The resource, which must be ready for use."""
    record = require(family, key)
    known = families()[family]
    cycle = states.cycle(known)
    if cycle is not None and record[cycle.member] not in (cycle.ready, cycle.updated):
        raise ServiceError(
            "ResourceInUse", f"{family} [{record[known.arn_member]}] is in status {record[cycle.member]}."
        )
    return record


def in_the_way(family: str, record: Record, what: str) -> ServiceError:
    """The refusal to delete what others are associated with; SageMaker's own words."""
    arn = record[families()[family].arn_member]
    return ServiceError(
        "ResourceInUse", f"Unable to delete {family} [{arn}] because {what}(s) are associated with it."
    )
