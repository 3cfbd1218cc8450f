"""Products and their versions, as administrators see them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.errors import not_supported
from local_aws.servicecatalog import catalog, templates
from local_aws.servicecatalog.access import Caller
from local_aws.servicecatalog.errors import in_use, not_found, wrong
from local_aws.servicecatalog.model import shaped
from local_aws.servicecatalog.operations import Answer, Request, answers, page
from local_aws.store import STORE, Record

_TEMPLATE = "CLOUD_FORMATION_TEMPLATE"
_DESCRIPTION = {"Description": "ShortDescription"}
_ABOUT = ("Name", "Owner", "Description", "Distributor", "SupportDescription", "SupportEmail", "SupportUrl")
"""What a product says of itself, and an update may change."""


@answers("CreateProduct")
def create(request: Request) -> Answer:
    _check_type(request["ProductType"])
    if "SourceConnection" in request:
        raise not_supported("products that are read from a repository (SourceConnection)")
    if "ProvisioningArtifactParameters" not in request:
        raise wrong("ProvisioningArtifactParameters must be specified.")
    first = new_artifact(request["ProvisioningArtifactParameters"], request.caller)
    identifier = catalog.new_id("prod")
    product = catalog.keep(
        catalog.PRODUCT,
        (identifier,),
        Id=identifier,
        ViewId=identifier.replace("prod-", "prodview-"),
        ProductARN=f"arn:aws:catalog:{hooks.request.place()}:product/{identifier}",
        Type=_TEMPLATE,
        Status="CREATED",
        Tags=catalog.tags(request.get("Tags", [])),
        Artifacts=[first],
        **_about(request),
    )
    return {**_told(product), "ProvisioningArtifactDetail": shaped("ProvisioningArtifactDetail", first)}


@answers("UpdateProduct")
def update(request: Request) -> Answer:
    product = catalog.own_product(request["Id"])
    if "SourceConnection" in request:
        raise not_supported("products that are read from a repository (SourceConnection)")
    catalog.change_tags(product, request.get("AddTags", []), request.get("RemoveTags", []))
    product.update(_about(request))
    return _told(product)


@answers("DeleteProduct")
def delete(request: Request) -> Answer:
    """ "You cannot delete a product if it was shared with you or is associated with a portfolio"
    (DeleteProduct)."""
    identifier = catalog.own_product(request["Id"])["Id"]
    if any(path["ProductId"] == identifier for path in catalog.everywhere(catalog.PATH)):
        raise in_use(f"Product {identifier} still has associated Portfolios")
    if catalog.tag_options(identifier):
        raise in_use(f"Product {identifier} still has associated TagOptions")
    for budget in catalog.budgets(identifier):
        STORE.remove(catalog.BUDGET_ON, (identifier, budget["BudgetName"]))
    for key, _ in STORE.all(catalog.SERVICE_ACTION_ON):
        if key[0] == identifier:
            STORE.remove(catalog.SERVICE_ACTION_ON, key)
    STORE.remove(catalog.PRODUCT, (identifier,))
    return {}


@answers("DescribeProductAsAdmin")
def describe(request: Request) -> Answer:
    product = _by_id_or_name(request)
    source = request.get("SourcePortfolioId")
    if source is not None and catalog.path(source, product["Id"]) is None:
        raise not_found(f"Product {product['Id']} is not in portfolio {source}.")
    options = catalog.tag_options(product["Id"])
    return {
        **_told(product),
        "ProvisioningArtifactSummaries": [
            shaped("ProvisioningArtifactSummary", one) for one in product["Artifacts"]
        ],
        "TagOptions": [shaped("TagOptionDetail", option) for option in options],
        "Budgets": catalog.budgets(product["Id"]),
    }


# --- versions --------------------------------------------------------------------------------------


@answers("CreateProvisioningArtifact")
def create_artifact(request: Request) -> Answer:
    product = catalog.own_product(request["ProductId"])
    artifact = new_artifact(request["Parameters"], request.caller)
    product["Artifacts"] = [*product["Artifacts"], artifact]
    return _artifact_told(artifact)


@answers("UpdateProvisioningArtifact")
def update_artifact(request: Request) -> Answer:
    product = catalog.own_product(request["ProductId"])
    artifact = catalog.artifact(product, request["ProvisioningArtifactId"])
    for member in ("Name", "Description", "Active", "Guidance"):
        if member in request:
            artifact[member] = request[member]
    return _artifact_told(artifact)


@answers("DeleteProvisioningArtifact")
def delete_artifact(request: Request) -> Answer:
    product = catalog.own_product(request["ProductId"])
    artifact = catalog.artifact(product, request["ProvisioningArtifactId"])
    if len(product["Artifacts"]) == 1:
        raise in_use(f"Product {product['Id']} must have at least one Provisioning Artifact")
    product["Artifacts"] = [one for one in product["Artifacts"] if one["Id"] != artifact["Id"]]
    return {}


@answers("ListProvisioningArtifacts")
def list_artifacts(request: Request) -> Answer:
    product = catalog.product(request["ProductId"])
    return {
        "ProvisioningArtifactDetails": [
            shaped("ProvisioningArtifactDetail", one) for one in product["Artifacts"]
        ]
    }


@answers("DescribeProvisioningArtifact")
def describe_artifact(request: Request) -> Answer:
    product = product_asked(request)
    artifact = artifact_asked(product, request)
    told = _artifact_told(artifact)
    if request.get("Verbose"):
        told["Info"] = {**artifact["Info"], "TemplateBody": artifact["Template"]}
    if request.get("IncludeProvisioningArtifactParameters"):
        template = templates.parsed(artifact["Template"])
        told["ProvisioningArtifactParameters"] = templates.parameters(template)
    return told


def new_artifact(properties: Mapping[str, Any], caller: Caller) -> Record:
    """A version that has been read and checked, and belongs to no product yet."""
    _check_type(properties.get("Type", _TEMPLATE))
    name = properties.get("Name", "")
    if " " in name:
        raise wrong(f"Invalid Provisioning Artifact name '{name}': no spaces are allowed.")
    text = templates.fetch(
        properties["Info"], caller, validate=not properties.get("DisableTemplateValidation", False)
    )
    identifier = catalog.new_id("pa")
    return {
        "Id": identifier,
        "Name": name or identifier,
        "Description": properties.get("Description"),
        "Type": _TEMPLATE,
        "CreatedTime": round(time.time(), 3),
        "Active": True,
        "Guidance": "DEFAULT",
        "Info": {"TemplateUrl": url} if (url := properties["Info"].get("LoadTemplateFromURL")) else {},
        "Template": text,
    }


def product_asked(request: Mapping[str, Any]) -> Record:
    """The product that a request names by `ProductId` or by `ProductName`."""
    identifier, name = request.get("ProductId"), request.get("ProductName")
    if (identifier is None) == (name is None):
        raise wrong("Either ProductId or ProductName must be specified, but not both.")
    return catalog.product(identifier) if identifier is not None else _named(str(name))


def artifact_asked(product: Record, request: Mapping[str, Any]) -> Record:
    identifier, name = request.get("ProvisioningArtifactId"), request.get("ProvisioningArtifactName")
    if (identifier is None) == (name is None):
        raise wrong(
            "Either ProvisioningArtifactId or ProvisioningArtifactName must be specified, but not both."
        )
    if identifier is not None:
        return catalog.artifact(product, identifier)
    return catalog.artifact_named(product, str(name))


def _by_id_or_name(request: Request) -> Record:
    return product_asked(
        {f"Product{member}": request[member] for member in ("Id", "Name") if member in request}
    )


def _named(name: str) -> Record:
    found = catalog.products_named(name)
    if not found:
        raise not_found(f"Product with name {name} does not exist or access was denied.")
    if len(found) > 1:
        raise wrong(f"Multiple products with name {name} found.")
    return found[0]


def _check_type(type_: str) -> None:
    if type_ != _TEMPLATE:
        raise not_supported(f"a product of the type {type_}")


def _about(request: Request) -> dict[str, Any]:
    return {_DESCRIPTION.get(member, member): request[member] for member in _ABOUT if member in request}


def _told(product: Record) -> Answer:
    return {"ProductViewDetail": view_detail(product), "Tags": product["Tags"]}


def view_detail(product: Record) -> dict[str, Any]:
    return {**shaped("ProductViewDetail", product), "ProductViewSummary": view_summary(product)}


def view_summary(product: Record) -> dict[str, Any]:
    """A product as its users see it; it has an identifier of its own there."""
    return {
        **shaped("ProductViewSummary", product),
        "Id": product["ViewId"],
        "ProductId": product["Id"],
        "HasDefaultPath": False,
    }


def _artifact_told(artifact: Record) -> Answer:
    return {
        "ProvisioningArtifactDetail": shaped("ProvisioningArtifactDetail", artifact),
        "Info": artifact["Info"],
        "Status": "AVAILABLE",
    }


def matching(found: list[Record], request: Request) -> list[Record]:
    """The products that a search's filters leave, in the order that it asks for."""
    for key, values in request.get("Filters", {}).items():
        found = [product for product in found if any(_fits(product, key, value) for value in values)]
    by = request.get("SortBy", "Title")
    found.sort(
        key=lambda product: {
            "Title": product["Name"].lower(),
            "VersionCount": len(product["Artifacts"]),
            "CreationDate": product["CreatedTime"],
        }[by],
        reverse=request.get("SortOrder") == "DESCENDING",
    )
    return found


def _fits(product: Record, key: str, value: str) -> bool:
    if key == "Owner":
        return bool(product["Owner"] == value)
    if key == "ProductType":
        return bool(product["Type"] == value)
    if key == "SourceProductId":
        return False  # copies are not emulated
    said = " ".join(str(product.get(_DESCRIPTION.get(member, member)) or "") for member in _ABOUT)
    return all(word in f"{product['Id']} {said}".lower() for word in value.lower().split())


@answers("SearchProductsAsAdmin")
def search(request: Request) -> Answer:
    if "PortfolioId" in request:
        portfolio = catalog.portfolio(request["PortfolioId"])
        chosen = [
            catalog.product(path["ProductId"])
            for path in catalog.everywhere(catalog.PATH)
            if path["PortfolioId"] == portfolio["Id"]
        ]
    else:
        chosen = list(catalog.mine(catalog.PRODUCT))
    some, token = page([view_detail(one) for one in matching(chosen, request)], request)
    return {"ProductViewDetails": some, **token}
