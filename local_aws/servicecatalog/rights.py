"""What a caller needs in IAM for a request: actions on portfolios and products, and the levels of access to
what has been provisioned.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsservicecatalog.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.identity import AccessDenied, authorize, enforcement
from local_aws.servicecatalog import catalog
from local_aws.servicecatalog.access import Caller
from local_aws.servicecatalog.catalog import PROVISIONED, RECORD
from local_aws.store import STORE, Record

_SERVICE = "servicecatalog.amazonaws.com"
_OF_ACCOUNT = ("SearchProvisionedProducts", "ScanProvisionedProducts", "ListRecordHistory")
_LEVELS = ("Account", "Role", "User")


def require(operation: str, members: Mapping[str, Any], caller: Caller) -> None:
    """Raises a `ServiceError` unless the caller may."""
    if not hooks.rights.enforcing():
        return
    context = {**_tags(members), **_levels(operation, members, caller)}
    try:
        for resource in list(_resources(operation, members)) or ["*"]:
            authorize(f"servicecatalog:{operation}", resource, context)
        _require_passing(operation, members)
    except AccessDenied as denied:
        raise ServiceError("AccessDeniedException", str(denied)) from denied


def _resources(operation: str, members: Mapping[str, Any]) -> Iterator[str]:
    for member in ("PortfolioId", "ProductId", "ResourceId", "Id"):
        identifier = str(members.get(member, ""))
        kind = {"port": "portfolio", "prod": "product"}.get(identifier.partition("-")[0])
        if kind is None or operation.endswith("ProvisionedProduct"):
            continue
        family = catalog.PORTFOLIO if kind == "portfolio" else catalog.PRODUCT
        known = [one["AccountId"] for one in catalog.everywhere(family) if one["Id"] == identifier]
        account = known[0] if known else hooks.request.account_id()
        yield f"arn:aws:catalog:{hooks.request.region()}:{account}:{kind}/{identifier}"


def _tags(members: Mapping[str, Any]) -> dict[str, Any]:
    tags = members.get("Tags") or members.get("AddTags")
    if not isinstance(tags, list):
        return {}
    found = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags}
    return {**found, "aws:TagKeys": [tag["Key"] for tag in tags]}


def _levels(operation: str, members: Mapping[str, Any], caller: Caller) -> dict[str, str]:
    """Whoever may see what a whole account has may see what a role or user has, and not the reverse."""
    if operation in _OF_ACCOUNT:
        wanted = (members.get("AccessLevelFilter") or {}).get("Key", "User")
        if wanted not in _LEVELS:
            return {}
        reached = _LEVELS[: _LEVELS.index(wanted) + 1]
    else:
        about = _about(members)
        if about is None:
            return {}
        owned = {
            "Account": True,
            "Role": about["UserArn"] == caller.principal,
            "User": about["UserArnSession"] == caller.arn,
        }
        reached = tuple(level for level in _LEVELS if owned[level])
    return {f"servicecatalog:{level.lower()}Level": "self" for level in reached}


def _about(members: Mapping[str, Any]) -> Record | None:
    """The provisioned product, or the record, that a request is about."""
    identifier = str(members.get("ProvisionedProductId") or members.get("Id") or "")
    name = members.get("ProvisionedProductName") or members.get("Name")
    found = STORE.get(PROVISIONED, (identifier,)) or STORE.get(RECORD, (identifier,))
    return found or next((one for one in catalog.mine(PROVISIONED) if one["Name"] == name), None)


def _require_passing(operation: str, members: Mapping[str, Any]) -> None:
    """Whoever lets a role launch hands it to Service Catalog."""
    principal = enforcement.caller()
    if operation not in ("CreateConstraint", "UpdateConstraint") or principal is None:
        return
    try:
        said = json.loads(members.get("Parameters") or "{}")
    except ValueError:
        return  # refused for that as soon as it is read
    role = said.get("RoleArn") if isinstance(said, dict) else None
    if role:
        enforcement.check_passing(principal, str(role), _SERVICE)
