"""Portfolios: what is in them and who may use them."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.cloudformation.client import client
from local_aws.servicecatalog import catalog
from local_aws.servicecatalog.errors import duplicate, in_use, limit_exceeded, not_found, wrong
from local_aws.servicecatalog.model import shaped
from local_aws.servicecatalog.operations import Answer, Request, answers, page
from local_aws.store import STORE, Record

_PRINCIPAL = re.compile(r"arn:aws(-cn|-us-gov)?:iam::\d{12}:(role|user|group)/.+")
_PATTERN = re.compile(r"arn:aws(-cn|-us-gov)?:iam:::(role|user|group)/.+")
_MOST_PATTERNS = 10


@answers("CreatePortfolio")
def create(request: Request) -> Answer:
    identifier = catalog.new_id("port")
    portfolio = catalog.keep(
        catalog.PORTFOLIO,
        (identifier,),
        Id=identifier,
        ARN=f"arn:aws:catalog:{hooks.request.place()}:portfolio/{identifier}",
        DisplayName=request["DisplayName"],
        Description=request.get("Description"),
        ProviderName=request["ProviderName"],
        Tags=catalog.tags(request.get("Tags", [])),
    )
    return _told(portfolio)


@answers("DescribePortfolio")
def describe(request: Request) -> Answer:
    portfolio = catalog.portfolio(request["Id"])
    options = catalog.tag_options(portfolio["Id"])
    return {
        **_told(portfolio),
        "TagOptions": [shaped("TagOptionDetail", option) for option in options],
        "Budgets": catalog.budgets(portfolio["Id"]),
    }


@answers("UpdatePortfolio")
def update(request: Request) -> Answer:
    portfolio = catalog.own_portfolio(request["Id"])
    catalog.change_tags(portfolio, request.get("AddTags", []), request.get("RemoveTags", []))
    for member in ("DisplayName", "Description", "ProviderName"):
        if member in request:
            portfolio[member] = request[member]
    return _told(portfolio)


@answers("DeletePortfolio")
def delete(request: Request) -> Answer:
    """ "You cannot delete a portfolio if it was shared with you or if it has associated products, users,
    constraints, or shared accounts" (DeletePortfolio)."""
    identifier = catalog.own_portfolio(request["Id"])["Id"]
    for family, what in (
        (catalog.PATH, "Products"),
        (catalog.PRINCIPAL, "Principals"),
        (catalog.CONSTRAINT, "Constraints"),
        (catalog.SHARE, "Accounts"),
    ):
        if any(record["PortfolioId"] == identifier for record in catalog.everywhere(family)):
            raise in_use(f"Portfolio {identifier} still has associated {what}")
    if catalog.tag_options(identifier):
        raise in_use(f"Portfolio {identifier} still has associated TagOptions")
    for budget in catalog.budgets(identifier):
        STORE.remove(catalog.BUDGET_ON, (identifier, budget["BudgetName"]))
    STORE.remove(catalog.PORTFOLIO, (identifier,))
    return {}


@answers("ListPortfolios")
def list_own(request: Request) -> Answer:
    return _listed(list(catalog.mine(catalog.PORTFOLIO)), request)


@answers("ListPortfoliosForProduct")
def list_for_product(request: Request) -> Answer:
    product = catalog.product(request["ProductId"])
    chosen = {path["PortfolioId"] for path in catalog.paths(product["Id"])}
    return _listed([found for found in catalog.portfolios() if found["Id"] in chosen], request)


# --- products in portfolios ------------------------------------------------------------------------


@answers("AssociateProductWithPortfolio")
def add_product(request: Request) -> Answer:
    portfolio = catalog.own_portfolio(request["PortfolioId"])
    product = catalog.product(request["ProductId"])
    source = request.get("SourcePortfolioId")
    if source is not None and catalog.path(source, product["Id"]) is None:
        raise not_found(f"Product {product['Id']} is not in portfolio {source}.")
    key = portfolio["Id"], product["Id"]
    if STORE.get(catalog.PATH, key) is None:  # what is there already is what was asked for
        catalog.keep(
            catalog.PATH,
            key,
            Id=catalog.new_id("lpv2"),
            PortfolioId=portfolio["Id"],
            ProductId=product["Id"],
            SourcePortfolioId=source,
        )
    return {}


@answers("DisassociateProductFromPortfolio")
def remove_product(request: Request) -> Answer:
    portfolio, product = catalog.own_portfolio(request["PortfolioId"]), request["ProductId"]
    key = portfolio["Id"], product
    if STORE.get(catalog.PATH, key) is None:
        raise not_found(f"Product {product} is not associated with portfolio {portfolio['Id']}.")
    if catalog.constraints(*key):
        raise in_use(f"Product {product} still has associated Constraints in portfolio {portfolio['Id']}")
    STORE.remove(catalog.PATH, key)
    return {}


