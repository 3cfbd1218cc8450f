"""Constraints: what an administrator says about the launches of a product from a portfolio."""

from __future__ import annotations

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.cloudformation.client import client
from local_aws.errors import not_supported
from local_aws.servicecatalog import catalog
from local_aws.servicecatalog.errors import duplicate, limit_exceeded, not_found, wrong
from local_aws.servicecatalog.model import shaped
from local_aws.servicecatalog.operations import Answer, Request, answers, page
from local_aws.store import STORE, Record

_ROLE = re.compile(r"arn:aws(-cn|-us-gov)?:iam::\d{12}:role/.+")
_TOPIC = re.compile(r"arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]+:\d{12}:[\w.-]+")
_TYPES = ("LAUNCH", "NOTIFICATION", "RESOURCE_UPDATE", "STACKSET", "TEMPLATE")
_ONLY_ONE = ("LAUNCH", "RESOURCE_UPDATE")
_TAG_UPDATES = ("ALLOWED", "NOT_ALLOWED")


@answers("CreateConstraint")
def create(request: Request) -> Answer:
    portfolio = catalog.own_portfolio(request["PortfolioId"])
    product, type_ = catalog.product(request["ProductId"]), request["Type"]
    if catalog.path(portfolio["Id"], product["Id"]) is None:
        raise not_found(f"Product {product['Id']} is not associated with portfolio {portfolio['Id']}.")
    if type_ not in _TYPES:
        raise wrong(f"Invalid constraint type '{type_}'. Choose one of: {', '.join(_TYPES)}.")
    _check(type_, request["Parameters"])
    if type_ in _ONLY_ONE and catalog.constraints(portfolio["Id"], product["Id"], type_):
        raise duplicate(
            f"A {type_} constraint already exists for product {product['Id']} in portfolio {portfolio['Id']}."
        )
    if len(catalog.constraints(portfolio["Id"], product["Id"])) >= _MOST:
        raise limit_exceeded(f"A product can have {_MOST} constraints per portfolio at most.")
    identifier = catalog.new_id("cons")
    constraint = catalog.keep(
        catalog.CONSTRAINT,
        (identifier,),
        Id=identifier,
        ConstraintId=identifier,
        Type=type_,
        Description=request.get("Description"),
        Owner=hooks.request.account_id(),
        PortfolioId=portfolio["Id"],
        ProductId=product["Id"],
        Parameters=request["Parameters"],
    )
    return _told(constraint)


_MOST = 100
"""https://docs.aws.amazon.com/general/latest/gr/servicecatalog.html"""


@answers("DescribeConstraint")
def describe(request: Request) -> Answer:
    return _told(_own(request["Id"]))


@answers("UpdateConstraint")
def update(request: Request) -> Answer:
    constraint = _own(request["Id"])
    if "Parameters" in request:
        _check(constraint["Type"], request["Parameters"])
        constraint["Parameters"] = request["Parameters"]
    if "Description" in request:
        constraint["Description"] = request["Description"]
    return _told(constraint)


@answers("DeleteConstraint")
def delete(request: Request) -> Answer:
    STORE.remove(catalog.CONSTRAINT, (_own(request["Id"])["Id"],))
    return {}


@answers("ListConstraintsForPortfolio")
def list_for_portfolio(request: Request) -> Answer:
    portfolio = catalog.portfolio(request["PortfolioId"])
    found = [
        shaped("ConstraintDetail", constraint)
        for constraint in catalog.everywhere(catalog.CONSTRAINT)
        if constraint["PortfolioId"] == portfolio["Id"]
        and request.get("ProductId") in (None, constraint["ProductId"])
    ]
    some, token = page(found, request)
    return {"ConstraintDetails": some, **token}


# --- what constraints say at launch ----------------------------------------------------------------


def launch_role(path: Record) -> str | None:
    """The ARN of the role that launches; None where whoever asks launches with their own permissions."""
    for constraint in _of(path, "LAUNCH"):
        said = json.loads(constraint["Parameters"])
        name = said.get("LocalRoleName")
        # "The IAM role with that name in the account will be used": of whoever launches.
        return (
            str(said["RoleArn"]) if name is None else f"arn:aws:iam::{hooks.request.account_id()}:role/{name}"
        )
    return None


