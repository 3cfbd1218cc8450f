"""What a resource family does beyond being remembered: the base, and where behaviours are found.

To add a family's behaviour, write `behaviours/<family>.py` with a subclass of `Behaviour` and name it
in `behaviours/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.store import Record

Request = Mapping[str, Any]


class Behaviour:
    """A resource that is there as soon as it is created, and does nothing: the default of every family.

    Called on worker threads, with the request's account and region in place. Refusals are
    `ServiceError`s. A method that starts something must return at once.
    """

    def check(self, request: Request) -> None:
        """Refuses what cannot be created."""

    def prepare(self, record: Record) -> None:
        """Adds what the service makes up: identifiers that are not given, a first status."""

    def created(self, record: Record) -> None:
        """Starts what the resource does."""

    def resume(self, record: Record) -> None:
        """Goes on with what a server that is gone was doing for the resource, or had running."""

    def check_update(self, record: Record, request: Request) -> None:
        """Refuses what cannot be changed."""

    def update(self, record: Record, request: Request) -> None:
        """Changes the record; `request` carries no key members."""
        record.update(request)

    def check_deletion(self, record: Record) -> None:
        """Refuses what cannot be deleted."""

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - for those who override it
        """Ends what the resource does. False when that takes time: the behaviour then removes the
        record itself."""
        return True

    def stop(self, record: Record) -> None:
        """For families with a Stop operation."""
        raise NotImplementedError

    def settle(self, record: Record) -> str | None:  # noqa: ARG002 - for those who override it
        """Waits until the resource has become what was asked for, as CloudFormation does.

        Returns why it has not, or None.
        """
        return None
