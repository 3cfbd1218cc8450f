"""Texts that are made for a pattern, and what types without a behaviour of their own answer."""

from __future__ import annotations

import pytest
import regex

from local_aws import hooks
from local_aws.cloudformation.generic import StoredResource
from local_aws.cloudformation.pattern import fitting
from local_aws.cloudformation.schema import resource_type
from local_aws.store import STORE


@pytest.mark.parametrize(
    "pattern",
    [
        "^[0-9a-zA-Z]{10}$",
        "^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$",
        "^((dv-[0-9a-z]{17})|(arn:[a-z0-9\\-]+:vpc-lattice:[a-zA-Z0-9\\-]+:\\d{12}:domainverification/dv-.+))$",
        "^arn:aws[-a-z]*:cases:[-a-z0-9]*:[0-9]{12}:domain/[-a-z0-9]*/case/[-a-z0-9]*$",
        "^(?!svc-)(?![-])(?!.*[-]$)(?!.*[-]{2})[a-z0-9-]+$",
        "[^:/]+\\.[\\w]+\\s?",
        "^([0-9a-z][-]?){1,100}-[0-9a-z]{10}$",
    ],
)
def test_makes_a_text_that_fits_and_the_same_one_again(pattern: str) -> None:
    made = [fitting(pattern, seed, lambda text: bool(regex.search(pattern, text))) for seed in "aab"]

    assert made[0] is not None
    assert regex.search(pattern, made[0])
    assert made[0] == made[1]


@pytest.mark.parametrize("pattern", ["(", "\\p{Print}", "a(?P<b>c)(?P=b)"])
def test_makes_nothing_of_a_pattern_that_it_does_not_understand(pattern: str) -> None:
    assert fitting(pattern, "a", lambda text: True) is None


def test_a_text_can_be_made_longer_than_usual() -> None:
    made = fitting("^a[0-9a-f]+$", "a", lambda text: len(text) > 40)

    assert made is not None
    assert len(made) > 40


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("AWS::Bedrock::Agent", "AgentId"),
        ("AWS::Events::Connection", "Arn"),
        ("AWS::VpcLattice::ServiceNetwork", "Arn"),
        ("AWS::WAFv2::IPSet", "Id"),
    ],
)
def test_what_a_type_answers_is_as_its_own_schema_has_it(name: str, attribute: str) -> None:
    type_ = resource_type(name)
    definition = type_.definition((attribute,))

    with hooks.request.scope("123456789012", "eu-west-1"):
        try:
            created = StoredResource(type_).create("Thing", {"Name": "named"}, "stack")
        finally:
            STORE.clear()

    made = created.attributes[attribute]
    assert regex.search(definition["pattern"], made)
    if attribute == "Arn":
        assert made.split(":")[3:5] == ["eu-west-1", "123456789012"]
