"""Spaces of a Studio domain: shared ones, and those that one user owns."""

from __future__ import annotations

from local_aws import hooks
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.sagemaker.behaviours.app import running
from local_aws.sagemaker.behaviours.reference import in_the_way, require_ready
from local_aws.store import Record

_APPS = {"JupyterLab": "jupyterlab", "CodeEditor": "codeeditor", "JupyterServer": "jupyter"}


class Space(Behaviour):
    def check(self, request: Request) -> None:
        require_ready("Domain", (request["DomainId"],))
        owner = request.get("OwnershipSettings", {}).get("OwnerUserProfileName")
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateSpace.html
        if ("OwnershipSettings" in request) != ("SpaceSharingSettings" in request):
            raise invalid(
                "If you specify OwnershipSettings, SpaceSharingSettings is required, and vice versa."
            )
        if owner is not None:
            require_ready("UserProfile", (request["DomainId"], owner))

    def prepare(self, record: Record) -> None:
        settings = record.get("SpaceSettings", {})
        path = _APPS.get(settings.get("AppType", "JupyterLab"), "jupyterlab")
        record["Url"] = (
            f"https://{record['DomainId']}.studio.{hooks.request.region()}.sagemaker.aws/{path}/default"
        )
        _summarise(record)

    def update(self, record: Record, request: Request) -> None:
        merge(record, request)
        _summarise(record)

    def check_update(self, record: Record, request: Request) -> None:
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateSpace.html
        if "SpaceSettings" in request and running(record["DomainId"], space=record["SpaceName"]):
            raise ServiceError(
                "ResourceInUse",
                f"Unable to update Space [{record['SpaceArn']}] because App(s) are associated with it.",
            )

    def check_deletion(self, record: Record) -> None:
        if running(record["DomainId"], space=record["SpaceName"]):
            raise in_the_way("Space", record, "App")


def _summarise(record: Record) -> None:
    """What ListSpaces shows of a space."""
    settings = record.get("SpaceSettings", {})
    record["SpaceSettingsSummary"] = {
        member: settings[member] for member in ("AppType", "SpaceStorageSettings") if member in settings
    }
    for member in ("OwnershipSettings", "SpaceSharingSettings"):
        if member in record:
            record[f"{member}Summary"] = record[member]
