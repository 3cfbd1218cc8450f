"""What cannot be created or deleted, decided without a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_aws.sagemaker.behaviours import behaviour
from local_aws.sagemaker.errors import ServiceError
from local_aws.store import STORE


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    STORE.clear()
    yield
    STORE.clear()


def test_keeps_a_profile_that_owns_a_space() -> None:
    STORE.add("Space", ("d-1", "lab"), {"DomainId": "d-1", "OwnershipSettings": {"OwnerUserProfileName": "ada"}})

    with pytest.raises(ServiceError, match="because the Space lab is associated with it"):
        behaviour("UserProfile").check_deletion({"DomainId": "d-1", "UserProfileName": "ada"})
