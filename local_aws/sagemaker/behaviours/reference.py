"""What one resource says of another: that it must be there."""

from __future__ import annotations

from local_aws import hooks
from local_aws.sagemaker.errors import ServiceError, invalid
from local_aws.sagemaker.families import families
from local_aws.store import STORE, Key, Record


def require(family: str, key: Key, *, validation: bool = False) -> Record:
    """The resource; refuses, as ResourceNotFound or as a validation error, when there is none."""
    record = STORE.get(family, key)
    if record is None:
        known = families()[family]
        message = f'Could not find {known.words} "{known.arn(key, hooks.account_id(), hooks.region())}".'
        raise invalid(message) if validation else ServiceError("ResourceNotFound", message)
    return record
