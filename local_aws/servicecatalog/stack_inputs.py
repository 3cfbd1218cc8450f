"""What CloudFormation takes from Service Catalog, and from nobody else: templates, and tags of AWS's own.

Service Catalog hands its templates over by an address in a bucket of its own, which lifts the limit of
templates in requests; its tags begin with `aws:`, as nobody's may
(https://docs.aws.amazon.com/servicecatalog/latest/adminguide/autotags.html).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from local_aws import hooks

_TEMPLATES: dict[str, str] = {}
_TAGS: set[tuple[str, str]] = set()


def install() -> None:
    hooks.templates.give_templates(_TEMPLATES.get)
    hooks.resources.allow_system_tags(lambda key, value: (key, value) in _TAGS)


@contextmanager
def template_url(text: str) -> Iterator[str]:
    """An address, which nobody can guess, at which CloudFormation reads a template while this lasts."""
    url = f"https://s3.amazonaws.com/servicecatalog-templates/{secrets.token_urlsafe(24)}"
    _TEMPLATES[url] = text
    try:
        yield url
    finally:
        del _TEMPLATES[url]


@contextmanager
def system_tags(tags: Iterable[Mapping[str, str]]) -> Iterator[None]:
    """Stacks may get these tags while this lasts."""
    given = {(tag["Key"], tag["Value"]) for tag in tags}
    _TAGS.update(given)
    try:
        yield
    finally:
        _TAGS.difference_update(given)