def rules(path: Record) -> dict[str, Any]:
    """The rules of all template constraints, each under a name of its own."""
    found: dict[str, Any] = {}
    for constraint in _of(path, "TEMPLATE"):
        for name, rule in json.loads(constraint["Parameters"])["Rules"].items():
            found[name if name not in found else f"{name}{len(found)}"] = rule
    return found


def topics(path: Record) -> list[str]:
    """Where CloudFormation's events of a launch are told."""
    return [
        topic
        for constraint in _of(path, "NOTIFICATION")
        for topic in json.loads(constraint["Parameters"])["NotificationArns"]
    ]


def tag_updates(path: Record) -> str | None:
    """`ALLOWED` or `NOT_ALLOWED`; None where no constraint says."""
    for constraint in _of(path, "RESOURCE_UPDATE"):
        return str(json.loads(constraint["Parameters"])["Properties"]["TagUpdateOnProvisionedProduct"])
    return None


def summaries(path: Record) -> list[dict[str, Any]]:
    return [shaped("ConstraintSummary", constraint) for constraint in _of(path, None)]


def _of(path: Record, type_: str | None) -> list[Record]:
    """The path's own constraints and, for a product that was imported, those of where it comes from."""
    portfolios = [path["PortfolioId"], path.get("SourcePortfolioId")]
    return [
        constraint
        for portfolio in portfolios
        if portfolio
        for constraint in catalog.constraints(portfolio, path["ProductId"], type_)
    ]


# --- what may be said ------------------------------------------------------------------------------


def _check(type_: str, text: str) -> None:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise wrong(f"Invalid constraint parameters: {error}") from error
    if not isinstance(said, dict):
        raise wrong("Invalid constraint parameters: not a JSON object")
    if type_ == "LAUNCH":
        _check_launch(said)
    elif type_ == "NOTIFICATION":
        _check_notification(said)
    elif type_ == "RESOURCE_UPDATE":
        _check_resource_update(said)
    elif type_ == "TEMPLATE":
        _check_template(said)
    else:
        raise not_supported("a STACKSET constraint")


def _check_launch(said: dict[str, Any]) -> None:
    if len(said) != 1 or not said.keys() <= {"RoleArn", "LocalRoleName"}:
        raise wrong("Invalid constraint parameters: specify either RoleArn or LocalRoleName")
    if "RoleArn" in said:
        if not _ROLE.fullmatch(str(said["RoleArn"])):
            raise wrong(f"Invalid constraint parameters: '{said['RoleArn']}' is no role's ARN")
        return
    try:
        client("iam").get_role(RoleName=str(said["LocalRoleName"]))
    except ClientError as error:
        raise wrong(f"Invalid constraint parameters: there is no role '{said['LocalRoleName']}'") from error


def _check_notification(said: dict[str, Any]) -> None:
    topics_ = said.get("NotificationArns")
    if not isinstance(topics_, list) or not topics_ or said.keys() != {"NotificationArns"}:
        raise wrong("Invalid constraint parameters: specify NotificationArns, a list of SNS topics")
    bad = [topic for topic in topics_ if not _TOPIC.fullmatch(str(topic))]
    if bad:
        raise wrong(f"Invalid constraint parameters: '{bad[0]}' is no SNS topic's ARN")


def _check_resource_update(said: dict[str, Any]) -> None:
    properties = said.get("Properties")
    value = properties.get("TagUpdateOnProvisionedProduct") if isinstance(properties, dict) else None
    if said.get("Version") != "2.0" or value not in _TAG_UPDATES:
        raise wrong(
            "Invalid constraint parameters: specify Version 2.0 and TagUpdateOnProvisionedProduct,"
            f" one of: {', '.join(_TAG_UPDATES)}"
        )


def _check_template(said: dict[str, Any]) -> None:
    given = said.get("Rules")
    if not isinstance(given, dict) or not given:
        raise wrong("Invalid constraint parameters: specify Rules")
    try:
        hooks.templates.check_rules(given)
    except ValueError as error:
        raise wrong(f"Invalid constraint parameters: {error}") from error


def _own(identifier: str) -> Record:
    constraint = STORE.get(catalog.CONSTRAINT, (identifier,))
    if constraint is None:
        raise not_found(f"Constraint {identifier} not found.")
    return constraint


def _told(constraint: Record) -> Answer:
    return {
        "ConstraintDetail": shaped("ConstraintDetail", constraint),
        "ConstraintParameters": constraint["Parameters"],
        "Status": "AVAILABLE",
    }
