"""The function that keeps a project's name, and its feature group."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from project_workspace import handler as function
from project_workspace.adapters import SageMakerGroup
from project_workspace.ports import Definition, State
from project_workspace.rules import Refused, definition, keep, remove

PATIENTS = Definition("id", "at", {"id": "String", "at": "String"})


class Group:
    """A feature group that takes so many looks to come to rest; what it is asked for is written down."""

    def __init__(
        self,
        there: Definition | None = None,
        *,
        status: str = "Created",
        update: str = "Successful",
        ours: bool = True,
        looks: int = 0,
    ) -> None:
        self.there, self.asked = there, list[str]()
        self._status, self._update, self._ours, self._looks, self._busy = status, update, ours, looks, looks

    def look(self) -> State | None:
        if self.there is None:
            return None
        if self._busy:
            self._busy -= 1
            return State("Creating", "InProgress", self.there, self._ours)
        if "remove" in self.asked:
            return None
        update = self._update if "add" in self.asked else "Successful"
        return State(self._status, update, self.there, self._ours, "no room")

    def make(self, wanted: Definition) -> None:
        self.asked.append("make")
        self.there, self._busy = wanted, self._looks

    def add(self, features: Mapping[str, str]) -> None:
        assert self.there is not None
        self.asked.append("add")
        self.there = self.there._replace(features={**self.there.features, **features})
        self._busy = self._looks

    def remove(self) -> None:
        self.asked.append("remove")
        self._busy = self._looks


def kept(group: Group, wanted: Definition = PATIENTS, *, time_is_up: bool = False) -> list[str]:
    return list(keep(group, wanted, time_is_up=lambda: time_is_up, pause=lambda: None))


def wider(**features: str) -> Definition:
    return PATIENTS._replace(features={**PATIENTS.features, **features})


def test_a_list_is_read_as_people_write_it() -> None:
    assert definition("id", "at", "age:integral,bmi:fractional").features == {
        "id": "String",
        "at": "String",
        "age": "Integral",
        "bmi": "Fractional",
    }


def test_key_and_time_are_text_unless_they_are_listed() -> None:
    found = definition("id", "at", "at:fractional,id:integral")

    assert found == Definition("id", "at", {"id": "Integral", "at": "Fractional"})


@pytest.mark.parametrize(
    ("identifier", "features", "why"),
    [
        ("id", "age:integral,age:string", "'age' is there twice"),
        ("id", "age:integral,AGE:integral", "'AGE' is there twice"),
        ("id", "ID:integral", "give each feature a name of its own"),
        ("at", "", "give each feature a name of its own"),
        ("id", "year:integral", "'year' is a column of the store's own"),
    ],
)
def test_a_list_that_is_no_table_is_refused(identifier: str, features: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        definition(identifier, "at", features)


def test_makes_the_group_once() -> None:
    group = Group(looks=3)

    assert kept(group) == ["at", "id"]
    assert kept(group) == []
    assert group.asked == ["make"]


def test_a_group_that_could_not_be_made_is_not_left_in_the_way() -> None:
    group = Group(status="CreateFailed")

    with pytest.raises(Refused, match="CreateFailed: no room"):
        kept(group)

    assert group.asked == ["make", "remove"]


@pytest.mark.parametrize("there", [None, PATIENTS])
def test_a_group_that_takes_its_time_is_left_to_it(there: Definition | None) -> None:
    group = Group(there, looks=9)

    with pytest.raises(Refused, match="not ready in time"):
        kept(group, time_is_up=True)

    assert "remove" not in group.asked


def test_adds_what_is_lacking_and_leaves_what_was_added_in_place() -> None:
    group = Group(wider(bmi="Fractional"), looks=2)

    assert kept(group, wider(age="Integral")) == ["age"]
    assert group.there == wider(bmi="Fractional", age="Integral")


def test_adds_a_hundred_at_once() -> None:
    group = Group(PATIENTS)

    kept(group, wider(**{f"f{number}": "Integral" for number in range(150)}))

    assert group.asked == ["add", "add"]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (PATIENTS._replace(identifier="at"), "the identifier is 'id' for good, and cannot become 'at'"),
        (PATIENTS._replace(event_time="id"), "the event time is 'at' for good"),
        (wider(age="Fractional"), "'age' is Integral, and cannot become Fractional: add another one"),
        (wider(Age="Integral"), "'Age' would be the column of 'age'"),
    ],
)
def test_becomes_no_other_group(wanted: Definition, why: str) -> None:
    group = Group(wider(age="Integral"))

    with pytest.raises(Refused, match=why):
        kept(group, wanted)
    assert group.asked == []


def test_leaves_a_group_alone_that_somebody_else_has_made() -> None:
    group = Group(PATIENTS, ours=False)

    with pytest.raises(Refused, match="there is a feature group of this name already"):
        kept(group, wider(age="Integral"))
    assert not remove(group, time_is_up=lambda: False, pause=lambda: None)
    assert group.asked == []


def test_says_why_a_group_could_not_be_made() -> None:
    with pytest.raises(Refused, match="the feature group is CreateFailed: no room"):
        kept(Group(status="CreateFailed"))


def test_says_why_a_feature_could_not_be_added() -> None:
    with pytest.raises(Refused, match="takes no further features: no room"):
        kept(Group(PATIENTS, update="Failed"), wider(age="Integral"))


def test_gives_up_in_time() -> None:
    with pytest.raises(Refused, match="was not ready in time, it is Creating: try again"):
        kept(Group(looks=1), time_is_up=True)
    with pytest.raises(Refused, match="was not gone in time, it is Creating: try again"):
        remove(Group(PATIENTS, looks=1), time_is_up=lambda: True, pause=lambda: None)


def test_removes_once_what_it_has_made() -> None:
    group = Group(PATIENTS, looks=2)

    assert remove(group, time_is_up=lambda: False, pause=lambda: None)
    assert not remove(group, time_is_up=lambda: False, pause=lambda: None)
    assert group.asked == ["remove"]


class SageMaker:
    """Feature groups by name, with their tags, which answer in pages of two features."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}

    def create_feature_group(self, **said: Any) -> None:
        self.groups[said["FeatureGroupName"]] = said

    def describe_feature_group(self, **said: str) -> dict[str, Any]:
        name, begin = said["FeatureGroupName"], int(said.get("NextToken", 0))
        if name not in self.groups:
            raise ClientError({"Error": {"Code": "ResourceNotFound"}}, "DescribeFeatureGroup")
        features = self.groups[name]["FeatureDefinitions"]
        return {
            **self.groups[name],
            "FeatureGroupArn": name,
            "FeatureGroupStatus": "Created",
            "FeatureDefinitions": features[begin : begin + 2],
            **({"NextToken": str(begin + 2)} if begin + 2 < len(features) else {}),
        }

    def update_feature_group(self, **said: Any) -> None:
        self.groups[said["FeatureGroupName"]]["FeatureDefinitions"] += said["FeatureAdditions"]

    def delete_feature_group(self, **said: str) -> None:
        del self.groups[said["FeatureGroupName"]]

    def get_paginator(self, operation: str) -> SageMaker:
        assert operation == "list_tags"
        return self

    def paginate(self, **said: str) -> list[dict[str, Any]]:
        return [{"Tags": self.groups[said["ResourceArn"]]["Tags"]}]


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> SageMaker:
    found = SageMaker()
    monkeypatch.setattr(function, "_sagemaker", lambda: found)
    return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What CloudFormation is answered."""
    answers: list[dict[str, Any]] = []

    class Done:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    def answered(request: Any, timeout: float) -> Done:
        assert timeout > 0
        answers.append(json.loads(request.data))
        return Done()

    monkeypatch.setattr("urllib.request.urlopen", answered)
    return answers


def event(kind: str, **properties: str) -> dict[str, Any]:
    """Of a workspace with a feature group."""
    given = {
        "ProjectName": "research--churn",
        "Files": "s3://data/research/projects/churn/",
        "Group": json.dumps({"OnlineStoreConfig": {"EnableOnlineStore": True}, "Tags": []}),
        "Identifier": "id",
        "EventTime": "at",
        "Features": "age:integral",
        **properties,
    }
    return {
        "RequestType": kind,
        "StackId": "arn:of:the:stack",
        "RequestId": "r",
        "LogicalResourceId": "Workspace",
        "ResponseURL": "https://answers.example.com/",
        "ResourceProperties": given,
        **({} if kind == "Create" else {"PhysicalResourceId": "project-research--churn"}),
    }


def test_a_workspace_comes_grows_and_goes(sagemaker: SageMaker, told: list[dict[str, Any]]) -> None:
    function.handler(event("Create"), Context())
    made = json.loads(json.dumps(sagemaker.groups["research--churn"]))
    function.handler(event("Update", Features="age:integral,sex:string"), Context())
    grown = [each["FeatureName"] for each in sagemaker.groups["research--churn"]["FeatureDefinitions"]]
    function.handler(event("Delete"), Context())

    assert [each["Status"] for each in told] == ["SUCCESS"] * 3
    assert {each["PhysicalResourceId"] for each in told} == {"project-research--churn"}
    assert told[0]["Data"] == {"Files": "s3://data/research/projects/churn/"}
    assert made["OnlineStoreConfig"] == {"EnableOnlineStore": True}
    assert made["Tags"] == [{"Key": "clary:stack", "Value": "arn:of:the:stack"}]
    assert grown == ["id", "at", "age", "sex"]
    assert sagemaker.groups == {}


def test_another_name_is_refused_before_anything_is_made(
    sagemaker: SageMaker, told: list[dict[str, Any]]
) -> None:
    function.handler(event("Update", ProjectName="research--other"), Context())

    (answer,) = told
    assert answer["Status"] == "FAILED"
    assert "this belongs to 'research--churn', and all that it has with it" in answer["Reason"]
    assert answer["PhysicalResourceId"] == "project-research--churn"
    assert sagemaker.groups == {}


def test_a_launch_that_fails_takes_nobody_elses_group_with_it(
    sagemaker: SageMaker, told: list[dict[str, Any]]
) -> None:
    theirs = SageMakerGroup(sagemaker, "research--churn", stack_id="arn:of:another", settings={"Tags": []})
    theirs.make(PATIENTS)

    function.handler(event("Create"), Context())
    undone = event("Delete") | {"PhysicalResourceId": told[0]["PhysicalResourceId"]}
    function.handler(undone, Context())

    assert [each["Status"] for each in told] == ["FAILED", "SUCCESS"]
    assert sagemaker.groups.keys() == {"research--churn"}


def test_a_workspace_without_a_group_asks_nothing_of_sagemaker(
    monkeypatch: pytest.MonkeyPatch, told: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(function, "_sagemaker", lambda: pytest.fail("it has asked"))
    for kind in ("Create", "Update", "Delete"):
        said = event(kind)
        del said["ResourceProperties"]["Group"]
        function.handler(said, Context())

    assert [each["Status"] for each in told] == ["SUCCESS"] * 3
