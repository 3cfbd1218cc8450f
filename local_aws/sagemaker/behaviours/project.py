"""Projects: Service Catalog launches their product, and they are as far as that is.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProject.html
"""

from __future__ import annotations

import secrets
import string
import time
import uuid
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import callers, tags
from local_aws.sagemaker.behaviour import Behaviour, Request
from local_aws.store import STORE, Record

_DETAILS = "ServiceCatalogProvisioningDetails"
_PRODUCT = "ServiceCatalogProvisionedProductDetails"
_UPDATE = "ServiceCatalogProvisioningUpdateDetails"
_LAUNCH = "_launch"
"""Service Catalog's record of what is under way."""
_STEP_SECONDS = 0.05


class Project(Behaviour):
    def check(self, request: Request) -> None:
        if "TemplateProviders" in request:
            raise not_supported("a project with TemplateProviders")
        if _DETAILS not in request:
            raise invalid(f"Either {_DETAILS} or TemplateProviders must be given.")

    def prepare(self, record: Record) -> None:
        letters = string.ascii_lowercase + string.digits
        record["ProjectId"] = "p-" + "".join(secrets.choice(letters) for _ in range(12))
        record["ProjectStatus"] = "CreateInProgress"
        record["CreatedBy"] = {"IamIdentity": {"Arn": callers.acting().arn}}

    def created(self, record: Record) -> None:
        """What Service Catalog refuses at once is refused, in its words; so is "Provisioning artifact … does
        not exist or access was denied": https://github.com/aws-samples/sagemaker-studio-emr/issues/42"""
        details = record[_DETAILS]
        names = ("ProductId", "ProvisioningArtifactId", "PathId")
        request = {name: details[name] for name in names if name in details}
        try:
            request.setdefault("ProvisioningArtifactId", _newest_version(details["ProductId"]))
            launched = _service_catalog(
                "ProvisionProduct",
                **request,
                ProvisionedProductName=f"{record['ProjectName']}-{record['ProjectId']}",
                ProvisioningParameters=_parameters(record),
                ProvisionToken=str(uuid.uuid4()),
                Tags=[*_own_tags(record), *_users_tags(record)],
            )
        except ServiceError as error:
            STORE.remove("Project", (record["ProjectName"],))
            raise invalid(error.message) from error
        record[_PRODUCT] = {"ProvisionedProductId": launched["ProvisionedProductId"]}
        _follow(record, launched)

    def check_update(self, record: Record, request: Request) -> None:
        _refuse_busy(record, "update")
        if "TemplateProvidersToUpdate" in request:
            raise not_supported("a project with TemplateProviders")

    def update(self, record: Record, request: Request) -> None:
        wanted = request.get(_UPDATE)
        if wanted is not None:
            parameters = {one["Key"]: one for one in record[_DETAILS].get("ProvisioningParameters", ())}
            parameters |= {one["Key"]: one for one in wanted.get("ProvisioningParameters", ())}
            details = {**record[_DETAILS], **wanted, "ProvisioningParameters": list(parameters.values())}
            version = {name: value for name, value in wanted.items() if name == "ProvisioningArtifactId"}
            try:
                launched = _service_catalog(
                    "UpdateProvisionedProduct",
                    **version,
                    ProvisionedProductId=record[_PRODUCT]["ProvisionedProductId"],
                    ProvisioningParameters=_parameters({**record, _DETAILS: details}),
                    UpdateToken=str(uuid.uuid4()),
                )
            except ServiceError as error:
                raise invalid(error.message) from error
            record[_DETAILS] = details
            record["ProjectStatus"] = "UpdateInProgress"
            _follow(record, launched)
        if "ProjectDescription" in request:
            record["ProjectDescription"] = request["ProjectDescription"]
        if "Tags" in request:
            tags.replace(record, [*record.get("Tags", []), *request["Tags"]])

    def check_deletion(self, record: Record) -> None:
        _refuse_busy(record, "delete")

    def delete(self, record: Record, request: Request) -> bool:  # noqa: ARG002 - nothing is chosen
        try:
            launched = _service_catalog(
                "TerminateProvisionedProduct",
                ProvisionedProductId=record[_PRODUCT]["ProvisionedProductId"],
                TerminateToken=str(uuid.uuid4()),
            )
        except ServiceError as error:
            if error.code != "ResourceNotFoundException":
                raise invalid(error.message) from error
            return True  # somebody else has terminated it
        record["ProjectStatus"] = "DeleteInProgress"
        _follow(record, launched)
        return False

    def resume(self, record: Record) -> None:
        if _busy(record):
            hooks.request.in_background(_watch, record, name=f"project-{record['ProjectId']}")

    def settle(self, record: Record) -> str | None:
        while _busy(record):
            time.sleep(_STEP_SECONDS)
        if not record["ProjectStatus"].endswith("Failed"):
            return None
        return str(record[_PRODUCT].get("ProvisionedProductStatusMessage", "the launch failed"))


def _own_tags(record: Record) -> list[dict[str, str]]:
    """What SageMaker tags a project's resources with.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-resources.html
    """
    return [
        {"Key": "sagemaker:project-name", "Value": record["ProjectName"]},
        {"Key": "sagemaker:project-id", "Value": record["ProjectId"]},
    ]


def _users_tags(record: Record) -> list[dict[str, str]]:
    return [tag for tag in record.get("Tags", ()) if not tag["Key"].startswith("aws:")]


def _parameters(record: Record) -> list[dict[str, str]]:
    """A project's template must have the parameters that SageMaker gives it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html
    """
    given = [
        {"Key": one["Key"], "Value": one.get("Value", "")}
        for one in record[_DETAILS].get("ProvisioningParameters", ())
    ]
    return [
        *given,
        {"Key": "SageMakerProjectName", "Value": record["ProjectName"]},
        {"Key": "SageMakerProjectId", "Value": record["ProjectId"]},
    ]


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


def _follow(record: Record, launched: Mapping[str, Any]) -> None:
    record[_LAUNCH] = launched["RecordId"]
    hooks.request.in_background(_watch, record, name=f"project-{record['ProjectId']}")


def _watch(record: Record) -> None:
    """Waits for the launch, and takes over how it ended."""
    from local_aws.servicecatalog.catalog import RECORD

    while True:
        launch = STORE.get(RECORD, (record[_LAUNCH],)) or {"Status": "FAILED"}
        if launch["Status"] in ("SUCCEEDED", "FAILED"):
            break
        time.sleep(_STEP_SECONDS)
    deed = record["ProjectStatus"].removesuffix("InProgress")
    product = {name: value for name, value in record[_PRODUCT].items() if name == "ProvisionedProductId"}
    if launch["Status"] == "FAILED":
        product["ProvisionedProductStatusMessage"] = "; ".join(
            error["Description"] for error in launch.get("RecordErrors", ())
        )
    elif deed == "Delete":
        STORE.remove("Project", (record["ProjectName"],))
    record[_PRODUCT] = product
    record["LastModifiedTime"] = time.time()
    record["ProjectStatus"] = deed + ("Failed" if launch["Status"] == "FAILED" else "Completed")


def _busy(record: Record) -> bool:
    return bool(record["ProjectStatus"].endswith("InProgress"))


def _refuse_busy(record: Record, deed: str) -> None:
    if _busy(record):
        raise ServiceError(
            "ConflictException",
            f"Unable to {deed} Project {record['ProjectName']} because it is in status"
            f" {record['ProjectStatus']}.",
        )
