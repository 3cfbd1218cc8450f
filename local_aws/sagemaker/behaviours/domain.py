"""Studio domains: a home file system that is really there, and what must go before a domain goes.

https://docs.aws.amazon.com/sagemaker/latest/dg/gs-studio-delete-domain.html
"""

from __future__ import annotations

import secrets
import string

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.sagemaker import resources, studio_home
from local_aws.sagemaker.behaviour import Behaviour, Request, merge_within
from local_aws.sagemaker.behaviours.reference import in_the_way
from local_aws.store import Record

_ALPHABET = string.ascii_lowercase + string.digits


class Domain(Behaviour):
    def check(self, request: Request) -> None:
        studio_home.check_network(request.get("VpcId"), request.get("SubnetIds", ()))
        name = request["DomainName"]
        for other in resources.every("Domain"):
            if other["DomainName"] == name:
                raise ServiceError(
                    "ResourceInUse", f"Domain [{other['DomainArn']}] with the name {name} already exists."
                )

    def prepare(self, record: Record) -> None:
        region, account = hooks.request.region(), hooks.request.account_id()
        identifier = "d-" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
        record.update(
            DomainId=identifier,
            DomainArn=f"arn:aws:sagemaker:{region}:{account}:domain/{identifier}",
            Url=f"https://{identifier}.studio.{region}.sagemaker.aws",
        )
        record.setdefault("AppNetworkAccessType", "PublicInternetOnly")

    def created(self, record: Record) -> None:
        if record.get("HomeEfsFileSystemCreation") != "Disabled":
            record["HomeEfsFileSystemId"] = studio_home.make(record)

    def update(self, record: Record, request: Request) -> None:
        changes = dict(request)
        # What CreateDomain calls DomainSettings, UpdateDomain calls DomainSettingsForUpdate.
        settings = changes.pop("DomainSettingsForUpdate", None)
        if settings is not None:
            r_studio = settings.get("RStudioServerProDomainSettingsForUpdate")
            renamed = {} if r_studio is None else {"RStudioServerProDomainSettings": r_studio}
            others = {name: one for name, one in settings.items() if not name.endswith("ForUpdate")}
            changes["DomainSettings"] = {**others, **renamed}
        merge_within(record, changes)

    def check_deletion(self, record: Record) -> None:
        for family in ("App", "UserProfile", "Space"):
            if any(
                other["DomainId"] == record["DomainId"] and other["Status"] not in ("Deleted", "Failed")
                for other in resources.every(family)
            ):
                raise in_the_way("Domain", record, family)

    def delete(self, record: Record, request: Request) -> bool:
        """The home stays unless DeleteDomain is asked to take it along: CloudFormation cannot ask.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RetentionPolicy.html
        """
        if request.get("RetentionPolicy", {}).get("HomeEfsFileSystem") == "Delete":
            studio_home.remove(record)
        return True
