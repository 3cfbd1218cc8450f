"""The domain in SageMaker."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

_GONE = ("ResourceNotFound", "ResourceNotFoundException", "ValidationException")
"""SageMaker says of tags of what is not there that the ARN is not valid."""


class StudioDomain:
    def __init__(self, sagemaker: Any, arn: str) -> None:
        self._sagemaker = sagemaker
        self._arn = arn

    def tag(self, key: str, value: str) -> None:
        self._sagemaker.add_tags(ResourceArn=self._arn, Tags=[{"Key": key, "Value": value}])

    def untag(self, key: str) -> None:
        try:
            self._sagemaker.delete_tags(ResourceArn=self._arn, TagKeys=[key])
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
