"""The user profiles in SageMaker."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from studio_settings.ports import Profile, Settings


class DomainProfiles:
    def __init__(self, sagemaker: Any, domain_id: str) -> None:
        self._sagemaker = sagemaker
        self._domain_id = domain_id

    def look_at(self, name: str) -> Profile | None:
        try:
            found = self._sagemaker.describe_user_profile(DomainId=self._domain_id, UserProfileName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceNotFound", "ResourceNotFoundException"):
                return None
            raise
        return Profile(found["Status"], found.get("UserSettings", {}), found.get("FailureReason", ""))

    def update(self, name: str, settings: Settings) -> None:
        self._sagemaker.update_user_profile(
            DomainId=self._domain_id, UserProfileName=name, UserSettings=dict(settings)
        )
