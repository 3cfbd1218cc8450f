"""When an object is written, and when it goes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol


class Bucket(Protocol):
    def put(self, key: str, text: str, tags: Mapping[str, str]) -> None: ...

    def remove(self, key: str) -> None:
        """Done as well where there is no such object."""
        ...


class Wanted(NamedTuple):
    """An object as the stack says it."""

    bucket: str
    key: str
    text: str
    tags: Mapping[str, str] = MappingProxyType({})

    @property
    def identity(self) -> str:
        """Another bucket or key is another object: CloudFormation then removes the old one."""
        return f"s3://{self.bucket}/{self.key}"


def follow(change: Literal["Create", "Update", "Delete"], wanted: Wanted, bucket: Bucket) -> None:
    """Doing it twice is harmless: the object is written whole, or gone."""
    if change == "Delete":
        bucket.remove(wanted.key)
    else:
        bucket.put(wanted.key, wanted.text, wanted.tags)
