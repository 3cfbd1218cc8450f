"""Private workforces: one in a region, with work teams that go before it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteWorkforce.html
"""

from __future__ import annotations

from local_aws import hooks
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import resources
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.store import Record


class Workforce(Behaviour):
    def check(self, request: Request) -> None:
        if resources.every("Workforce"):
            raise invalid("There is already a workforce in this account and region.")
        if ("CognitoConfig" in request) and ("OidcConfig" in request):
            raise invalid("Only one of CognitoConfig and OidcConfig may be given.")

    def prepare(self, record: Record) -> None:
        record["SubDomain"] = (
            f"{record['WorkforceName'].lower()}.labeling.{hooks.request.region()}.sagemaker.aws"
        )

    def check_deletion(self, record: Record) -> None:
        name = record["WorkforceName"]
        if any(team.get("WorkforceName") == name for team in resources.every("Workteam")):
            raise ServiceError(
                "ResourceInUse", f"The workforce {name} cannot be deleted: it contains work teams."
            )


class Workteam(Behaviour):
    def check(self, request: Request) -> None:
        name = request.get("WorkforceName")
        if name is not None and resources.get("Workforce", (name,)) is None:
            raise invalid(f"No workforce found with name {name}.")

    def prepare(self, record: Record) -> None:
        record.setdefault(
            "WorkforceName", next((w["WorkforceName"] for w in resources.every("Workforce")), "")
        )
