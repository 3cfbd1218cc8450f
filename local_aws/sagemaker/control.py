"""SageMaker's control plane: what its API and CloudFormation ask of resources, over the one store."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.model import Shape, StructureShape

from local_aws import hooks
from local_aws import request_validation as validation
from local_aws.sagemaker.behaviours import NOT_EMULATED, OPERATIONS, behaviour
from local_aws.sagemaker.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker.families import Family, Listing, families, listing, operation, operations
from local_aws.store import STORE, Key, Record

Request = Mapping[str, Any]

_PAGE = 10
"""The most resources of one answer, where neither the request nor the model's documentation says."""


def call(name: str, request: Request) -> dict[str, Any]:
    """Answers an operation of the API. Raises `ServiceError`."""
    model = operation(name)
    if model is None:
        raise ServiceError("UnknownOperationException", f"SageMaker has no operation {name}")
    special = _TAGGING.get(name) or OPERATIONS.get(name)
    if special is None and name not in operations():
        raise not_supported(name)
    validation.check(model.input_shape, request)
    request = {member: value for member, value in request.items() if value is not None}
    if special is not None:
        return special(request)
    verb, family = operations()[name]
    if verb == "List":
        return _list(listing(name), request)
    if verb == "Create":
        record = create(family, request)
    elif verb == "Describe":
        record = find(family, request)
    elif verb == "Update":
        record = update(family, request)
    elif verb == "Delete":
        record = find(family, request)
        delete(family, record, request)
    else:
        record = find(family, request)
        behaviour(family.name).stop(record)
    output = model.output_shape
    if family.wrapped and isinstance(output, StructureShape) and family.name in output.members:
        return {family.name: _shaped(record, family.described, family)}
    return _shaped(record, output, family)


# --- one resource ----------------------------------------------------------------------------------


def create(family: Family, request: Request) -> Record:
    """Makes and starts a resource; the request is known to be valid."""
    if family.name in NOT_EMULATED:
        raise not_supported(f"Create{family.name} ({NOT_EMULATED[family.name]})")
    acts = behaviour(family.name)
    acts.check(request)
    now = time.time()
    record: Record = {**request, "CreationTime": now, "LastModifiedTime": now}
    acts.prepare(record)
    if family.status_member and family.settled:
        record.setdefault(family.status_member, family.settled)
    key = _key(family, record)
    record.setdefault(family.arn_member, family.arn(key, hooks.account_id(), hooks.region()))
    _complete(record, family.described)
    if not STORE.add(family.name, key, record):
        raise _already_there(family, record[family.arn_member])
    acts.created(record)
    return record


def find(family: Family, request: Request) -> Record:
    """The resource that a request names, by its key or by its ARN. Raises `ServiceError`."""
    key = _key(family, request)
    record = STORE.get(family.name, key)
    if record is None and key[0].startswith("arn:"):
        record = next((one for _, one in STORE.all(family.name) if one[family.arn_member] == key[0]), None)
    if record is None:
        raise _not_there(family, family.arn(key, hooks.account_id(), hooks.region()))
    return record


def update(family: Family, request: Request) -> Record:
    record = find(family, request)
    acts = behaviour(family.name)
    changes = {member: value for member, value in request.items() if member not in family.key}
    acts.check_update(record, changes)
    record["LastModifiedTime"] = time.time()
    acts.update(record, changes)
    return record


def delete(family: Family, record: Record, request: Request) -> None:
    acts = behaviour(family.name)
    acts.check_deletion(record)
    if acts.delete(record, request):
        STORE.remove(family.name, _key(family, record))


def _key(family: Family, members: Request) -> Key:
    return tuple(str(members[member]) for member in family.key)


def _not_there(family: Family, arn: str) -> ServiceError:
    if family.name == "TrainingJob":
        return invalid("Requested resource not found.")
    code = "ResourceNotFound" if family.declares("Describe", "ResourceNotFound") else "ValidationException"
    return ServiceError(code, f'Could not find {family.words} "{arn}".')


def _already_there(family: Family, arn: str) -> ServiceError:
    code = "ResourceInUse" if family.declares("Create", "ResourceInUse") else "ValidationException"
    return ServiceError(code, f'Cannot create already existing {family.words} "{arn}".')


# --- what an answer looks like ---------------------------------------------------------------------


def _shaped(record: Record, shape: Shape | None, family: Family) -> dict[str, Any]:
    """The members of a record that a shape has; some families call them differently in summaries."""
    members = shape.members if isinstance(shape, StructureShape) else {}
    others = {
        "Arn": family.arn_member,
        "Name": f"{family.name}Name",
        "Status": f"{family.name}Status",
        f"{family.name}Status": "Status",
        f"{family.name}Arn": "Arn",
    }
    found = {}
    for member in members:
        source = member if member in record else others.get(member)
        if source in record:
            found[member] = record[source]
    return found


