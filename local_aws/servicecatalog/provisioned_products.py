"""Provisioned products and the records of what was done with them."""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from local_aws import hooks
from local_aws.servicecatalog import catalog, constraints, launching, tag_options, templates
from local_aws.servicecatalog.access import Caller
from local_aws.servicecatalog.catalog import PROVISIONED, RECORD
from local_aws.servicecatalog.errors import not_found, wrong
from local_aws.servicecatalog.launching import Launch, Wanted
from local_aws.servicecatalog.model import shaped
from local_aws.servicecatalog.operations import Answer, Request, answers, page
from local_aws.servicecatalog.products import artifact_asked, product_asked
from local_aws.servicecatalog.views import path_asked, path_tags
from local_aws.store import STORE, Record

_USER = re.compile(r"arn:aws(-cn|-us-gov)?:(iam::\d{12}:(user|role)|sts::\d{12}:assumed-role)/.+")
_ROLE = re.compile(r"arn:aws(-cn|-us-gov)?:iam::\d{12}:role/.+")


@answers("ProvisionProduct")
def provision(request: Request) -> Answer:
    product = product_asked(request)
    artifact = artifact_asked(product, request)
    path = path_asked(product, request)
    _refuse_inactive(artifact, None)
    _refuse_preferences(request)
    name = request["ProvisionedProductName"]
    if any(one["Name"] == name for one in catalog.mine(PROVISIONED)):
        raise wrong(f"A stack named {name} already exists.")
    identifier = catalog.new_id("pp")
    arn = f"arn:aws:servicecatalog:{hooks.request.place()}:stack/{name}/{identifier}"
    tags = _tags(request, path, product, artifact, arn, request.get("Tags", []))
    role = constraints.launch_role(path)
    provisioned = catalog.keep(
        PROVISIONED,
        (identifier,),
        Id=identifier,
        Name=name,
        Arn=arn,
        Type="CFN_STACK",
        Status="UNDER_CHANGE",
        IdempotencyToken=request["ProvisionToken"],
        ProductId=product["Id"],
        ProductName=product["Name"],
        ProvisioningArtifactId=artifact["Id"],
        ProvisioningArtifactName=artifact["Name"],
        PathId=path["Id"],
        LaunchRoleArn=role,
        Tags=tags,
        UserArn=request.caller.principal,
        UserArnSession=request.caller.arn,
        Topics=[*constraints.topics(path), *request.get("NotificationArns", [])],
        Outputs=[],
    )
    record = _record(provisioned, "PROVISION_PRODUCT", request.caller, product, artifact, path, tags)
    launch = Launch(provisioned, record, request.caller, role, provisioned["Topics"])
    answer = _told(record)
    launching.provision(launch, _wanted(artifact, path, request, tags))
    return answer


@answers("UpdateProvisionedProduct")
def update(request: Request) -> Answer:
    provisioned = _asked(request)
    _refuse_busy(provisioned)
    _refuse_preferences(request)
    other_product = "ProductId" in request or "ProductName" in request
    product = product_asked(request) if other_product else catalog.product(provisioned["ProductId"])
    other_version = "ProvisioningArtifactId" in request or "ProvisioningArtifactName" in request
    current = {"ProvisioningArtifactId": provisioned["ProvisioningArtifactId"]}
    artifact = artifact_asked(product, request if other_version else current)
    _refuse_inactive(artifact, provisioned)
    path = _path_of_update(request, product, provisioned)
    allowed = constraints.tag_updates(path) == "ALLOWED"
    given = request.get("Tags")
    if given is not None and not allowed:
        raise wrong(
            "Tag update is not allowed: the product has no RESOURCE_UPDATE constraint with"
            " TagUpdateOnProvisionedProduct set to ALLOWED."
        )
    tags = provisioned["Tags"]
    if allowed:
        # What is not given again stays; the path's own tags come anew.
        kept = given if given is not None else _users_own(provisioned["Tags"])
        tags = _tags(request, path, product, artifact, provisioned["Arn"], kept)
    else:
        tags = _with_version(tags, product, artifact)
    record = _record(provisioned, "UPDATE_PROVISIONED_PRODUCT", request.caller, product, artifact, path, tags)
    role = provisioned.get("LaunchRoleArn")
    launch = Launch(provisioned, record, request.caller, role, provisioned["Topics"])
    answer = _told(record)
    launching.update(launch, _wanted(artifact, path, request, tags))
    return answer


