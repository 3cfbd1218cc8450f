"""User profiles of a Studio domain."""

from __future__ import annotations

from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.errors import ServiceError
from local_aws.store import STORE, Record


class UserProfile(Behaviour):
    def check(self, request: Request) -> None:
        require("Domain", (request["DomainId"],))

    def check_deletion(self, record: Record) -> None:
        name = record["UserProfileName"]
        for (domain, space), other in STORE.all("Space"):
            owner = other.get("OwnershipSettings", {}).get("OwnerUserProfileName")
            if (domain, owner) == (record["DomainId"], name):
                raise ServiceError(
                    "ResourceInUse",
                    f"Unable to delete UserProfile {name} because the Space {space} is associated with it.",
                )
