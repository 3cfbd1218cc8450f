"""Keys, and what is encrypted with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import kms as _kms
from ministack.services import s3 as _s3

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.kms": ("_grants", "_resolve_key"),
    "ministack.services.s3": ("_buckets", "_resolve_sse_write_headers", "_stored_sse_headers"),
}


def kms_key(identifier: str) -> dict[str, Any] | None:
    """The key of an identifier, an ARN or an alias, with its `Arn` and its grants as `Grants`."""
    found = _kms._resolve_key(identifier)
    if found is None:
        return None
    grants = [grant for grant in _kms._grants.values() if grant["KeyId"] == found["Arn"]]
    return {**found, "Grants": grants}


def s3_encryption_of(bucket: str, key: str) -> Mapping[str, str]:
    """The encryption headers of an object as it is kept; none of one that is not there."""
    objects = (_s3._buckets.get(bucket) or {}).get("objects", {})
    found: Mapping[str, str] = _s3._stored_sse_headers(objects[key]) if key in objects else {}
    return found


def s3_encryption_for(headers: Mapping[str, str], bucket: str) -> Mapping[str, str]:
    """The encryption headers that a new object gets, by its request or by its bucket."""
    found, _ = _s3._resolve_sse_write_headers(dict(headers), bucket)
    return found or {}
