"""Spaces of a Studio domain."""

from __future__ import annotations

from local_aws import hooks
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.behaviours.reference import require
from local_aws.store import Record


class Space(Behaviour):
    def check(self, request: Request) -> None:
        require("Domain", (request["DomainId"],))
        owner = request.get("OwnershipSettings", {}).get("OwnerUserProfileName")
        if owner is not None:
            require("UserProfile", (request["DomainId"], owner))

    def prepare(self, record: Record) -> None:
        domain = record["DomainId"]
        record["Url"] = f"https://{domain}.studio.{hooks.region()}.sagemaker.aws/jupyterlab/default"
        settings = record.get("SpaceSettings", {})
        record["SpaceSettingsSummary"] = {
            member: settings[member] for member in ("AppType", "SpaceStorageSettings") if member in settings
        }
        if "OwnershipSettings" in record:
            record["OwnershipSettingsSummary"] = record["OwnershipSettings"]
        if "SpaceSharingSettings" in record:
            record["SpaceSharingSettingsSummary"] = record["SpaceSharingSettings"]
