"""What cannot be created or deleted, decided without a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.sagemaker.behaviours import behaviour
from local_aws.sagemaker.behaviours.model import container_of
from local_aws.sagemaker.errors import ServiceError
from local_aws.store import STORE

VARIANT = {"VariantName": "main", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    STORE.clear()
    STORE.add("Model", ("m",), {"ModelName": "m"})
    yield
    STORE.clear()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"AsyncInferenceConfig": {}}, "with AsyncInferenceConfig, on AWS only"),
        ({"DataCaptureConfig": {"EnableCapture": True}}, "data capture, on AWS only"),
        ({"ProductionVariants": [VARIANT, VARIANT]}, "names must be unique"),
        ({"ProductionVariants": [VARIANT | {"ServerlessConfig": {}}]}, "with ServerlessConfig, on AWS only"),
        (
            {"ProductionVariants": [VARIANT | {"ModelName": "none"}]},
            'Could not find model "arn:aws:sagemaker:',
        ),
    ],
)
def test_refuses_an_endpoint_configuration(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        behaviour("EndpointConfig").check({"ProductionVariants": [VARIANT], **more})


def test_takes_a_configuration_that_switches_data_capture_off() -> None:
    behaviour("EndpointConfig").check(
        {"ProductionVariants": [VARIANT], "DataCaptureConfig": {"EnableCapture": False}}
    )


def endpoint(status: str) -> None:
    STORE.add(
        "Endpoint",
        ("e",),
        {"EndpointName": "e", "EndpointConfigName": "old", "_wanted": "new", "EndpointStatus": status},
    )


@pytest.mark.parametrize("name", ["old", "new"])
def test_keeps_the_configurations_of_an_endpoint_that_is_being_updated(name: str) -> None:
    endpoint("Updating")

    with pytest.raises(ServiceError, match="is being created or updated with it"):
        behaviour("EndpointConfig").check_deletion({"EndpointConfigName": name, "EndpointConfigArn": "arn"})


def test_lets_the_configuration_of_a_steady_endpoint_go() -> None:
    endpoint("InService")

    behaviour("EndpointConfig").check_deletion({"EndpointConfigName": "old", "EndpointConfigArn": "arn"})


@pytest.mark.parametrize("status", ["Creating", "Updating", "Deleting"])
def test_leaves_an_endpoint_alone_that_is_in_progress(status: str) -> None:
    record = {"EndpointName": "e", "EndpointArn": "arn", "EndpointStatus": status}

    with pytest.raises(ServiceError, match='Cannot update in-progress endpoint "arn"'):
        behaviour("Endpoint").check_deletion(record)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({}, "No container definitions were given"),
        ({"Containers": [{}, {}]}, "a model of several containers, on AWS only"),
        ({"PrimaryContainer": {"Mode": "MultiModel"}}, "in the mode MultiModel, on AWS only"),
        ({"PrimaryContainer": {"ModelPackageName": "p"}}, "with ModelPackageName, on AWS only"),
    ],
)
def test_refuses_models_that_it_cannot_serve(model: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        container_of(model)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"CheckpointConfig": {"S3Uri": "s3://b/c"}}, "with CheckpointConfig, on AWS only"),
        ({"OutputDataConfig": {"CompressionType": "NONE"}}, "output without compression, on AWS only"),
        ({"ResourceConfig": {"InstanceCount": 2}}, "training on several instances, on AWS only"),
        (
            {"AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "Pipe"}},
            "the input mode Pipe, on AWS only",
        ),
        (
            {"AlgorithmSpecification": {"AlgorithmName": "a"}},
            r"without AlgorithmSpecification\.TrainingImage",
        ),
    ],
)
def test_refuses_training_jobs_that_it_cannot_run(more: dict[str, Any], said: str) -> None:
    request = {"AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"}, **more}

    with pytest.raises(ServiceError, match=said):
        behaviour("TrainingJob").check(request)


def test_keeps_a_profile_that_owns_a_space() -> None:
    STORE.add("Space", ("d-1", "lab"), {"OwnershipSettings": {"OwnerUserProfileName": "ada"}})

    with pytest.raises(ServiceError, match="because the Space lab is associated with it"):
        behaviour("UserProfile").check_deletion({"DomainId": "d-1", "UserProfileName": "ada"})
