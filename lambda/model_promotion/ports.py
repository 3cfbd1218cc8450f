"""What the rules need of SageMaker, in their own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

Request = Mapping[str, Any]
"""Members of one of SageMaker's requests."""


class Endpoint(NamedTuple):
    """How the endpoint is now."""

    status: str
    configuration: str
    failure: str = ""


class Registry(Protocol):
    """A model package group."""

    def approved(self) -> str | None:
        """The ARN of the latest version that is approved, if there is one."""
        ...

    def empty(self) -> None:
        """Deletes every version."""
        ...


class Hosting(Protocol):
    """An endpoint, and the models and configurations that are made for it."""

    def look(self) -> Endpoint | None: ...

    def has_model(self, name: str) -> bool: ...

    def has_configuration(self, name: str) -> bool: ...

    def models(self) -> list[str]:
        """All that were made for the endpoint."""
        ...

    def configurations(self) -> Mapping[str, str]:
        """The same, with the model of each."""
        ...

    def create_model(self, name: str, request: Request) -> None: ...

    def create_configuration(self, name: str, request: Request) -> None: ...

    def create(self, configuration: str, deployment: Request | None) -> None: ...

    def update(self, configuration: str, deployment: Request | None) -> None: ...

    def delete(self) -> None: ...

    def delete_model(self, name: str) -> None: ...

    def delete_configuration(self, name: str) -> None: ...
