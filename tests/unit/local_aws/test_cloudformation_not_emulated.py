"""The table of what is not emulated is complete: handlers are watched at work, AWS's schemas asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from local_aws import hooks
from local_aws.cloudformation import services
from local_aws.cloudformation.not_emulated import NOT_EMULATED, NOT_KEPT
from local_aws.cloudformation.registry import BEHAVIOURS
from local_aws.cloudformation.schema import resource_type
from support.property_audit import dropped
from support.resource_example import ACCOUNT

_OTHERS = (
    "AWS::ApplicationAutoScaling::",
    "AWS::CloudFormation::",
    "AWS::SageMaker::",
    "AWS::ServiceCatalog::",
)
"""The engine's own, and those whose services check every member of a request by its model."""


@pytest.fixture(scope="module", autouse=True)
def _handlers() -> Iterator[None]:
    services.install()
    logging.disable(logging.CRITICAL)  # handlers log what they refuse, and here they refuse a lot
    with hooks.request.scope(ACCOUNT, "us-east-1"):
        yield
    logging.disable(logging.NOTSET)


def made_here() -> list[str]:
    services.install()
    return sorted(
        name for name in {*hooks.resources.resource_handlers(), *BEHAVIOURS} if not name.startswith(_OTHERS)
    )


@pytest.mark.parametrize("name", made_here())
def test_every_property_is_read_by_somebody_or_in_the_table(name: str) -> None:
    unread = dropped(name)

    assert unread <= set(NOT_EMULATED.get(name, ())), "nobody reads it: emulate it, or say so"
    assert set(NOT_KEPT.get(name, ())) <= unread, "somebody reads it: take it out of the table"


@pytest.mark.parametrize("name", sorted(NOT_EMULATED))
def test_each_entry_names_a_property_of_the_schema(name: str) -> None:
    type_ = resource_type(name)
    for path in filter(None, NOT_EMULATED[name]):
        assert type_.definition(tuple(path.split("/"))), f"{name} has no property '{path}'"
