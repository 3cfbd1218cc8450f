"""What the rules need of Studio, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

Settings = Mapping[str, Any]
"""A part of SageMaker's `UserSettings`:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UserSettings.html"""


class Profile(NamedTuple):
    """How a user profile is now."""

    status: str
    settings: Settings
    failure: str = ""


class Profiles(Protocol):
    """The user profiles of a domain."""

    def look_at(self, name: str) -> Profile | None:
        """The profile, or None where there is none."""
        ...

    def update(self, name: str, settings: Settings) -> None:
        """Asks for settings. What they do not mention stays as it is."""
        ...
