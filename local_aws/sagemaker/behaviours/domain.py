"""Studio domains: a home file system that is really there, and what must go before a domain goes."""

from __future__ import annotations

import secrets
import string

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.sagemaker import clients
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.sagemaker.errors import ServiceError
from local_aws.store import STORE, Record

_ALPHABET = string.ascii_lowercase + string.digits


class Domain(Behaviour):
    def prepare(self, record: Record) -> None:
        region, account = hooks.region(), hooks.account_id()
        identifier = "d-" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
        arn = f"arn:aws:sagemaker:{region}:{account}:domain/{identifier}"
        record.update(
            DomainId=identifier,
            DomainArn=arn,
            Url=f"https://{identifier}.studio.{region}.sagemaker.aws",
            HomeEfsFileSystemId=_make_home(arn, record.get("KmsKeyId")),
            Status="Pending",
        )

    def created(self, record: Record) -> None:
        record["Status"] = "InService"

    def update(self, record: Record, request: Request) -> None:
        changes = dict(request)
        # What CreateDomain calls DomainSettings, UpdateDomain calls DomainSettingsForUpdate.
        settings = changes.pop("DomainSettingsForUpdate", None)
        if settings is not None:
            record["DomainSettings"] = {**record.get("DomainSettings", {}), **settings}
        record.update(changes)

    def check_deletion(self, record: Record) -> None:
        domain = record["DomainId"]
        for family in ("UserProfile", "Space"):
            if any(key[0] == domain for key, _ in STORE.all(family)):
                raise ServiceError(
                    "ResourceInUse",
                    f"Unable to delete Domain {domain} because {family}(s) are associated with it.",
                )

    def delete(self, record: Record, request: Request) -> bool:
        """The home file system stays unless DeleteDomain is asked to take it along: CloudFormation cannot."""
        if request.get("RetentionPolicy", {}).get("HomeEfsFileSystem") == "Delete":
            _remove_home(record["HomeEfsFileSystemId"])
        return True


def _make_home(domain_arn: str, key_id: str | None) -> str:
    encryption = {"KmsKeyId": key_id} if key_id else {}
    answer = clients.of_account("efs").create_file_system(
        CreationToken=domain_arn,
        Encrypted=True,
        Tags=[{"Key": "ManagedByAmazonSageMakerResource", "Value": domain_arn}],
        **encryption,
    )
    return str(answer["FileSystemId"])


def _remove_home(identifier: str) -> None:
    try:
        clients.of_account("efs").delete_file_system(FileSystemId=identifier)
    except ClientError as error:
        if error.response["Error"]["Code"] != "FileSystemNotFound":
            raise
