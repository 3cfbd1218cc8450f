"""What a resource family does beyond being remembered: the base, and where behaviours are found.

To add a family's behaviour, write `behaviours/<family>.py` with a subclass of `Behaviour` and name it
in `behaviours/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.store import Key, Record

Request = Mapping[str, Any]


class Behaviour:
    """A resource that does nothing: the default of every family.

    Where its family has states, it goes through them by itself (`states`), unless `prepare` sets one:
    then the behaviour looks after them.

    Called on worker threads, with the request's account and region in place. Refusals are
    `ServiceError`s. A method that starts something must return at once.
    """

    def key(self, members: Request) -> Key | None:  # noqa: ARG002 - for those who override it
        """What tells one resource from another, where it is not the members that describe it needs."""
        return None

    def locate(self, request: Request) -> Record | None:  # noqa: ARG002 - for those who override it
        """The resource that a request means, where its key or its ARN does not say."""
        return None

    def check(self, request: Request) -> None:
        """Refuses what cannot be created."""

    def prepare(self, record: Record) -> None:
        """Adds what the service makes up: identifiers that are not given, a first status."""

    def created(self, record: Record) -> None:
        """Starts what the resource does."""

    def failure(self, record: Record) -> str | None:  # noqa: ARG002 - for those who override it
        """Why the resource fails instead of becoming ready; None when it does not."""
        return None

    def resume(self, record: Record) -> None:
        """Goes on with what a server that is gone was doing for the resource, or had running."""

    def check_update(self, record: Record, request: Request) -> None:
        """Refuses what cannot be changed."""

    def update(self, record: Record, request: Request) -> None:
        """Changes the record; `request` carries no key members."""
        merge(record, request)

    def check_deletion(self, record: Record) -> None:
        """Refuses what cannot be deleted."""

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - for those who override it
        """Ends what the resource does. False when that takes time: the behaviour then removes the
        record itself."""
        return True

    def stop(self, record: Record) -> None:
        """For families with a Stop operation."""
        raise NotImplementedError

    def start(self, record: Record) -> None:
        """For families with a Start operation."""
        raise NotImplementedError

    def settle(self, record: Record) -> str | None:  # noqa: ARG002 - for those who override it
        """Waits until the resource has become what was asked for, as CloudFormation does.

        Returns why it has not, or None. Only asked of behaviours that look after their states.
        """
        return None


_REMOVALS = ("ToRemove", "ToDelete")


def merge_within(record: Record, request: Request) -> None:
    """Members of structures replace those of their name, too; what is not mentioned stays, and an empty
    list is a list: so UpdateDomain and UpdateUserProfile take settings.

    https://github.com/hashicorp/terraform-provider-aws/issues/43127,
    https://github.com/hashicorp/terraform-provider-aws/pull/35505
    """
    for member, value in request.items():
        record[member] = _within(record.get(member), value)


def _within(kept: Any, value: Any) -> Any:
    if not isinstance(kept, dict) or not isinstance(value, Mapping):
        return value
    return {**kept, **{name: _within(kept.get(name), one) for name, one in value.items()}}


def merge(record: Record, request: Request) -> None:
    """Members replace those of their name; `PropertiesToRemove` takes names out of `Properties`."""
    for member, value in request.items():
        ending = next((ending for ending in _REMOVALS if member.endswith(ending)), None)
        kept = record.get(member.removesuffix(ending)) if ending else None
        if isinstance(kept, dict):
            record[member.removesuffix(ending or "")] = {
                name: one for name, one in kept.items() if name not in value
            }
        else:
            record[member] = value
