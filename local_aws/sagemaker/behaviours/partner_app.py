"""Partner AI apps: described and changed. There is no application of a partner behind them here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePartnerApp.html
"""

from __future__ import annotations

import secrets
import string

from local_aws import hooks
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import resources
from local_aws.sagemaker.behaviour import Behaviour, Request, merge
from local_aws.store import Record


class PartnerApp(Behaviour):
    def check(self, request: Request) -> None:
        if request["AuthType"] == "IDC" and "IdcConfig" not in request:
            raise invalid("IdcConfig must be given for the AuthType IDC.")
        for other in resources.every("PartnerApp"):
            if other["Name"] == request["Name"]:
                raise ServiceError(
                    "ConflictException", f"A partner app with the name {request['Name']} already exists."
                )

    def prepare(self, record: Record) -> None:
        """Its identifier is in capital letters, unlike other ARNs' (the service model's `PartnerAppArn`)."""
        letters = string.ascii_uppercase + string.digits
        identifier = "app-" + "".join(secrets.choice(letters) for _ in range(12))
        region, account = hooks.request.region(), hooks.request.account_id()
        record["Arn"] = f"arn:aws:sagemaker:{region}:{account}:partner-app/{identifier}"
        record.setdefault("EnableAutoMinorVersionUpgrade", False)
        record.setdefault("EnableIamSessionBasedIdentity", False)

    def check_update(self, record: Record, request: Request) -> None:
        auth = request.get("AuthType", record["AuthType"])
        if auth == "IDC" and "IdcConfig" not in record and "IdcConfig" not in request:
            raise invalid("IdcConfig must be given for the AuthType IDC.")

    def update(self, record: Record, request: Request) -> None:
        changes = {name: value for name, value in request.items() if name != "ClientToken"}
        if "AppVersion" in changes:
            changes["Version"] = changes.pop("AppVersion")
        merge(record, changes)
