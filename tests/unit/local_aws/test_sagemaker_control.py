"""The control plane over the store, without a server: every family that is only remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import request_validation
from local_aws.errors import ServiceError
from local_aws.sagemaker import control
from local_aws.sagemaker.families import families, listing, operation, operations
from local_aws.store import STORE
from support.service_model import create_request, request

IN_A_NETWORK = {"App", "Domain", "Space", "UserProfile"}
RUNNING = {"Endpoint", "EndpointConfig", "InferenceComponent", "Model"}
JOBS = {"ProcessingJob", "TrainingJob", "TransformJob"}
OF_OTHERS = {"EdgeDeploymentPlan", "InferenceExperiment", "Project", "TrainingPlan"}
MADE_HERE = sorted(set(families()) - IN_A_NETWORK - RUNNING - JOBS - OF_OTHERS)
"""What needs no other service to be created."""


@pytest.fixture(autouse=True)
def empty_store() -> Iterator[None]:
    STORE.clear()
    yield
    STORE.clear()


def create(name: str, **members: Any) -> dict[str, Any]:
    return control.call(f"Create{name}", create_request(families()[name]) | members)


PARENTS = {"ImageVersion": "Image", "Trial": "Experiment"}
WRONG_PATTERNS = {
    "DeviceFleet": "the model wants an ARN of IAM's",
    "EdgePackagingJob": "the model allows no digits in a region's name",
}


@pytest.mark.parametrize("name", sorted(set(MADE_HERE) - set(WRONG_PATTERNS)))
def test_every_answer_is_what_the_model_says(name: str) -> None:
    family = families()[name]
    if name in PARENTS:
        create(PARENTS[name])

    answers = {f"Create{name}": create(name)}
    _, record = STORE.all(family.kept_as)[0]
    key = {member: record[member] for member in family.key}
    answers[f"Describe{name}"] = control.call(f"Describe{name}", key)
    for listed, (verb, one) in operations().items():
        if verb == "List" and one is family:
            answers[listed] = control.call(listed, request(listed, known=record))
            assert len(answers[listed][listing(listed).member]) == 1

    for asked, answer in answers.items():
        model = operation(asked)
        assert model is not None
        request_validation.check(model.output_shape, answer)


def test_answers_page_by_page() -> None:
    for number in range(5):
        create("CodeRepository", CodeRepositoryName=f"repository-{number}")

    first = control.call(
        "ListCodeRepositories", {"MaxResults": 3, "SortBy": "Name", "SortOrder": "Ascending"}
    )
    rest = control.call(
        "ListCodeRepositories",
        {"MaxResults": 3, "SortBy": "Name", "SortOrder": "Ascending", "NextToken": first["NextToken"]},
    )

    pages = [
        [one["CodeRepositoryName"] for one in page["CodeRepositorySummaryList"]] for page in (first, rest)
    ]
    assert pages == [["repository-0", "repository-1", "repository-2"], ["repository-3", "repository-4"]]
    assert "NextToken" not in rest


def test_refuses_a_token_that_it_has_not_given() -> None:
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        control.call("ListCodeRepositories", {"NextToken": "made-up"})


def test_filters_by_name() -> None:
    for name in ("alpha", "beta"):
        create("CodeRepository", CodeRepositoryName=name)

    found = control.call("ListCodeRepositories", {"NameContains": "ALP"})["CodeRepositorySummaryList"]

    assert [one["CodeRepositoryName"] for one in found] == ["alpha"]


def test_keeps_the_last_of_two_tags_with_one_key() -> None:
    arn = create("Experiment", Tags=[{"Key": "team", "Value": "old"}])["ExperimentArn"]

    control.call("AddTags", {"ResourceArn": arn, "Tags": [{"Key": "team", "Value": "new"}]})

    assert control.call("ListTags", {"ResourceArn": arn})["Tags"] == [{"Key": "team", "Value": "new"}]


def test_finds_a_resource_by_its_arn() -> None:
    arn = create("FeatureGroup", FeatureGroupName="houses")["FeatureGroupArn"]

    assert control.call("DescribeFeatureGroup", {"FeatureGroupName": arn})["FeatureGroupName"] == "houses"


@pytest.mark.parametrize(
    ("operation", "request_", "code", "message"),
    [
        (
            "DescribeEndpoint",
            {"EndpointName": "none"},
            "ValidationException",
            'Could not find endpoint "arn:aws:sagemaker:us-east-1:000000000000:endpoint/none".',
        ),
        (
            "DescribeTrainingJob",
            {"TrainingJobName": "none"},
            "ValidationException",
            "Requested resource not found.",
        ),
        (
            "DescribeImage",
            {"ImageName": "none"},
            "ResourceNotFound",
            "No Image with the name none exists.",
        ),
        (
            "CreateUserProfile",
            {"DomainId": "d-none", "UserProfileName": "ada"},
            "ResourceNotFound",
            "Domain [arn:aws:sagemaker:us-east-1:000000000000:domain/d-none] does not exist.",
        ),
        (
            "StartPipelineExecution",
            {"PipelineName": "none", "ClientRequestToken": "x" * 40},
            "NotSupportedOnLocalAws",
            "StartPipelineExecution, on AWS only: the local AWS does not emulate it",
        ),
        ("MakeCoffee", {}, "UnknownOperationException", "SageMaker has no operation MakeCoffee"),
    ],
)
def test_refuses_in_awss_words(operation: str, request_: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ServiceError) as raised:
        control.call(operation, request_)

    assert (raised.value.code, raised.value.message) == (code, message)


def test_refuses_a_name_that_is_taken() -> None:
    create("ModelPackageGroup", ModelPackageGroupName="models")

    with pytest.raises(ServiceError, match="Cannot create already existing model package group"):
        create("ModelPackageGroup", ModelPackageGroupName="models")