# --- principals ------------------------------------------------------------------------------------


@answers("AssociatePrincipalWithPortfolio")
def add_principal(request: Request) -> Answer:
    portfolio = catalog.portfolio(request["PortfolioId"])
    arn, kind = request["PrincipalARN"], request["PrincipalType"]
    _check_principal(arn, kind)
    if kind == "IAM_PATTERN":
        patterns = [one for one in _principals(portfolio["Id"]) if one["PrincipalType"] == kind]
        if len(patterns) >= _MOST_PATTERNS and all(one["PrincipalARN"] != arn for one in patterns):
            raise limit_exceeded(
                f"A portfolio can have {_MOST_PATTERNS} principals of the type IAM_PATTERN at most."
            )
    key = portfolio["Id"], arn, kind
    if STORE.get(catalog.PRINCIPAL, key) is None:
        catalog.keep(
            catalog.PRINCIPAL, key, PortfolioId=portfolio["Id"], PrincipalARN=arn, PrincipalType=kind
        )
    return {}


@answers("DisassociatePrincipalFromPortfolio")
def remove_principal(request: Request) -> Answer:
    portfolio = catalog.portfolio(request["PortfolioId"])
    arn = request["PrincipalARN"]
    if STORE.remove(catalog.PRINCIPAL, (portfolio["Id"], arn, request.get("PrincipalType", "IAM"))) is None:
        raise not_found(f"Principal {arn} is not associated with portfolio {portfolio['Id']}.")
    return {}


@answers("ListPrincipalsForPortfolio")
def list_principals(request: Request) -> Answer:
    found = _principals(catalog.portfolio(request["PortfolioId"])["Id"])
    some, token = page([shaped("Principal", one) for one in found], request)
    return {"Principals": some, **token}


def _principals(portfolio_id: str) -> list[Record]:
    return [one for one in catalog.mine(catalog.PRINCIPAL) if one["PortfolioId"] == portfolio_id]


def _check_principal(arn: str, kind: str) -> None:
    """A pattern may stand for nobody yet; a principal by its full ARN has to be there."""
    if kind == "IAM_PATTERN":
        if not _PATTERN.fullmatch(arn):
            raise wrong(f"Invalid input parameter(s): '{arn}' is no IAM ARN without an account")
        return
    if not _PRINCIPAL.fullmatch(arn):
        raise wrong(f"Invalid input parameter(s): '{arn}' is no ARN of a role, user or group")
    type_, _, name = arn.split(":", 5)[5].partition("/")
    asked: dict[str, Any] = {f"{type_.capitalize()}Name": name.rpartition("/")[2]}
    try:
        found = getattr(client("iam"), f"get_{type_}")(**asked)[type_.capitalize()]["Arn"]
    except ClientError as error:
        raise wrong(f"Invalid input parameter(s): there is no principal '{arn}'") from error
    if found != arn:
        raise wrong(f"Invalid input parameter(s): there is no principal '{arn}'")


# --- budgets ---------------------------------------------------------------------------------------


@answers("AssociateBudgetWithResource")
def add_budget(request: Request) -> Answer:
    resource = catalog.resource(request["ResourceId"])
    name = request["BudgetName"]
    try:
        client("budgets").describe_budget(AccountId=hooks.request.account_id(), BudgetName=name)
    except ClientError as error:
        raise not_found(f"Budget {name} not found.") from error
    key = resource["Id"], name
    if STORE.get(catalog.BUDGET_ON, key) is not None:
        raise duplicate(f"Budget {name} is already associated with {resource['Id']}.")
    catalog.keep(catalog.BUDGET_ON, key, ResourceId=resource["Id"], BudgetName=name)
    return {}


@answers("DisassociateBudgetFromResource")
def remove_budget(request: Request) -> Answer:
    if STORE.remove(catalog.BUDGET_ON, (request["ResourceId"], request["BudgetName"])) is None:
        raise not_found(f"Budget {request['BudgetName']} is not associated with {request['ResourceId']}.")
    return {}


@answers("ListBudgetsForResource")
def list_budgets(request: Request) -> Answer:
    some, token = page(catalog.budgets(catalog.resource(request["ResourceId"])["Id"]), request)
    return {"Budgets": some, **token}


def _told(portfolio: Record) -> Answer:
    return {"PortfolioDetail": shaped("PortfolioDetail", portfolio), "Tags": portfolio["Tags"]}


def _listed(found: list[Record], request: Request) -> Answer:
    some, token = page([shaped("PortfolioDetail", one) for one in found], request)
    return {"PortfolioDetails": some, **token}
