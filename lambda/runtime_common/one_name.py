"""Custom resources that are of one name, for good: with another one, they would be another thing."""

from __future__ import annotations


class AnotherName(Exception):
    """Something would become something else."""


def one_name(stem: str, name: str, *, known: str | None, holds: str) -> str:
    """What a resource is known by that is of one `name`.

    Raises AnotherName where it is `known` by another one; `holds` says what that has. Going back to the
    first name, as CloudFormation does when it rolls back, is no other name.
    """
    own = f"{stem}-{name}"
    if known not in (None, own):
        raise AnotherName(
            f"this belongs to '{str(known).removeprefix(f'{stem}-')}', and {holds} with it: keep that name,"
            f" and launch another one for '{name}'"
        )
    return own
