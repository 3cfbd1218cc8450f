"""When a domain has a tag, and when it loses it."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol


class Domain(Protocol):
    def tag(self, key: str, value: str) -> None: ...

    def untag(self, key: str) -> None:
        """Done as well where there is no such tag, or no such domain any more."""
        ...


class Wanted(NamedTuple):
    """A tag as the stack says it."""

    domain: str
    key: str
    value: str

    @property
    def identity(self) -> str:
        """Another domain or key is another tag: CloudFormation then removes the old one."""
        return f"{self.domain}#{self.key}"


def follow(change: Literal["Create", "Update", "Delete"], wanted: Wanted, domain: Domain) -> None:
    """Doing it twice is harmless: the tag has the value, or is not there."""
    if change == "Delete":
        domain.untag(wanted.key)
    else:
        domain.tag(wanted.key, wanted.value)
