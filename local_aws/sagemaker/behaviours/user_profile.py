"""User profiles of a Studio domain."""

from __future__ import annotations

from local_aws.sagemaker import resources
from local_aws.sagemaker.behaviour import Behaviour, Request, merge_within
from local_aws.sagemaker.behaviours.app import running
from local_aws.sagemaker.behaviours.reference import in_the_way, require_ready
from local_aws.store import Record


class UserProfile(Behaviour):
    def check(self, request: Request) -> None:
        require_ready("Domain", (request["DomainId"],))

    def prepare(self, record: Record) -> None:
        # Its directory in the home file system belongs to a user of its own.
        record["HomeEfsFileSystemUid"] = str(200001 + 4 * len(resources.every("UserProfile")))

    def update(self, record: Record, request: Request) -> None:
        merge_within(record, request)

    def check_deletion(self, record: Record) -> None:
        domain, name = record["DomainId"], record["UserProfileName"]
        if running(domain, profile=name):
            raise in_the_way("UserProfile", record, "App")
        for space in resources.every("Space"):
            owner = space.get("OwnershipSettings", {}).get("OwnerUserProfileName")
            if (space["DomainId"], owner) == (domain, name):
                raise in_the_way("UserProfile", record, "Space")
