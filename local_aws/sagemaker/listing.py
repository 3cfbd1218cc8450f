"""Listing resources: filters, order and pages, as each List operation's model has them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import answers, resources
from local_aws.sagemaker.families import Family, families, listing
from local_aws.store import Record

Request = Mapping[str, Any]

_PAGE = 10
"""The most resources of one answer, where neither the request nor the model's documentation says."""
_PAGING = {"MaxResults", "NextToken", "SortBy", "SortOrder"}
_TIMES = {"Created": "CreationTime", "ModifiedTime": "LastModifiedTime", "StartTime": "CreationTime"}


def answer(name: str, request: Request) -> dict[str, Any]:
    asked = listing(name)
    family = asked.family
    _check_parent(family, request)
    if family.name == "ModelPackage" and "ModelPackageGroupName" not in request:
        request = {"ModelPackageType": "Unversioned", **request}  # "the default value"
    filters = {one["Name"]: one["Value"] for one in request.get("Filters", ())}
    request = {**{name: value for name, value in request.items() if name != "Filters"}, **filters}
    records = [
        record
        for record in resources.every(family.name)
        if all(
            _fits(record, family, member, value) for member, value in request.items() if member not in _PAGING
        )
    ]
    by = str(request.get("SortBy", asked.defaults.get("SortBy", "CreationTime")))
    records.sort(key=_order(by, family))
    if str(request.get("SortOrder", asked.defaults.get("SortOrder", "Descending"))).upper() != "ASCENDING":
        records.reverse()
    default = asked.defaults.get("MaxResults", "")
    size = int(request.get("MaxResults", default if default.isdigit() else _PAGE))
    return page(
        asked.member,
        [
            answers.of_record(record, asked.element, family)
            if isinstance(asked.element, StructureShape)
            else record[family.arn_member]
            for record in records
        ],
        size,
        request.get("NextToken"),
    )


def page(member: str, found: list[Any], size: int, token: str | None) -> dict[str, Any]:
    """A part of what was found, and where the next one begins."""
    start = _offset(token)
    answered: dict[str, Any] = {member: found[start : start + size]}
    if start + size < len(found):
        answered["NextToken"] = base64.b64encode(f"from {start + size}".encode()).decode()
    return answered


def _check_parent(family: Family, request: Request) -> None:
    """What can only be listed of one thing can only be listed of one that is there."""
    if family.name == "ImageVersion":
        parent = families()["Image"]
        key = (str(request["ImageName"]),)
        if resources.get("Image", key) is None:
            raise resources.missing(parent, key)


def _fits(record: Record, family: Family, name: str, value: Any) -> bool:
    if name.endswith(("Contains", "Prefix")):
        return _fits_text(record, family, name, str(value))
    for ending, fits in (("After", _later), ("Before", _earlier)):
        if name.endswith(ending):
            start = name.removesuffix(ending)
            return fits(record[start if start in record else _TIMES.get(start, start)], value)
    if name == "CrossAccountFilterOption":
        return bool(value == "SameAccount")  # nothing is shared between accounts here
    member = name.removesuffix("Equals")
    if member in ("Status", family.status_member) and family.status_member:
        return bool(record[family.status_member] == value)
    if member == "ModelPackageType":
        return bool(value in ("Both", "Versioned" if "ModelPackageVersion" in record else "Unversioned"))
    member = _CALLED.get(family.name, {}).get(member, member)
    known = _has(family.described, member) or member in family.accepted or member.startswith("_")
    if not known:
        raise not_supported(f"to list by {name}")
    return any(_is(found, value) for found in answers.values_of(record, member))


def _is(found: Any, value: Any) -> bool:
    """Whether a member has a value: as one of several, or as the status of something."""
    if isinstance(found, list):
        return value in found
    return bool((found.get("Status") if isinstance(found, Mapping) else found) == value)


_CALLED: Mapping[str, Mapping[str, str]] = {
    "MlflowApp": {"DefaultForDomainId": "DefaultDomainIdList"},
    "NotebookInstance": {"AdditionalCodeRepository": "AdditionalCodeRepositories"},
    "StudioLifecycleConfig": {"AppType": "StudioLifecycleConfigAppType"},
    "Trial": {"TrialComponentName": "_components"},
    "TrialComponent": {"ExperimentName": "_experiments", "TrialName": "_trials"},
}
"""What records call what some filters ask for."""


def _fits_text(record: Record, family: Family, name: str, value: str) -> bool:
    prefix = name.endswith("Prefix")
    member = name.removesuffix("Contains").removesuffix("Prefix")
    named = family.key[-1] if member in ("Name", family.key[-1]) else member
    if named == family.key[-1] and named not in family.accepted:
        named = next((one for one in (f"{family.name}Name", "Name") if one in family.accepted), named)
    if named == "Optimization":
        text = str(record.get("OptimizationConfigs", "")).lower()
        return value.lower() in text
    texts = [str(one).lower() for one in answers.values_of(record, named)]
    return any(text.startswith(value.lower()) if prefix else value.lower() in text for text in texts)


def _later(moment: float, limit: float) -> bool:
    return moment > limit


def _earlier(moment: float, limit: float) -> bool:
    return moment < limit


def _has(shape: Shape, member: str, depth: int = 6) -> bool:
    """Whether a shape has a member of that name somewhere."""
    if isinstance(shape, StructureShape) and depth:
        return member in shape.members or any(
            _has(inside, member, depth - 1) for inside in shape.members.values()
        )
    return isinstance(shape, ListShape) and _has(shape.member, member, depth)


def _order(asked: str, family: Family) -> Callable[[Record], Any]:
    by = asked.replace("_", "").lower()
    if by == "starttime":
        return lambda record: record.get("StartTime", record["CreationTime"])
    if by in ("creationtime", "createdate", "createdtime"):
        return lambda record: record["CreationTime"]
    if by == "lastmodifiedtime":
        return lambda record: record["LastModifiedTime"]
    if by == "version":
        return lambda record: record["Version"]
    if by.endswith("status") and family.status_member:
        status = "OfflineStoreStatus" if "offline" in by else family.status_member
        return lambda record: str(record.get(status))
    if by == "name" or by == family.key[-1].lower() or by == f"{family.name}name".lower():
        name = next(
            (one for one in (family.key[-1], f"{family.name}Name", "Name") if one in family.accepted), ""
        )
        return lambda record: str(record.get(name or family.arn_member))
    member = next((one for one in family.described.members if one.lower() == by), None)
    if member is None and by != "accountidowner":  # they are all this account's
        raise not_supported(f"to sort by {asked}")
    return lambda record: str(record.get(member or ""))


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        word, _, offset = base64.b64decode(token, validate=True).decode().partition(" ")
        if word == "from":
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise _wrong_token()


def _wrong_token() -> ServiceError:
    return invalid("Invalid NextToken: give the one of the answer before, unchanged")