@answers("TerminateProvisionedProduct")
def terminate(request: Request) -> Answer:
    provisioned = _asked(request)
    _refuse_busy(provisioned)
    record = _record(provisioned, "TERMINATE_PROVISIONED_PRODUCT", request.caller)
    role = provisioned.get("LaunchRoleArn")
    launch = Launch(provisioned, record, request.caller, role, provisioned["Topics"])
    answer = _told(record)
    launching.terminate(
        launch,
        retain=request.get("RetainPhysicalResources", False),
        ignore_errors=request.get("IgnoreErrors", False),
    )
    return answer


@answers("UpdateProvisionedProductProperties")
def update_properties(request: Request) -> Answer:
    provisioned = _by_id(request["ProvisionedProductId"])
    _refuse_busy(provisioned)
    properties = request["ProvisionedProductProperties"]
    if "LAUNCH_ROLE" in properties:
        if not _ROLE.fullmatch(properties["LAUNCH_ROLE"]):
            raise wrong(f"Invalid launch role: '{properties['LAUNCH_ROLE']}' is no role's ARN.")
        if not provisioned.get("LaunchRoleArn"):
            raise wrong(f"Provisioned product {provisioned['Id']} has no launch role.")
    if "OWNER" in properties and not _USER.fullmatch(properties["OWNER"]):
        raise wrong(f"Invalid owner: '{properties['OWNER']}' is no ARN of a user, role or session.")
    record = _record(provisioned, "UPDATE_PROVISIONED_PRODUCT_PROPERTIES", request.caller)
    record["Status"] = "SUCCEEDED"
    provisioned["LaunchRoleArn"] = properties.get("LAUNCH_ROLE", provisioned.get("LaunchRoleArn"))
    if "OWNER" in properties:
        owner = Caller("", properties["OWNER"])
        provisioned["UserArn"], provisioned["UserArnSession"] = owner.principal, owner.arn
    return {
        "ProvisionedProductId": provisioned["Id"],
        "ProvisionedProductProperties": dict(properties),
        "RecordId": record["RecordId"],
        "Status": "SUCCEEDED",
    }


# --- what there is ---------------------------------------------------------------------------------


@answers("DescribeProvisionedProduct")
def describe(request: Request) -> Answer:
    members = {
        f"ProvisionedProduct{member}": request[member] for member in ("Id", "Name") if member in request
    }
    return {"ProvisionedProductDetail": shaped("ProvisionedProductDetail", _asked(members))}


@answers("GetProvisionedProductOutputs")
def outputs(request: Request) -> Answer:
    found = _asked(request)["Outputs"]
    keys = request.get("OutputKeys")
    if keys is not None:
        known = {one["OutputKey"] for one in found}
        missing = [key for key in keys if key not in known]
        if missing:
            raise wrong(f"Invalid output keys: {', '.join(missing)}")
        found = [one for one in found if one["OutputKey"] in keys]
    some, token = page(found, request)
    return {"Outputs": some, **token}


@answers("ScanProvisionedProducts")
def scan(request: Request) -> Answer:
    found = [shaped("ProvisionedProductDetail", one) for one in _accessible(PROVISIONED, request)]
    some, token = page(found, request)
    return {"ProvisionedProducts": some, **token}


_SORTED_BY = {"arn": "Arn", "id": "Id", "name": "Name", "lastRecordId": "LastRecordId"}
_SEARCHED = {
    name[0].lower() + name[1:]: name
    for name in (
        *("Arn", "CreatedTime", "Id", "LastRecordId", "IdempotencyToken", "Name", "PhysicalId", "ProductId"),
        *("ProvisioningArtifactId", "Type", "Status", "Tags", "UserArn", "UserArnSession", "ProductName"),
        *("LastProvisioningRecordId", "LastSuccessfulProvisioningRecordId", "ProvisioningArtifactName"),
    )
}
"""The fields of `SearchQuery` (SearchProvisionedProducts)."""


