"""Projects whose template is a product of Service Catalog's, which launches it as whoever asked.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ServiceCatalogProvisioningDetails.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import callers
from local_aws.sagemaker.behaviour import Request
from local_aws.sagemaker.project_parts import own_parameters, tags_of
from local_aws.store import STORE, Record

DETAILS = "ServiceCatalogProvisioningDetails"
_PRODUCT = "ServiceCatalogProvisionedProductDetails"
_UPDATE = "ServiceCatalogProvisioningUpdateDetails"
_LAUNCH = "_launch"
"""Service Catalog's record of what is under way."""


def create(record: Record) -> None:
    """What Service Catalog refuses at once is refused, in its words; so is "Provisioning artifact … does
    not exist or access was denied": https://github.com/aws-samples/sagemaker-studio-emr/issues/42"""
    details = record[DETAILS]
    names = ("ProductId", "ProvisioningArtifactId", "PathId")
    request = {name: details[name] for name in names if name in details}
    request.setdefault("ProvisioningArtifactId", _newest_version(details["ProductId"]))
    launched = _service_catalog(
        "ProvisionProduct",
        **request,
        ProvisionedProductName=f"{record['ProjectName']}-{record['ProjectId']}",
        ProvisioningParameters=_parameters(record),
        ProvisionToken=str(uuid.uuid4()),
        Tags=tags_of(record),
    )
    record[_PRODUCT] = {"ProvisionedProductId": launched["ProvisionedProductId"]}
    record[_LAUNCH] = launched["RecordId"]


def update(record: Record, request: Request) -> bool:
    """Whether something is under way."""
    wanted = request.get(_UPDATE)
    if wanted is None:
        return False
    parameters = {one["Key"]: one for one in record[DETAILS].get("ProvisioningParameters", ())}
    parameters |= {one["Key"]: one for one in wanted.get("ProvisioningParameters", ())}
    details = {**record[DETAILS], **wanted, "ProvisioningParameters": list(parameters.values())}
    version = {name: value for name, value in wanted.items() if name == "ProvisioningArtifactId"}
    launched = _service_catalog(
        "UpdateProvisionedProduct",
        **version,
        ProvisionedProductId=record[_PRODUCT]["ProvisionedProductId"],
        ProvisioningParameters=_parameters({**record, DETAILS: details}),
        UpdateToken=str(uuid.uuid4()),
    )
    record[DETAILS] = details
    record[_LAUNCH] = launched["RecordId"]
    return True


def delete(record: Record) -> bool:
    """Whether something is under way: somebody else may have terminated it."""
    try:
        launched = _service_catalog(
            "TerminateProvisionedProduct",
            ProvisionedProductId=record[_PRODUCT]["ProvisionedProductId"],
            TerminateToken=str(uuid.uuid4()),
        )
    except ServiceError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return False
    record[_LAUNCH] = launched["RecordId"]
    return True


def failure(record: Record) -> str | None:
    """Why what was under way failed; nothing where it has not. None while it goes on."""
    from local_aws.servicecatalog.catalog import RECORD

    launch = STORE.get(RECORD, (record[_LAUNCH],)) or {"Status": "FAILED"}
    if launch["Status"] not in ("SUCCEEDED", "FAILED"):
        return None
    if launch["Status"] == "SUCCEEDED":
        return ""
    said = "; ".join(error["Description"] for error in launch.get("RecordErrors", ()))
    return said or "the launch failed"


def tell(record: Record, failure_: str) -> None:
    """Writes down how it ended."""
    product = {name: value for name, value in record[_PRODUCT].items() if name == "ProvisionedProductId"}
    record[_PRODUCT] = product | ({"ProvisionedProductStatusMessage": failure_} if failure_ else {})


def _parameters(record: Mapping[str, Any]) -> list[dict[str, str]]:
    given = [
        {"Key": one["Key"], "Value": one.get("Value", "")}
        for one in record[DETAILS].get("ProvisioningParameters", ())
    ]
    return [*given, *own_parameters(record)]


def _newest_version(product: str) -> str:
    """What is launched where no version is asked for: the latest that is active."""
    from local_aws.servicecatalog import catalog

    active = [one for one in catalog.product(product)["Artifacts"] if one["Active"]]
    if not active:
        raise invalid(f"Product {product} has no active provisioning artifact.")
    return str(active[-1]["Id"])


def _service_catalog(name: str, **members: Any) -> Mapping[str, Any]:
    # Only now: nothing of the catalog's is loaded before anybody has a project.
    from local_aws.servicecatalog import handler, operations  # noqa: F401 - it registers the operations

    found: Mapping[str, Any] = operations.call(name, members, callers.acting())["RecordDetail"]
    return found
