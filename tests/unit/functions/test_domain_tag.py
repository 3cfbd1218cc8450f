"""The function that puts a tag on a Studio domain."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from botocore.exceptions import ClientError

from domain_tag.adapters import StudioDomain
from domain_tag.rules import Wanted, follow

TAG = Wanted("arn:of:the:domain", "place", "s3://bucket/templates")


class Domain:
    def __init__(self, **tags: str) -> None:
        self.tags = tags

    def tag(self, key: str, value: str) -> None:
        self.tags[key] = value

    def untag(self, key: str) -> None:
        self.tags.pop(key, None)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("change", ["Create", "Update"])
def test_the_domain_has_the_tag_beside_its_own(change: Literal["Create", "Update"], times: int) -> None:
    domain = Domain(environment="dev", place="elsewhere")

    for _ in range(times):
        follow(change, TAG, domain)

    assert domain.tags == {"environment": "dev", "place": "s3://bucket/templates"}


@pytest.mark.parametrize("times", [1, 2])
def test_the_domain_loses_that_tag_alone(times: int) -> None:
    domain = Domain(environment="dev", place="s3://bucket/templates")

    for _ in range(times):
        follow("Delete", TAG, domain)

    assert domain.tags == {"environment": "dev"}


def test_another_value_is_the_same_tag_and_another_domain_is_not() -> None:
    assert TAG._replace(value="other").identity == TAG.identity
    assert TAG._replace(domain="other").identity != TAG.identity


class SageMaker:
    def __init__(self, code: str) -> None:
        self._code = code

    def delete_tags(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": self._code}}, "DeleteTags")


def test_a_domain_that_is_gone_has_lost_its_tags() -> None:
    StudioDomain(SageMaker("ResourceNotFound"), "arn").untag("place")


def test_a_refusal_is_told() -> None:
    with pytest.raises(ClientError):
        StudioDomain(SageMaker("AccessDeniedException"), "arn").untag("place")