@answers("SearchProvisionedProducts")
def search(request: Request) -> Answer:
    found = _accessible(PROVISIONED, request)
    for query in request.get("Filters", {}).get("SearchQuery", []):
        found = [one for one in found if _fits(one, query)]
    if "SortBy" in request:
        by = _SORTED_BY.get(request["SortBy"])
        if by is None:
            raise wrong(f"Invalid sort field '{request['SortBy']}'. Choose one of: {', '.join(_SORTED_BY)}.")
        found.sort(key=lambda one: one[by], reverse=request.get("SortOrder") == "DESCENDING")
    some, token = page([shaped("ProvisionedProductAttribute", one) for one in found], request)
    return {"ProvisionedProducts": some, "TotalResultsCount": len(found), **token}


@answers("DescribeRecord")
def describe_record(request: Request) -> Answer:
    record = STORE.get(RECORD, (request["Id"],))
    if record is None:
        raise not_found(f"Record {request['Id']} not found.")
    some, token = page(record["Outputs"], request)
    return {**_told(record), "RecordOutputs": some, **token}


@answers("ListRecordHistory")
def list_records(request: Request) -> Answer:
    found = list(reversed(_accessible(RECORD, request)))
    searched = request.get("SearchFilter")
    if searched:
        member = {"provisionedproduct": "ProvisionedProductId", "product": "ProductId"}.get(
            searched.get("Key", "")
        )
        if member is None:
            raise wrong("Invalid search filter: the key is provisionedproduct or product.")
        found = [record for record in found if record[member] == searched.get("Value")]
    some, token = page([shaped("RecordDetail", record) for record in found], request)
    return {"RecordDetails": some, **token}


def _asked(request: Mapping[str, Any]) -> Record:
    identifier, name = request.get("ProvisionedProductId"), request.get("ProvisionedProductName")
    if (identifier is None) == (name is None):
        raise wrong("Either ProvisionedProductId or ProvisionedProductName must be specified, but not both.")
    if identifier is not None:
        return _by_id(identifier)
    for one in catalog.mine(PROVISIONED):
        if one["Name"] == name:
            return one
    raise not_found(f"Provisioned product {name} not found.")


def _by_id(identifier: str) -> Record:
    found = STORE.get(PROVISIONED, (identifier,))
    if found is None:
        raise not_found(f"Provisioned product {identifier} not found.")
    return found


def _accessible(family: str, request: Request) -> list[Record]:
    """What the caller, their role or the whole account has launched; the caller, where nothing is said."""
    level: Mapping[str, str] = request.get("AccessLevelFilter", {"Key": "User", "Value": "self"})
    if level["Value"] != "self":
        raise wrong(f"Invalid access level filter value '{level['Value']}': only self is supported.")
    found = list(catalog.mine(family))
    if level["Key"] == "Role":
        return [one for one in found if one["UserArn"] == request.caller.principal]
    if level["Key"] == "User":
        return [one for one in found if one["UserArnSession"] == request.caller.arn]
    return found


def _fits(provisioned: Mapping[str, Any], query: str) -> bool:
    field, colon, value = query.partition(":")
    if colon and field in _SEARCHED:
        said: Any = provisioned.get(_SEARCHED[field]) or ""
        texts = [str(said)] if field != "tags" else [f"{tag['Key']}:{tag['Value']}" for tag in said]
        return any(fnmatch.fnmatchcase(text.lower(), value.lower()) for text in texts)
    return any(query.lower() in str(provisioned.get(name) or "").lower() for name in _SEARCHED.values())


# --- what is launched ------------------------------------------------------------------------------


def _wanted(artifact: Record, path: Record, request: Request, tags: Sequence[Mapping[str, str]]) -> Wanted:
    return Wanted(
        template=templates.with_rules(artifact["Template"], constraints.rules(path)),
        parameters=request.get("ProvisioningParameters", []),
        tags=tags,
        artifact=artifact,
    )


def _path_of_update(request: Request, product: Record, provisioned: Record) -> Record:
    """Without a path in the request, an update stays on the path of the launch."""
    if "PathId" not in request and "PathName" not in request and product["Id"] == provisioned["ProductId"]:
        request = Request({**request, "PathId": provisioned["PathId"]}, request.caller)
    return path_asked(product, request)


_AUTOMATIC = "aws:servicecatalog:"


