"""Every resource family of SageMaker's model, walked through with boto3: created, described, listed,
updated, deleted. What each answer must have is the model's to say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from local_aws.sagemaker.families import Family, families, listing, operation, operations
from support.deployed import LocalAws
from support.service_model import PARENTS, create_request, missing, request

ACCOUNT = "000000000631"
OTHERS_TEST = {
    *("EdgeDeploymentPlan", "Endpoint", "EndpointConfig", "InferenceComponent"),
    *(
        "InferenceExperiment",
        "Model",
        "ProcessingJob",
        "Project",
        "TrainingJob",
        "TrainingPlan",
        "TransformJob",
    ),
}
"""Families that run something, or want more than a parent: tests of their own create them."""
WALKED = sorted(set(families()) - OTHERS_TEST)


class Walk:
    """One family's resources, and the client that asks for them."""

    def __init__(self, client: Any, family: Family) -> None:
        self._client = client
        self._family = family
        self.asked: dict[str, Any] = {}
        """The request that the resource was created with."""
        self._made: list[tuple[Family, dict[str, Any]]] = []

    def call(self, name: str, **members: Any) -> dict[str, Any]:
        """The answer, which has all that it must have."""
        answer: dict[str, Any] = getattr(self._client, xform_name(name))(**members)
        model = operation(name)
        assert model is not None
        lacking = list(missing(model.output_shape, answer))
        assert lacking == [], f"{name} answers without {lacking}"
        return answer

    def create(self) -> dict[str, Any]:
        """Makes the resource, and its parents; what it is known by."""
        return self._create(self._family)

    def _create(self, family: Family) -> dict[str, Any]:
        parents: dict[str, Any] = {}
        for name in PARENTS.get(family.name, ()):
            parent = families()[name]
            if not any(made is parent for made, _ in self._made):
                self._create(parent)
            parents |= next(key for made, key in self._made if made is parent)
        asked = create_request(family)
        asked |= {member: value for member, value in parents.items() if member in asked}
        self.asked = asked
        answer = self.call(f"Create{family.name}", **asked)
        given = {**asked, **answer}
        key = {member: given[member] for member in family.key}
        if family.name == "App":
            key["UserProfileName"] = asked["UserProfileName"]
        self._made.append((family, key))
        return key

    def delete_all(self) -> None:
        for family, key in reversed(self._made):
            name = f"Delete{family.name}"
            if operation(name) is None:
                continue
            known = request(name, known=key | ({"Version": 1} if family.name == "ImageVersion" else {}))
            try:
                if family.name == "NotebookInstance":
                    described = self._client.describe_notebook_instance(**known)
                    if described["NotebookInstanceStatus"] != "Stopped":
                        self._client.stop_notebook_instance(**known)
                        self._client.describe_notebook_instance(**known)
                getattr(self._client, xform_name(name))(**known)
            except ClientError as error:
                assert not_there(error), error  # noqa: PT017 - a test may have deleted it already


def not_there(error: ClientError) -> bool:
    said = error.response["Error"]
    words = "not find|not exist|No |NotFound|cannot find"
    return said["Code"] in ("ResourceNotFound", "ValidationException") and bool(
        re.search(words, said["Message"], re.IGNORECASE) or said["Code"] == "ResourceNotFound"
    )


@pytest.fixture
def walk(local_aws: LocalAws, family: Family) -> Iterator[Walk]:
    walking = Walk(local_aws.client("sagemaker", ACCOUNT), family)
    yield walking
    walking.delete_all()


@pytest.fixture
def family(request: pytest.FixtureRequest) -> Family:
    return families()[request.param]


@pytest.mark.parametrize("family", WALKED, indirect=True)
def test_is_described_and_listed(walk: Walk, family: Family) -> None:
    key = walk.create()

    walk.call(f"Describe{family.name}", **key)
    lists = [name for name, (verb, one) in operations().items() if verb == "List" and one is family]
    for name in lists:
        model = operation(name)
        assert model is not None
        required = {
            member: walk.asked[member] for member in getattr(model.input_shape, "required_members", ())
        }
        assert walk.call(name, **required)[listing(name).member], f"{name} does not list it"


@pytest.mark.parametrize("family", [name for name in WALKED if families()[name].has("Update")], indirect=True)
def test_can_be_updated(walk: Walk, family: Family) -> None:
    key = walk.create()
    described = walk.call(f"Describe{family.name}", **key)
    if family.name == "NotebookInstance":
        walk.call("StopNotebookInstance", **key)

    known = {name: value for name, value in described.items() if name.endswith(("Arn", "Version"))}
    if family.name == "MonitoringSchedule":
        known["MonitoringScheduleConfig"] = described["MonitoringScheduleConfig"]
    walk.call(f"Update{family.name}", **request(f"Update{family.name}", known={**known, **key}))


@pytest.mark.parametrize("family", [name for name in WALKED if families()[name].has("Delete")], indirect=True)
def test_is_gone_when_it_is_deleted(walk: Walk, family: Family) -> None:
    key = walk.create()

    walk.delete_all()

    if family.name == "App":
        assert walk.call("DescribeApp", **key)["Status"] == "Deleted"
        return
    with pytest.raises(ClientError) as raised:
        walk.call(f"Describe{family.name}", **key)
    assert not_there(raised.value), raised.value
