"""S3's buckets and objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import s3 as _s3

from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.request import account_id, region

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.s3": (
        "_bucket_tags",
        "_collect_list_entries",
        "_ensure_bucket",
        "_resolve_sse_write_headers",
    ),
}


_ENCRYPTION = "x-amz-server-side-encryption"
_ENCRYPTION_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def keep_objects_in(kind: type, keys_with: Callable[[Any, str], list[str]]) -> None:
    """Has each bucket's objects in a mapping of that kind, and asks it which keys begin with a prefix;
    ministack looks at every key of the bucket."""
    bucket_of, listed = _s3._ensure_bucket, _s3._collect_list_entries

    def bucket(name: str) -> Any:
        found = bucket_of(name)
        if found is not None and type(found["objects"]) is dict:  # a new one, or kept by an earlier server
            found["objects"] = kind(found["objects"])
        return found

    def entries(objects: Any, prefix: str, *more: Any) -> Any:
        return listed(keys_with(objects, prefix), prefix, *more)

    _s3._ensure_bucket = bucket
    _s3._collect_list_entries = entries


def set_bucket_tags(bucket: str, tags: Mapping[str, str]) -> None:
    """Gives a bucket these tags and no others, as PutBucketTagging and DeleteBucketTagging do."""
    if tags:
        _s3._bucket_tags[bucket] = dict(tags)
    else:
        _s3._bucket_tags.pop(bucket, None)


def mend_managed_key() -> None:
    """Encrypts an object with AWS's own key where a request asks for KMS and names no key.

    CDK's command line uploads assets so; ministack refuses it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (`SSEKMSKeyId`)
    """
    usual = _s3._resolve_sse_write_headers

    def resolve(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(_ENCRYPTION) == "aws:kms" and not headers.get(_ENCRYPTION_KEY):
            key = f"arn:aws:kms:{region()}:{account_id()}:alias/aws/s3"
            headers = {**headers, _ENCRYPTION_KEY: key}
        return usual(headers, bucket)

    _s3._resolve_sse_write_headers = resolve
