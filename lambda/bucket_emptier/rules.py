"""How a bucket is emptied, whatever it is kept in."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Version(NamedTuple):
    """One version of an object, or one delete marker."""

    key: str
    version_id: str


class Bucket(Protocol):
    """A bucket that remembers versions, or did once."""

    def some_versions(self) -> list[Version]:
        """Some of what is left, at most 1,000; empty when nothing is, or when there is no bucket."""
        ...

    def delete(self, versions: list[Version]) -> None: ...


class TimeIsUp(Exception):
    """The function has to end before the bucket is empty; what was deleted stays deleted."""


def empty(bucket: Bucket, *, time_is_up: Callable[[], bool]) -> int:
    """Deletes every version and every delete marker, and returns how many there were.

    Calling it again goes on where it stopped: it only ever looks at what is left. Raises TimeIsUp.
    """
    deleted = 0
    while versions := bucket.some_versions():
        if time_is_up():
            raise TimeIsUp(
                f"{deleted} objects were deleted and more are left, destroy the stack again to go on"
            )
        bucket.delete(versions)
        deleted += len(versions)
    return deleted
