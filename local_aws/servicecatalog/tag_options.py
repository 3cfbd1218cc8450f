"""Tag options: the tags that products and portfolios offer, or impose, at launch.

https://docs.aws.amazon.com/servicecatalog/latest/adminguide/tagoptions-launching.html
"""

from __future__ import annotations

from local_aws import hooks
from local_aws.servicecatalog import catalog
from local_aws.servicecatalog.errors import duplicate, in_use, not_found
from local_aws.servicecatalog.model import shaped
from local_aws.servicecatalog.operations import Answer, Request, answers, page
from local_aws.store import STORE, Record


@answers("CreateTagOption")
def create(request: Request) -> Answer:
    _refuse_twice(request["Key"], request["Value"])
    identifier = catalog.new_id("tag")
    option = catalog.keep(
        catalog.TAG_OPTION,
        (identifier,),
        Id=identifier,
        Key=request["Key"],
        Value=request["Value"],
        Active=True,
        Owner=hooks.request.account_id(),
    )
    return _told(option)


@answers("DescribeTagOption")
def describe(request: Request) -> Answer:
    return _told(_own(request["Id"]))


@answers("UpdateTagOption")
def update(request: Request) -> Answer:
    option = _own(request["Id"])
    value = str(request.get("Value", option["Value"]))
    if value != option["Value"]:
        _refuse_twice(option["Key"], value)
    option["Value"] = value
    option["Active"] = request.get("Active", option["Active"])
    return _told(option)


@answers("DeleteTagOption")
def delete(request: Request) -> Answer:
    identifier = _own(request["Id"])["Id"]
    if _resources(identifier):
        raise in_use(f"TagOption {identifier} still has associated Resources")
    STORE.remove(catalog.TAG_OPTION, (identifier,))
    return {}


@answers("ListTagOptions")
def list_all(request: Request) -> Answer:
    filters = request.get("Filters", {})
    found = [
        shaped("TagOptionDetail", option)
        for option in catalog.mine(catalog.TAG_OPTION)
        if all(option[member] == value for member, value in filters.items())
    ]
    some, token = page(found, request)
    return {"TagOptionDetails": some, **_as_page_token(token)}


@answers("AssociateTagOptionWithResource")
def associate(request: Request) -> Answer:
    option, resource = _own(request["TagOptionId"]), catalog.resource(request["ResourceId"])
    key = resource["Id"], option["Id"]
    if STORE.get(catalog.TAG_OPTION_ON, key) is not None:
        raise duplicate(f"TagOption {option['Id']} is already associated with {resource['Id']}.")
    catalog.keep(catalog.TAG_OPTION_ON, key, ResourceId=resource["Id"], TagOptionId=option["Id"])
    return {}


@answers("DisassociateTagOptionFromResource")
def disassociate(request: Request) -> Answer:
    if STORE.remove(catalog.TAG_OPTION_ON, (request["ResourceId"], request["TagOptionId"])) is None:
        raise not_found(f"TagOption {request['TagOptionId']} is not associated with {request['ResourceId']}.")
    return {}


@answers("ListResourcesForTagOption")
def list_resources(request: Request) -> Answer:
    kind = {"Portfolio": "port-", "Product": "prod-"}.get(request.get("ResourceType", ""), "")
    found = [
        {
            "Id": resource["Id"],
            "ARN": resource.get("ARN") or resource["ProductARN"],
            "Name": resource.get("DisplayName") or resource["Name"],
            "CreatedTime": resource["CreatedTime"],
        }
        for resource in map(catalog.resource, _resources(_own(request["TagOptionId"])["Id"]))
        if resource["Id"].startswith(kind)
    ]
    some, token = page(found, request)
    return {"ResourceDetails": some, **_as_page_token(token)}


def offered(path: Record) -> dict[str, list[str]]:
    """The values that a launch path offers for each key; none where portfolio and product disagree."""
    by_resource: list[dict[str, list[str]]] = []
    for resource in (path["PortfolioId"], path["ProductId"]):
        values: dict[str, list[str]] = {}
        for option in catalog.tag_options(resource):
            if option["Active"]:
                values.setdefault(option["Key"], []).append(option["Value"])
        by_resource.append(values)
    portfolio, product = by_resource
    return {
        key: [
            value
            for value in portfolio.get(key, product.get(key, []))
            if key not in product or value in product[key]
        ]
        for key in {**portfolio, **product}
    }


def _own(identifier: str) -> Record:
    option = STORE.get(catalog.TAG_OPTION, (identifier,))
    if option is None:
        raise not_found(f"TagOption {identifier} not found.")
    return option


def _refuse_twice(key: str, value: str) -> None:
    if any(one["Key"] == key and one["Value"] == value for one in catalog.mine(catalog.TAG_OPTION)):
        raise duplicate(f"TagOption with key {key} and value {value} already exists.")


def _resources(option_id: str) -> list[str]:
    return [
        one["ResourceId"] for one in catalog.mine(catalog.TAG_OPTION_ON) if one["TagOptionId"] == option_id
    ]


def _told(option: Record) -> Answer:
    return {"TagOptionDetail": shaped("TagOptionDetail", option)}


def _as_page_token(token: dict[str, str]) -> dict[str, str]:
    """Tag options' lists call the next page's token by another name than all others."""
    return {"PageToken": token["NextPageToken"]} if token else {}
