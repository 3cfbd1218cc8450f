"""Portfolios shared with other accounts. Organizations' nodes are not emulated."""

from __future__ import annotations

from local_aws import hooks
from local_aws.errors import not_supported
from local_aws.servicecatalog import catalog
from local_aws.servicecatalog.errors import not_found, wrong
from local_aws.servicecatalog.model import shaped
from local_aws.servicecatalog.operations import Answer, Request, answers, page
from local_aws.store import STORE, Record


@answers("CreatePortfolioShare")
def create(request: Request) -> Answer:
    portfolio = catalog.own_portfolio(request["PortfolioId"])
    account = _account(request)
    if account == hooks.request.account_id():
        raise wrong(f"Portfolio {portfolio['Id']} cannot be shared with the account that owns it.")
    key = portfolio["Id"], account
    share = STORE.get(catalog.SHARE, key)
    if share is None:
        share = catalog.keep(
            catalog.SHARE,
            key,
            PortfolioId=portfolio["Id"],
            PrincipalId=account,
            Type="ACCOUNT",
            Accepted=False,
        )
    share["ShareTagOptions"] = request.get("ShareTagOptions", False)
    share["SharePrincipals"] = request.get("SharePrincipals", False)
    return {}  # a token is answered for an organization's nodes only


@answers("UpdatePortfolioShare")
def update(request: Request) -> Answer:
    portfolio = catalog.own_portfolio(request["PortfolioId"])
    share = _share(portfolio["Id"], _account(request))
    for member in ("ShareTagOptions", "SharePrincipals"):
        if member in request:
            share[member] = request[member]
    return {"Status": "COMPLETED"}


@answers("DeletePortfolioShare")
def delete(request: Request) -> Answer:
    portfolio = catalog.own_portfolio(request["PortfolioId"])
    account = _account(request)
    _share(portfolio["Id"], account)
    STORE.remove(catalog.SHARE, (portfolio["Id"], account))
    return {}


@answers("AcceptPortfolioShare")
def accept(request: Request) -> Answer:
    _imported(request)["Accepted"] = True
    return {}


@answers("RejectPortfolioShare")
def reject(request: Request) -> Answer:
    _imported(request)["Accepted"] = False
    return {}


@answers("ListAcceptedPortfolioShares")
def list_accepted(request: Request) -> Answer:
    account = hooks.request.account_id()
    kind = request.get("PortfolioShareType", "IMPORTED")
    found = [one for one in catalog.portfolios() if one["AccountId"] != account and kind == "IMPORTED"]
    some, token = page([shaped("PortfolioDetail", one) for one in found], request)
    return {"PortfolioDetails": some, **token}


@answers("ListPortfolioAccess")
def list_access(request: Request) -> Answer:
    shares = _shares(catalog.own_portfolio(request["PortfolioId"])["Id"])
    some, token = page([share["PrincipalId"] for share in shares], request)
    return {"AccountIds": some, **token}


@answers("DescribePortfolioShares")
def describe(request: Request) -> Answer:
    found = [
        {**shaped("PortfolioShareDetail", share)}
        for share in _shares(catalog.own_portfolio(request["PortfolioId"])["Id"])
        if share["Type"] == request["Type"]
    ]
    some, token = page(found, request)
    return {"PortfolioShareDetails": some, **token}


def _account(request: Request) -> str:
    if ("AccountId" in request) == ("OrganizationNode" in request):
        raise wrong("Either AccountId or OrganizationNode must be specified, but not both.")
    if "OrganizationNode" in request:
        raise not_supported("sharing a portfolio with a node of an organization")
    return str(request["AccountId"])


def _share(portfolio_id: str, account: str) -> Record:
    share = STORE.get(catalog.SHARE, (portfolio_id, account))
    if share is None:
        raise not_found(f"Portfolio {portfolio_id} is not shared with account {account}.")
    return share


def _shares(portfolio_id: str) -> list[Record]:
    return [share for share in catalog.mine(catalog.SHARE) if share["PortfolioId"] == portfolio_id]


def _imported(request: Request) -> Record:
    if request.get("PortfolioShareType", "IMPORTED") != "IMPORTED":
        raise not_supported(f"portfolios that are shared as {request['PortfolioShareType']}")
    share = catalog.share(request["PortfolioId"], hooks.request.account_id())
    if share is None:
        raise not_found(f"Portfolio {request['PortfolioId']} not found.")
    return share
