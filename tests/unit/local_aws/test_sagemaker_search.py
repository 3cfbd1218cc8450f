"""Search: which resources meet which conditions, over the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.sagemaker import control
from local_aws.sagemaker.families import families
from local_aws.store import STORE
from support.service_model import create_request


@pytest.fixture(autouse=True)
def groups() -> Iterator[None]:
    """Three of them, the newest last."""
    STORE.clear()
    for name, team, hours in (("houses", "research", 1), ("flats", "research", 24), ("risks", "risk", 48)):
        create(
            FeatureGroupName=name,
            Description=f"About {name}",
            Tags=[{"Key": "team", "Value": team}, {"Key": "cost.centre", "Value": "7"}],
            OnlineStoreConfig={"EnableOnlineStore": True, "TtlDuration": {"Unit": "Hours", "Value": hours}},
        )
    yield
    STORE.clear()


def create(**members: Any) -> None:
    control.call("CreateFeatureGroup", create_request(families()["FeatureGroup"]) | members)


def search(resource: str = "FeatureGroup", **asked: Any) -> dict[str, Any]:
    return control.call("Search", {"Resource": resource, **asked})


def names(*filters: tuple[str, ...], operator: str = "And", **asked: Any) -> list[str]:
    if filters:
        conditions = [dict(zip(("Name", "Operator", "Value"), one, strict=False)) for one in filters]
        asked["SearchExpression"] = {"Filters": conditions, "Operator": operator}
    return [one["FeatureGroup"]["FeatureGroupName"] for one in search(**asked)["Results"]]


def test_finds_everything_the_newest_first() -> None:
    assert names() == ["risks", "flats", "houses"]
    assert names(SortBy="FeatureGroupName", SortOrder="Ascending") == ["flats", "houses", "risks"]
    assert search()["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (("FeatureGroupName", "Equals", "flats"), ["flats"]),
        (("Tags.team", "NotEquals", "research"), ["risks"]),
        (("Tags.cost.centre", "Equals", "7"), ["risks", "flats", "houses"]),
        (("Tags.owner", "NotExists"), ["risks", "flats", "houses"]),
        (("Tags.owner", "Exists"), []),
        (("Description", "Contains", "ABOUT F"), ["flats"]),
        (("FeatureGroupName", "In", "flats, risks,none"), ["risks", "flats"]),
        (("OnlineStoreConfig.TtlDuration.Value", "GreaterThan", "24"), ["risks"]),
        (("OnlineStoreConfig.TtlDuration.Value", "LessThanOrEqualTo", "24.0"), ["flats", "houses"]),
        (("OnlineStoreConfig.EnableOnlineStore", "Equals", "true"), ["risks", "flats", "houses"]),
        (("CreationTime", "GreaterThan", "2020-01-01T00:00:00"), ["risks", "flats", "houses"]),
        (("CreationTime", "LessThan", "2020-01-01T00:00:00"), []),
        (("FeatureDefinitions.FeatureName", "Equals", "time"), ["risks", "flats", "houses"]),
    ],
)
def test_finds_what_meets_a_condition(condition: tuple[str, ...], found: list[str]) -> None:
    assert names(condition) == found


def test_conditions_hold_together_or_one_is_enough() -> None:
    both = ("Tags.team", "Equals", "research"), ("FeatureGroupName", "Equals", "risks")

    assert names(*both) == []
    assert names(*both, operator="Or") == ["risks", "flats", "houses"]


def test_one_item_of_a_list_has_to_meet_all_nested_conditions() -> None:
    def nested(type_: str) -> list[str]:
        filters = [
            {"Name": "FeatureDefinitions.FeatureName", "Value": "id"},
            {"Name": "FeatureDefinitions.FeatureType", "Value": type_},
        ]
        inside = {"NestedFilters": [{"NestedPropertyName": "FeatureDefinitions", "Filters": filters}]}
        return names(SearchExpression={"SubExpressions": [inside]})

    assert nested("String") == ["risks", "flats", "houses"]
    assert nested("Fractional") == []


def test_shows_no_more_than_is_visible() -> None:
    assert names(VisibilityConditions=[{"Key": "Tags.team", "Value": "risk"}]) == ["risks"]
    assert names(CrossAccountFilterOption="CrossAccount") == []


def test_answers_page_by_page() -> None:
    first = search(MaxResults=2)

    rest = search(MaxResults=2, NextToken=first["NextToken"])

    assert [one["FeatureGroup"]["FeatureGroupName"] for one in rest["Results"]] == ["houses"]
    assert "NextToken" not in rest


def test_finds_features_by_what_people_say_of_them() -> None:
    control.call(
        "UpdateFeatureMetadata",
        {
            "FeatureGroupName": "flats",
            "FeatureName": "time",
            "Description": "When it was seen",
            "ParameterAdditions": [{"Key": "source", "Value": "register"}],
        },
    )
    condition = {"Filters": [{"Name": "Parameters.source", "Operator": "Equals", "Value": "register"}]}

    found = [
        one["FeatureMetadata"] for one in search("FeatureMetadata", SearchExpression=condition)["Results"]
    ]

    assert [(one["FeatureGroupName"], one["FeatureName"], one["Description"]) for one in found] == [
        ("flats", "time", "When it was seen")
    ]
    assert search("FeatureMetadata")["TotalHits"]["Value"] == 6


@pytest.mark.parametrize(
    ("resource", "filter_", "words"),
    [
        ("FeatureGroup", {"Name": "Colour", "Value": "red"}, "Invalid property name: Colour"),
        (
            "FeatureGroup",
            {"Name": "CreationTime", "Operator": "LessThan", "Value": "soon"},
            "neither a number nor a date",
        ),
        ("PipelineExecution", {"Name": "PipelineArn", "Value": "a"}, "of the kind PipelineExecution"),
    ],
)
def test_refuses_what_cannot_be_searched(resource: str, filter_: dict[str, str], words: str) -> None:
    with pytest.raises(ServiceError, match=words):
        search(resource, SearchExpression={"Filters": [filter_]})


@pytest.mark.parametrize(
    "resource", ["TrainingJob", "Experiment", "ExperimentTrial", "ModelPackage", "Endpoint"]
)
def test_searches_other_kinds_as_well(resource: str) -> None:
    assert search(resource)["Results"] == []
