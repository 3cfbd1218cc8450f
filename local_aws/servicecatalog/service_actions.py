"""Service actions: kept and associated; executing one needs Systems Manager's automations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.errors import ServiceError
from local_aws.servicecatalog import catalog
from local_aws.servicecatalog.errors import duplicate, in_use, not_found, wrong
from local_aws.servicecatalog.model import shaped
from local_aws.servicecatalog.operations import Answer, Request, answers, page
from local_aws.servicecatalog.products import view_summary
from local_aws.store import STORE, Key, Record


@answers("CreateServiceAction")
def create(request: Request) -> Answer:
    _check(request["Definition"])
    identifier = catalog.new_id("act")
    action = catalog.keep(
        catalog.SERVICE_ACTION,
        (identifier,),
        Id=identifier,
        Name=request["Name"],
        Description=request.get("Description"),
        DefinitionType=request["DefinitionType"],
        Definition=dict(request["Definition"]),
    )
    return _told(action)


@answers("DescribeServiceAction")
def describe(request: Request) -> Answer:
    return _told(_own(request["Id"]))


@answers("UpdateServiceAction")
def update(request: Request) -> Answer:
    action = _own(request["Id"])
    if "Definition" in request:
        _check(request["Definition"])
    for member in ("Name", "Description", "Definition"):
        if member in request:
            action[member] = request[member]
    return _told(action)


@answers("DeleteServiceAction")
def delete(request: Request) -> Answer:
    identifier = _own(request["Id"])["Id"]
    if any(key[2] == identifier for key, _ in STORE.all(catalog.SERVICE_ACTION_ON)):
        raise in_use(f"ServiceAction {identifier} still has associated Provisioning Artifacts")
    STORE.remove(catalog.SERVICE_ACTION, (identifier,))
    return {}


@answers("ListServiceActions")
def list_all(request: Request) -> Answer:
    return _summaries(list(catalog.mine(catalog.SERVICE_ACTION)), request)


@answers("AssociateServiceActionWithProvisioningArtifact")
def associate(request: Request) -> Answer:
    key = _key(request)
    if STORE.get(catalog.SERVICE_ACTION_ON, key) is not None:
        raise duplicate(f"ServiceAction {key[2]} is already associated with Provisioning Artifact {key[1]}.")
    catalog.keep(catalog.SERVICE_ACTION_ON, key)
    return {}


@answers("DisassociateServiceActionFromProvisioningArtifact")
def disassociate(request: Request) -> Answer:
    key = _key(request)
    if STORE.remove(catalog.SERVICE_ACTION_ON, key) is None:
        raise not_found(f"ServiceAction {key[2]} is not associated with Provisioning Artifact {key[1]}.")
    return {}


@answers("BatchAssociateServiceActionWithProvisioningArtifact")
def associate_all(request: Request) -> Answer:
    return _each(request, associate)


@answers("BatchDisassociateServiceActionFromProvisioningArtifact")
def disassociate_all(request: Request) -> Answer:
    return _each(request, disassociate)


@answers("ListServiceActionsForProvisioningArtifact")
def list_for_artifact(request: Request) -> Answer:
    product = catalog.product(request["ProductId"])
    artifact = catalog.artifact(product, request["ProvisioningArtifactId"])
    chosen = [
        _own(key[2])
        for key, _ in STORE.all(catalog.SERVICE_ACTION_ON)
        if key[:2] == (product["Id"], artifact["Id"])
    ]
    return _summaries(chosen, request)


@answers("ListProvisioningArtifactsForServiceAction")
def list_artifacts(request: Request) -> Answer:
    action = _own(request["ServiceActionId"])
    found = []
    for key, _ in STORE.all(catalog.SERVICE_ACTION_ON):
        if key[2] == action["Id"]:
            product = catalog.product(key[0])
            artifact = shaped("ProvisioningArtifact", catalog.artifact(product, key[1]))
            found.append({"ProductViewSummary": view_summary(product), "ProvisioningArtifact": artifact})
    some, token = page(found, request)
    return {"ProvisioningArtifactViews": some, **token}


def _own(identifier: str) -> Record:
    action = STORE.get(catalog.SERVICE_ACTION, (identifier,))
    if action is None:
        raise not_found(f"ServiceAction {identifier} not found.")
    return action


def _check(definition: Mapping[str, str]) -> None:
    for member in ("Name", "Version"):
        if not definition.get(member):
            raise wrong(f"Invalid service action definition: {member} is missing")


def _key(request: Request) -> Key:
    product = catalog.own_product(request["ProductId"])
    artifact = catalog.artifact(product, request["ProvisioningArtifactId"])
    return product["Id"], artifact["Id"], _own(request["ServiceActionId"])["Id"]


def _each(request: Request, act: Callable[[Request], Any]) -> Answer:
    failed = []
    for one in request["ServiceActionAssociations"]:
        try:
            act(Request(one, request.caller))
        except ServiceError as error:
            code = {"ResourceNotFoundException": "RESOURCE_NOT_FOUND"}.get(error.code, "DUPLICATE_RESOURCE")
            failed.append({**one, "ErrorCode": code, "ErrorMessage": error.message})
    return {"FailedServiceActionAssociations": failed}


def _told(action: Record) -> Answer:
    return {
        "ServiceActionDetail": {
            "ServiceActionSummary": shaped("ServiceActionSummary", action),
            "Definition": action["Definition"],
        }
    }


def _summaries(actions: list[Record], request: Request) -> Answer:
    some, token = page([shaped("ServiceActionSummary", action) for action in actions], request)
    return {"ServiceActionSummaries": some, **token}