def _tags(
    request: Request,
    path: Record,
    product: Record,
    artifact: Record,
    arn: str,
    given: Sequence[Mapping[str, str]],
) -> list[dict[str, str]]:
    """The tags of a launch: the path's, the user's, what tag options say, and Service Catalog's own."""
    own = {tag["Key"]: tag["Value"] for tag in given}
    reserved = [key for key in own if key.lower().startswith("aws:")]
    if reserved:
        raise wrong(f"Tag key '{reserved[0]}' is reserved: the aws: prefix cannot be used.")
    chosen = {}
    for key, values in tag_options.offered(path).items():
        if not values:
            chosen[key] = f"sc-tagoption-conflict-{path['PortfolioId']}-{product['Id']}"
        elif key in own:
            if own[key] not in values:
                raise wrong(
                    f"Tag value '{own[key]}' is not among the TagOptions of '{key}': {', '.join(values)}."
                )
        elif len(values) == 1:
            chosen[key] = values[0]
        else:
            raise wrong(f"A value has to be chosen for the TagOption '{key}': {', '.join(values)}.")
    automatic = {
        "portfolioArn": catalog.portfolio(path["PortfolioId"])["ARN"],
        "productArn": product["ProductARN"],
        "provisionedProductArn": arn,
        "provisioningArtifactIdentifier": artifact["Id"],
        "provisioningPrincipalArn": request.caller.arn,
    }
    plain = {tag["Key"]: tag["Value"] for tag in path_tags(path)} | own | chosen
    return catalog.tags(
        {"Key": key, "Value": value}
        for key, value in [*plain.items(), *((_AUTOMATIC + name, value) for name, value in automatic.items())]
    )


def _users_own(tags: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [dict(tag) for tag in tags if not tag["Key"].startswith(_AUTOMATIC)]


def _with_version(
    tags: Sequence[Mapping[str, str]], product: Record, artifact: Record
) -> list[dict[str, str]]:
    """The tags as they are, but for what tells the product and its version."""
    told = {
        _AUTOMATIC + "productArn": product["ProductARN"],
        _AUTOMATIC + "provisioningArtifactIdentifier": artifact["Id"],
    }
    return [{"Key": tag["Key"], "Value": told.get(tag["Key"], tag["Value"])} for tag in tags]


def _record(
    provisioned: Record,
    kind: str,
    caller: Caller,
    product: Record | None = None,
    artifact: Record | None = None,
    path: Record | None = None,
    tags: Sequence[Mapping[str, str]] = (),
) -> Record:
    identifier = catalog.new_id("rec")
    record = catalog.keep(
        RECORD,
        (identifier,),
        RecordId=identifier,
        RecordType=kind,
        Status="CREATED",
        UpdatedTime=round(time.time(), 3),
        ProvisionedProductId=provisioned["Id"],
        ProvisionedProductName=provisioned["Name"],
        ProvisionedProductType=provisioned["Type"],
        ProductId=product["Id"] if product else provisioned["ProductId"],
        ProvisioningArtifactId=artifact["Id"] if artifact else provisioned["ProvisioningArtifactId"],
        PathId=path["Id"] if path else provisioned["PathId"],
        LaunchRoleArn=provisioned.get("LaunchRoleArn"),
        RecordErrors=[],
        RecordTags=[dict(tag) for tag in tags],
        Outputs=[],
        UserArn=caller.principal,
        UserArnSession=caller.arn,
    )
    provisioned["LastRecordId"] = identifier
    if kind != "UPDATE_PROVISIONED_PRODUCT_PROPERTIES":
        provisioned["LastProvisioningRecordId"] = identifier
    return record


def _told(record: Record) -> Answer:
    return {"RecordDetail": shaped("RecordDetail", record)}


def _refuse_busy(provisioned: Record) -> None:
    if provisioned["Status"] in ("UNDER_CHANGE", "PLAN_IN_PROGRESS"):
        raise wrong(
            f"Provisioned product {provisioned['Id']} is {provisioned['Status']}, wait for that to end."
        )


def _refuse_inactive(artifact: Record, provisioned: Record | None) -> None:
    """A deprecated version can only be kept by what has it (UpdateProvisioningArtifact, `Guidance`)."""
    if not artifact["Active"]:
        raise wrong(f"Provisioning Artifact {artifact['Id']} is not active.")
    kept = provisioned is not None and provisioned["ProvisioningArtifactId"] == artifact["Id"]
    if artifact["Guidance"] == "DEPRECATED" and not kept:
        raise wrong(f"Provisioning Artifact {artifact['Id']} is deprecated.")


def _refuse_preferences(request: Request) -> None:
    if request.get("ProvisioningPreferences"):
        raise wrong("ProvisioningPreferences are for products with a STACKSET constraint only.")
