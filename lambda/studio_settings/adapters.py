"""The user profiles in SageMaker, and the lifecycle configurations that they name."""

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


class LifecycleConfigs:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateStudioLifecycleConfig.html"""

    def __init__(self, sagemaker: Any) -> None:
        self._sagemaker = sagemaker

    def make(self, name: str, application: str, content: str) -> str:
        """The ARN of the configuration, which may be there already: its name says what is in it."""
        try:
            made = self._sagemaker.create_studio_lifecycle_config(
                StudioLifecycleConfigName=name,
                StudioLifecycleConfigAppType=application,
                StudioLifecycleConfigContent=content,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise
            made = self._sagemaker.describe_studio_lifecycle_config(StudioLifecycleConfigName=name)
        return str(made["StudioLifecycleConfigArn"])

    def delete(self, name: str) -> bool:
        """Whether it is gone; not as long as somebody's settings name it, or an app runs it."""
        try:
            self._sagemaker.delete_studio_lifecycle_config(StudioLifecycleConfigName=name)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in ("ResourceInUse", "ResourceNotFound"):
                raise
            return bool(code == "ResourceNotFound")
        return True