def _complete(record: Record, shape: StructureShape) -> None:
    """Gives an answer the members that it must have and that nobody has set: empty ones."""
    for member in shape.required_members:
        if member not in record:
            record[member] = _empty(shape.members[member])


def _empty(shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        return {member: _empty(shape.members[member]) for member in shape.required_members}
    kinds: dict[str, Any] = {"list": [], "map": {}, "string": "", "boolean": False, "timestamp": time.time()}
    return kinds.get(shape.type_name, 1)  # numbers that must be there are versions, and versions begin with 1


# --- many resources --------------------------------------------------------------------------------


def _list(asked: Listing, request: Request) -> dict[str, Any]:
    family = asked.family
    records = [record for _, record in STORE.all(family.name) if _matches(record, family, request)]
    order = request.get("SortOrder", asked.defaults.get("SortOrder", "Descending"))
    by = _sorting(str(request.get("SortBy", "CreationTime")), family)
    records.sort(key=lambda record: str(record[by]) if by != "CreationTime" else record[by])
    if order == "Descending":
        records.reverse()
    start = _offset(request.get("NextToken"))
    default = asked.defaults.get("MaxResults", "")
    size = int(request.get("MaxResults", default if default.isdigit() else _PAGE))
    page = records[start : start + size]
    structured = isinstance(asked.element, StructureShape)
    answer: dict[str, Any] = {
        asked.member: [
            _shaped(record, asked.element, family) if structured else record[family.arn_member]
            for record in page
        ]
    }
    if start + size < len(records):
        answer["NextToken"] = base64.b64encode(f"from {start + size}".encode()).decode()
    return answer


_NOT_FILTERS = {"MaxResults", "NextToken", "SortBy", "SortOrder"}


def _matches(record: Record, family: Family, request: Request) -> bool:
    return all(
        _fits(record, family, name, value) for name, value in request.items() if name not in _NOT_FILTERS
    )


def _fits(record: Record, family: Family, name: str, value: Any) -> bool:
    if name == "NameContains":
        return str(value).lower() in str(record[family.key[-1]]).lower()
    if name == "StatusEquals" and family.status_member:
        return bool(record[family.status_member] == value)
    if name.endswith("TimeAfter"):
        return bool(record[name.removesuffix("After")] > value)
    if name.endswith("TimeBefore"):
        return bool(record[name.removesuffix("Before")] < value)
    member = name.removesuffix("Equals")
    if member not in family.described.members:
        raise not_supported(f"to list by {name}")
    return bool(record.get(member) == value)


def _sorting(asked: str, family: Family) -> str:
    known = {
        "CreationTime": "CreationTime",
        "LastModifiedTime": "LastModifiedTime",
        "Name": family.key[-1],
        "Status": family.status_member or "",
    }
    by = known.get(asked, family.key[-1] if asked == family.key[-1] else "")
    if not by:
        raise not_supported(f"to sort by {asked}")
    return by


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        word, _, offset = base64.b64decode(token, validate=True).decode().partition(" ")
        if word == "from":
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise invalid("Invalid NextToken: give the one of the answer before, unchanged")


# --- tags ------------------------------------------------------------------------------------------


def _tagged(arn: str) -> Record:
    for family in families().values():
        for _, record in STORE.all(family.name):
            if record[family.arn_member] == arn:
                return record
    raise invalid(f'Could not find resource "{arn}".')


def _add_tags(request: Request) -> dict[str, Any]:
    record = _tagged(request["ResourceArn"])
    set_tags(record, [*record.get("Tags", []), *request["Tags"]])
    return {"Tags": record["Tags"]}


def _list_tags(request: Request) -> dict[str, Any]:
    return {"Tags": _tagged(request["ResourceArn"]).get("Tags", [])}


def _delete_tags(request: Request) -> dict[str, Any]:
    record = _tagged(request["ResourceArn"])
    record["Tags"] = [tag for tag in record.get("Tags", []) if tag["Key"] not in request["TagKeys"]]
    return {}


def set_tags(record: Record, tags: Iterable[Mapping[str, str]]) -> None:
    """Of several tags with one key, the last one counts."""
    values = {tag["Key"]: tag["Value"] for tag in tags}
    record["Tags"] = [{"Key": key, "Value": value} for key, value in values.items()]


_TAGGING: Mapping[str, Callable[[Request], dict[str, Any]]] = {
    "AddTags": _add_tags,
    "ListTags": _list_tags,
    "DeleteTags": _delete_tags,
}
