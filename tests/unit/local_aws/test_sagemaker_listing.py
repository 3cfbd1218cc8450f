"""Listing SageMaker's resources: every filter and every order that the model has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.sagemaker import control
from local_aws.sagemaker.families import families, listing, operation, operations
from local_aws.store import STORE
from support.service_model import create_request, request

LISTS = sorted(name for name, (verb, _) in operations().items() if verb == "List")


@pytest.fixture(autouse=True)
def empty_store() -> Iterator[None]:
    STORE.clear()
    yield
    STORE.clear()


def _members(name: str) -> dict[str, Any]:
    model: Any = operation(name)
    return dict(model.input_shape.members)


def _put(name: str) -> None:
    """Two records of a list's family, as if its resources had been created."""
    family = operations()[name][1]
    for number in range(2):
        record = {
            **create_request(family),
            "CreationTime": 100.0 + number,
            "LastModifiedTime": 200.0 + number,
        }
        record[family.arn_member] = f"arn:aws:sagemaker:us-east-1:000000000000:thing/{number}"
        if family.status_member:
            record.setdefault(family.status_member, "InService")
        record.setdefault("Version", number)
        STORE.add(family.kept_as, (str(number),), record)


def _required(name: str) -> dict[str, Any]:
    if name == "ListImageVersions":
        control.call("CreateImage", create_request(families()["Image"]))
    return request(name)


@pytest.mark.parametrize(
    ("name", "by"),
    [(name, by) for name in LISTS if "SortBy" in _members(name) for by in _members(name)["SortBy"].enum],
)
def test_sorts_by_everything_that_the_model_has(name: str, by: str) -> None:
    required = _required(name)
    _put(name)

    for order in _members(name)["SortOrder"].enum:
        control.call(name, {**required, "SortBy": by, "SortOrder": order})


@pytest.mark.parametrize(
    ("name", "member"),
    [
        (name, member)
        for name in LISTS
        for member in _members(name)
        if member not in ("MaxResults", "NextToken", "SortBy", "SortOrder", "Filters")
    ],
)
def test_filters_by_everything_that_the_model_has(name: str, member: str) -> None:
    required = _required(name)
    _put(name)

    answer = control.call(name, {**required, **request(name, member)})

    assert listing(name).member in answer


def test_newest_come_first_where_the_documentation_says_so() -> None:
    _put("ListModels")

    found = control.call("ListModels", {})["Models"]

    assert [model["CreationTime"] for model in found] == [101.0, 100.0]


@pytest.mark.parametrize(
    ("limits", "times"),
    [
        ({"CreationTimeAfter": 100.5}, [101.0]),
        ({"CreationTimeBefore": 100.5}, [100.0]),
        ({"CreationTimeAfter": 101.0}, []),
    ],
)
def test_filters_by_time(limits: dict[str, float], times: list[float]) -> None:
    _put("ListModels")

    assert [model["CreationTime"] for model in control.call("ListModels", limits)["Models"]] == times


def test_filters_by_status() -> None:
    control.call("CreateHub", {"HubName": "one", "HubDescription": "d"})

    assert len(control.call("ListHubs", {})["HubSummaries"]) == 1
    assert (
        control.call("ListMonitoringSchedules", {"StatusEquals": "Failed"})["MonitoringScheduleSummaries"]
        == []
    )


def test_lists_the_packages_of_one_group() -> None:
    for group in ("one", "two"):
        control.call("CreateModelPackageGroup", {"ModelPackageGroupName": group})
        control.call("CreateModelPackage", {"ModelPackageGroupName": group})
    control.call("CreateModelPackage", {"ModelPackageName": "alone"})

    def listed(**filters: str) -> list[str | None]:
        found = control.call("ListModelPackages", filters)["ModelPackageSummaryList"]
        return [package.get("ModelPackageGroupName") for package in found]

    assert listed(ModelPackageGroupName="one") == ["one"]
    assert listed() == [None]
    assert listed(ModelPackageType="Both") == ["one", "two", None]


def test_lists_the_components_of_one_trial() -> None:
    control.call("CreateExperiment", {"ExperimentName": "experiment"})
    control.call("CreateTrial", {"TrialName": "trial", "ExperimentName": "experiment"})
    for component in ("in", "out"):
        control.call("CreateTrialComponent", {"TrialComponentName": component})
    control.call("AssociateTrialComponent", {"TrialComponentName": "in", "TrialName": "trial"})

    for filters in ({"TrialName": "trial"}, {"ExperimentName": "experiment"}):
        found = control.call("ListTrialComponents", filters)["TrialComponentSummaries"]
        assert [component["TrialComponentName"] for component in found] == ["in"]


def test_lists_the_versions_of_an_image_that_is_there_only() -> None:
    with pytest.raises(ServiceError, match="No Image with the name none exists"):
        control.call("ListImageVersions", {"ImageName": "none"})
