"""What edits do to feature groups, in words, and which are refused before anything is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clary.difference import Difference, check_feature_groups, difference
from clary.environment import loader
from clary.environment.model import Environment
from clary.errors import ClaryError

ROOT = Path(__file__).parents[3]
NAME = "research--local-patients"
BASE = {"patient": "String", "at": "String", "bmi": "Fractional"}


@pytest.fixture(scope="module")
def environment() -> Environment:
    return loader.load(loader.find("local", ROOT))


def template(
    features: Mapping[str, str],
    collections: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    group = {
        "FeatureGroupName": NAME,
        "FeatureDefinitions": [
            {"FeatureName": name, "FeatureType": type_} for name, type_ in features.items()
        ],
        **more,
    }
    resources: dict[str, Any] = {
        "Group": {"Type": "AWS::SageMaker::FeatureGroup", "Properties": group, "DeletionPolicy": "Retain"}
    }
    if collections is not None or tags is not None:
        resources["Settings"] = {
            "Type": "Custom::FeatureSettings",
            "Properties": {
                "FeatureGroupName": NAME,
                "Collections": [
                    {"FeatureName": name, "FeatureType": "String", "CollectionType": kind}
                    for name, kind in (collections or {}).items()
                ],
                "Tags": tags or {},
            },
        }
    return {"Features": {"Resources": resources}}


def said(old: dict[str, Any], new: dict[str, Any], environment: Environment) -> Difference:
    return difference(old, new, environment)


def test_adds_features_in_place(environment: Environment) -> None:
    found = said(template(BASE), template({**BASE, "age": "Integral", "sex": "String"}), environment)

    assert found.refusals == []
    assert found.sentences == [
        f"the feature group {NAME} gets 'age' and 'sex', in place: records that are there have no value of"
        " it yet"
    ]


def test_adds_collections_in_place(environment: Environment) -> None:
    found = said(template(BASE, {}), template(BASE, {"visits": "List"}), environment)

    assert found.refusals == []
    assert [
        sentence.startswith(f"the feature group {NAME} gets 'visits'") for sentence in found.sentences
    ] == [True]


def test_says_nothing_more_of_the_view_that_shows_them(environment: Environment) -> None:
    def with_view(features: Mapping[str, str]) -> dict[str, Any]:
        catalog = {"Database": "features", "TableName": "research__patients"}
        made = template(features, OfflineStoreConfig={"DataCatalogConfig": catalog})
        view = {
            "DatabaseName": "features",
            "TableInput": {"Name": "research__patients__once", "as": features},
        }
        made["Features"]["Resources"]["View"] = {"Type": "AWS::Glue::Table", "Properties": view}
        return made

    found = said(with_view(BASE), with_view({**BASE, "age": "Integral"}), environment)

    assert [sentence.split(",")[0] for sentence in found.sentences] == [
        f"the feature group {NAME} gets 'age'"
    ]


def test_refuses_to_remove_a_feature_and_says_the_way_round(environment: Environment) -> None:
    (refusal,) = said(template(BASE), template({"patient": "String", "at": "String"}), environment).refusals

    assert refusal.startswith(f"the feature 'bmi' of the feature group '{NAME}' would be removed")
    assert "leave it in the file" in refusal
    assert "another name" in refusal


def test_refuses_to_retype_a_feature(environment: Environment) -> None:
    (refusal,) = said(template(BASE), template({**BASE, "bmi": "String"}), environment).refusals

    assert "'bmi'" in refusal
    assert "would become 'string', it is 'fractional'" in refusal


def test_says_of_a_group_that_is_refused_not_what_else_would_become_of_it(environment: Environment) -> None:
    found = said(template(BASE), template({**BASE, "bmi": "String", "age": "Integral"}), environment)

    assert len(found.refusals) == 1
    assert found.sentences == []


def test_refuses_to_make_a_collection_of_a_value(environment: Environment) -> None:
    value = template({**BASE, "visits": "String"}, {})
    collection = template(BASE, {"visits": "Set"})

    (refusal,) = said(value, collection, environment).refusals

    assert "would become a set of 'string', it is 'string'" in refusal


@pytest.mark.parametrize(
    ("kinds", "words"), [({}, "would be removed"), ({"visits": "Set"}, "would become a set")]
)
def test_refuses_to_remove_and_to_retype_a_collection(
    environment: Environment, kinds: dict[str, str], words: str
) -> None:
    (refusal,) = said(template(BASE, {"visits": "List"}), template(BASE, kinds), environment).refusals

    assert words in refusal


def test_refuses_to_take_a_groups_collections_with_its_settings(environment: Environment) -> None:
    (refusal,) = said(template(BASE, {"visits": "List"}), template(BASE), environment).refusals

    assert "'visits'" in refusal


def test_tells_a_group_that_goes_and_stays_without_counting_its_features(environment: Environment) -> None:
    found = said(template(BASE, {"visits": "List"}), {"Features": {"Resources": {}}}, environment)

    assert found.refusals == []
    assert "Features: the feature group Group stays, outside of the stack" in found.sentences


def test_other_tags_are_set_in_place(environment: Environment) -> None:
    found = said(template(BASE, tags={"stage": "a"}), template(BASE, tags={"stage": "b"}), environment)

    assert found.refusals == []
    assert [change.action.value for change in found.changes] == ["update"]


def test_another_identifier_is_a_replacement_and_refused_once(environment: Environment) -> None:
    old = template(BASE, RecordIdentifierFeatureName="patient")
    new = template(BASE, RecordIdentifierFeatureName="bmi")

    (refusal,) = said(old, new, environment).refusals

    assert "RecordIdentifierFeatureName cannot change in place" in refusal


class Account:
    """A target whose SageMaker has some feature groups already."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def client(self, service: str) -> Account:
        return self

    def get_paginator(self, operation: str) -> Account:
        assert operation == "list_feature_groups"
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"FeatureGroupSummaries": [{"FeatureGroupName": name}]} for name in self._names]


def test_a_group_that_was_kept_is_not_made_again() -> None:
    with pytest.raises(ClaryError, match=f"has a feature group '{NAME}' already, which is in no stack"):
        check_feature_groups(Account("another", NAME), [NAME])  # type: ignore[arg-type] # what it needs of one


def test_other_groups_are_nobodys_business() -> None:
    check_feature_groups(Account("another"), [NAME])  # type: ignore[arg-type] # what it needs of one
