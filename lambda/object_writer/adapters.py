"""The bucket in S3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError


class S3Bucket:
    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self._name = name

    def put(self, key: str, text: str, tags: Mapping[str, str]) -> None:
        tagged = {"Tagging": urlencode(tags)} if tags else {}
        self._s3.put_object(
            Bucket=self._name,
            Key=key,
            Body=text.encode(),
            ContentType="text/plain; charset=utf-8",
            **tagged,
        )

    def remove(self, key: str) -> None:
        """What was there before stays a noncurrent version. A bucket that is gone has no objects."""
        try:
            self._s3.delete_object(Bucket=self._name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
