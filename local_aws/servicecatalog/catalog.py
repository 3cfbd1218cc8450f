"""What is in the catalog: the records of every kind, and how they are found.

Identifiers are nobody else's, so that what another account shares is found by them. What belongs to
whom is written on each record as `AccountId`.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local_aws import hooks
from local_aws.servicecatalog.errors import not_found, wrong
from local_aws.store import STORE, Key, Record

PORTFOLIO = "ServiceCatalog::Portfolio"
PRODUCT = "ServiceCatalog::Product"
PATH = "ServiceCatalog::LaunchPath"
"""By portfolio and product: the association of the two, which has constraints and an identifier."""
PRINCIPAL = "ServiceCatalog::Principal"
"""By portfolio, ARN and type."""
SHARE = "ServiceCatalog::PortfolioShare"
"""By portfolio and account, in the owner's account."""
CONSTRAINT = "ServiceCatalog::Constraint"
TAG_OPTION = "ServiceCatalog::TagOption"
TAG_OPTION_ON = "ServiceCatalog::TagOptionAssociation"
"""By resource and tag option."""
BUDGET_ON = "ServiceCatalog::BudgetAssociation"
"""By resource and budget."""
SERVICE_ACTION = "ServiceCatalog::ServiceAction"
SERVICE_ACTION_ON = "ServiceCatalog::ServiceActionAssociation"
"""By product, provisioning artifact and service action."""
PROVISIONED = "ServiceCatalog::ProvisionedProduct"
RECORD = "ServiceCatalog::Record"

_LETTERS = string.ascii_lowercase + string.digits
_MOST_TAGS = 50


def new_id(prefix: str) -> str:
    """`prod-4a7b…`, as long as AWS's."""
    return f"{prefix}-{''.join(secrets.choice(_LETTERS) for _ in range(13))}"


def keep(family: str, key: Key, **members: Any) -> Record:
    """A new record of this account."""
    record: Record = {
        **members,
        "AccountId": hooks.request.account_id(),
        "CreatedTime": round(time.time(), 3),
    }
    STORE.add(family, key, record)
    return record


def everywhere(family: str) -> Iterator[Record]:
    """The records of a family in this region, whoever's they are."""
    here = hooks.request.region()
    return (record for _, region, _, record in STORE.everywhere(family) if region == here)


def mine(family: str) -> Iterator[Record]:
    """This account's records of a family, oldest first."""
    return (record for _, record in STORE.all(family))


def _find(family: str, identifier: str) -> Record | None:
    return next((record for record in everywhere(family) if record["Id"] == identifier), None)


# --- portfolios ------------------------------------------------------------------------------------


def portfolios() -> Iterator[Record]:
    """This account's portfolios, and those that it has imported."""
    account = hooks.request.account_id()
    for record in everywhere(PORTFOLIO):
        if record["AccountId"] == account:
            yield record
        else:
            shared = share(record["Id"], account)
            if shared is not None and shared["Accepted"]:
                yield record


def portfolio(identifier: str) -> Record:
    """A portfolio of this account, or one that is shared with it."""
    record = _find(PORTFOLIO, identifier)
    account = hooks.request.account_id()
    if record is None or (record["AccountId"] != account and share(identifier, account) is None):
        raise not_found(f"Portfolio {identifier} not found.")
    return record


def own_portfolio(identifier: str) -> Record:
    """A portfolio that this account may change."""
    record = portfolio(identifier)
    if record["AccountId"] != hooks.request.account_id():
        raise not_found(f"Portfolio {identifier} not found.")
    return record


def share(portfolio_id: str, account: str) -> Record | None:
    return next(
        (
            record
            for record in everywhere(SHARE)
            if record["PortfolioId"] == portfolio_id and record["PrincipalId"] == account
        ),
        None,
    )


# --- products --------------------------------------------------------------------------------------


def product(identifier: str) -> Record:
    """A product of this account, or one in a portfolio that is shared with it."""
    record = _find(PRODUCT, identifier)
    if record is None or (record["AccountId"] != hooks.request.account_id() and not list(paths(identifier))):
        raise not_found(f"Product {identifier} not found.")
    return record


def own_product(identifier: str) -> Record:
    record = product(identifier)
    if record["AccountId"] != hooks.request.account_id():
        raise not_found(f"Product {identifier} not found.")
    return record


def products_named(name: str) -> list[Record]:
    """This account's products of a name, and those that others share with it."""
    account = hooks.request.account_id()
    return [
        record
        for record in everywhere(PRODUCT)
        if record["Name"] == name and (record["AccountId"] == account or list(paths(record["Id"])))
    ]


def artifact(record: Record, identifier: str) -> Record:
    """A version of a product."""
    for found in record["Artifacts"]:
        if found["Id"] == identifier:
            return dict_of(found)
    raise not_found(f"Provisioning Artifact {identifier} not found.")


def artifact_named(record: Record, name: str) -> Record:
    found = [one for one in record["Artifacts"] if one["Name"] == name]
    if not found:
        raise not_found(f"Provisioning Artifact with name {name} not found.")
    if len(found) > 1:
        raise wrong(f"Multiple Provisioning Artifact with name {name} found.")
    return dict_of(found[0])


def dict_of(found: Any) -> Record:
    """The record itself, not a copy: who asks for it may change it."""
    assert isinstance(found, dict)
    return found


def paths(product_id: str) -> Iterator[Record]:
    """The product's associations with portfolios that this account has or has imported."""
    known = {record["Id"] for record in portfolios()}
    return (
        record
        for record in everywhere(PATH)
        if record["ProductId"] == product_id and record["PortfolioId"] in known
    )


def path(portfolio_id: str, product_id: str) -> Record | None:
    return next((found for found in paths(product_id) if found["PortfolioId"] == portfolio_id), None)


def constraints(portfolio_id: str, product_id: str, type_: str | None = None) -> list[Record]:
    return [
        record
        for record in everywhere(CONSTRAINT)
        if record["PortfolioId"] == portfolio_id
        and record["ProductId"] == product_id
        and type_ in (None, record["Type"])
    ]


# --- tags ------------------------------------------------------------------------------------------


def tags(given: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Tags as they are kept; of several with one key, the last one counts."""
    values = {tag["Key"]: tag["Value"] for tag in given}
    if len(values) > _MOST_TAGS:
        raise wrong(f"A maximum of {_MOST_TAGS} tags can be specified.")
    return [{"Key": key, "Value": value} for key, value in values.items()]


def change_tags(record: Record, added: Sequence[Mapping[str, str]], removed: Iterable[str]) -> None:
    gone = set(removed)
    left = [tag for tag in record["Tags"] if tag["Key"] not in gone]
    record["Tags"] = tags([*left, *added])


def tag_options(resource_id: str) -> list[Record]:
    """The tag options of a portfolio or product, oldest association first."""
    chosen = [
        record["TagOptionId"] for record in everywhere(TAG_OPTION_ON) if record["ResourceId"] == resource_id
    ]
    known = {record["Id"]: record for record in everywhere(TAG_OPTION)}
    return [known[identifier] for identifier in chosen if identifier in known]


def budgets(resource_id: str) -> list[dict[str, str]]:
    return [
        {"BudgetName": record["BudgetName"]}
        for record in mine(BUDGET_ON)
        if record["ResourceId"] == resource_id
    ]


def resource(identifier: str) -> Record:
    """The portfolio or product of this identifier."""
    return own_portfolio(identifier) if identifier.startswith("port-") else own_product(identifier)
