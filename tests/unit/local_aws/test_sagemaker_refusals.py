"""What cannot be created or deleted, decided without a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.sagemaker.behaviours import behaviour
from local_aws.sagemaker.errors import ServiceError
from local_aws.store import STORE


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    STORE.clear()
    yield
    STORE.clear()


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
