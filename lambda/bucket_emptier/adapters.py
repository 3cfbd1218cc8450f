"""The bucket in S3."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from bucket_emptier.rules import Version


class S3Bucket:
    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self._name = name

    def some_versions(self) -> list[Version]:
        try:
            page = self._s3.list_object_versions(Bucket=self._name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return []
            raise
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        return [Version(entry["Key"], entry["VersionId"]) for entry in found]

    def delete(self, versions: list[Version]) -> None:
        """Raises RuntimeError for the first one that S3 would not delete: trying forever would not help."""
        answer = self._s3.delete_objects(
            Bucket=self._name,
            Delete={"Quiet": True, "Objects": [{"Key": v.key, "VersionId": v.version_id} for v in versions]},
        )
        for error in answer.get("Errors", []):
            raise RuntimeError(f"S3 would not delete '{error['Key']}': {error['Code']} {error['Message']}")
