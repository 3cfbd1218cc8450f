"""The catalog as its users see it: what they may launch, and what a launch asks of them."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from local_aws.servicecatalog import catalog, constraints, tag_options, templates
from local_aws.servicecatalog.access import Caller, launch_paths, portfolios_of
from local_aws.servicecatalog.errors import not_found, wrong
from local_aws.servicecatalog.model import shaped
from local_aws.servicecatalog.operations import Answer, Request, answers, page
from local_aws.servicecatalog.products import artifact_asked, matching, product_asked, view_summary
from local_aws.store import Record


@answers("SearchProducts")
def search(request: Request) -> Answer:
    allowed = {portfolio["Id"] for portfolio in portfolios_of(request.caller)}
    chosen = {
        path["ProductId"]: catalog.product(path["ProductId"])
        for path in catalog.everywhere(catalog.PATH)
        if path["PortfolioId"] in allowed
    }
    found = matching(list(chosen.values()), request)
    some, token = page([view_summary(product) for product in found], request)
    return {"ProductViewSummaries": some, "ProductViewAggregations": _aggregations(found), **token}


@answers("DescribeProduct")
def describe(request: Request) -> Answer:
    members = {f"Product{member}": request[member] for member in ("Id", "Name") if member in request}
    product = product_asked(members)
    paths = _paths(product, request.caller)
    return {
        "ProductViewSummary": view_summary(product),
        "ProvisioningArtifacts": _launchable(product),
        "Budgets": catalog.budgets(product["Id"]),
        "LaunchPaths": [{"Id": path["Id"], "Name": _name(path)} for path in paths],
    }


@answers("DescribeProductView")
def describe_view(request: Request) -> Answer:
    product = next(
        (one for one in catalog.everywhere(catalog.PRODUCT) if one["ViewId"] == request["Id"]), None
    )
    if product is None or not launch_paths(product["Id"], request.caller):
        raise not_found(f"ProductView {request['Id']} not found.")
    return {"ProductViewSummary": view_summary(product), "ProvisioningArtifacts": _launchable(product)}


@answers("ListLaunchPaths")
def list_paths(request: Request) -> Answer:
    product = catalog.product(request["ProductId"])
    found = [
        {
            "Id": path["Id"],
            "Name": _name(path),
            "ConstraintSummaries": constraints.summaries(path),
            "Tags": path_tags(path),
        }
        for path in _paths(product, request.caller)
    ]
    some, token = page(found, request)
    return {"LaunchPathSummaries": some, **token}


@answers("DescribeProvisioningParameters")
def describe_parameters(request: Request) -> Answer:
    product = product_asked(request)
    artifact = artifact_asked(product, request)
    path = path_asked(product, request)
    template = templates.parsed(artifact["Template"])
    outputs = templates.outputs(template)
    return {
        "ProvisioningArtifactParameters": templates.parameters(template),
        "ConstraintSummaries": constraints.summaries(path),
        "UsageInstructions": [
            {"Type": kind, "Value": value} for kind, value in _usage(path, template) if value is not None
        ],
        "TagOptions": [{"Key": key, "Values": values} for key, values in tag_options.offered(path).items()],
        "ProvisioningArtifactPreferences": {},
        "ProvisioningArtifactOutputs": outputs,
        "ProvisioningArtifactOutputKeys": outputs,
    }


def path_asked(product: Record, request: Request) -> Record:
    """The launch path that a request names; the only one there is, where it names none."""
    paths = _paths(product, request.caller)
    identifier, name = request.get("PathId"), request.get("PathName")
    if identifier is not None and name is not None:
        raise wrong("Either PathId or PathName must be specified, but not both.")
    if identifier is not None:
        paths = [path for path in paths if path["Id"] == identifier]
    elif name is not None:
        paths = [path for path in paths if _name(path) == name]
    if not paths:
        raise not_found(f"No launch paths found for resource: {product['Id']}")
    if len(paths) > 1:
        raise wrong("More than one launch path ids exist. Please specify the launch path id")
    return paths[0]


def path_tags(path: Record) -> list[dict[str, str]]:
    """The portfolio's and the product's tags: what is launched gets them."""
    portfolio, product = catalog.portfolio(path["PortfolioId"]), catalog.product(path["ProductId"])
    # Those that CloudFormation has given to portfolio and product are nobody else's.
    own = (tag for tag in (*portfolio["Tags"], *product["Tags"]) if not tag["Key"].startswith("aws:"))
    return catalog.tags(own)


def _paths(product: Record, caller: Caller) -> list[Record]:
    paths = launch_paths(product["Id"], caller)
    if not paths:
        raise not_found(f"No launch paths found for resource: {product['Id']}")
    return paths


def _name(path: Record) -> str:
    return str(catalog.portfolio(path["PortfolioId"])["DisplayName"])


def _launchable(product: Record) -> list[dict[str, Any]]:
    return [shaped("ProvisioningArtifact", one) for one in product["Artifacts"] if one["Active"]]


def _usage(path: Record, template: dict[str, Any]) -> list[tuple[str, str | None]]:
    """What a user interface has to know besides the parameters."""
    rules = {**(template.get("Rules") or {}), **constraints.rules(path)}
    return [
        ("rules", json.dumps(rules) if rules else None),
        ("metadata", json.dumps(template["Metadata"]) if "Metadata" in template else None),
        ("tagUpdateOnProvisionedProduct", constraints.tag_updates(path)),
        ("launchAsRole", constraints.launch_role(path)),
        ("version", str(template.get("AWSTemplateFormatVersion", "2010-09-09"))),
    ]


def _aggregations(products: list[Record]) -> dict[str, list[dict[str, Any]]]:
    by = {"Owner": "Owner", "ProductType": "Type", "Vendor": "Distributor"}
    return {
        name: [
            {"Value": value, "ApproximateCount": count}
            for value, count in Counter(one[member] for one in products if one.get(member)).items()
        ]
        for name, member in by.items()
    }
