"""SageMaker's control plane: what its API and CloudFormation ask of resources, over the one store."""

from __future__ import annotations

import secrets
import string
import time
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.model import StructureShape

from local_aws import hooks, request_validation, settings
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import answers, beyond, listing, quotas, resources, states, tags
from local_aws.sagemaker.behaviours import OPERATIONS, behaviour
from local_aws.sagemaker.families import Family, operation, operations
from local_aws.store import STORE, Key, Record

Request = Mapping[str, Any]

_OWN_STATES = "_own_states"
"""The mark of a record whose behaviour looks after its states."""


def call(name: str, request: Request) -> dict[str, Any]:
    """Answers an operation of the API. Raises `ServiceError`."""
    model = operation(name)
    if model is None:
        raise ServiceError("UnknownOperationException", f"SageMaker has no operation {name}")
    special = beyond.OPERATIONS.get(name) or OPERATIONS.get(name)
    if special is None and name not in operations():
        raise not_supported(name)
    request_validation.check(model.input_shape, request)
    request = {member: value for member, value in request.items() if value is not None}
    if special is not None:
        answer: dict[str, Any] = answers.fitted(special(request), model.output_shape)
        return answer
    verb, family = operations()[name]
    if verb == "List":
        return listing.answer(name, request)
    if verb == "Create":
        tags.check(request.get("Tags", ()))
        record = create(family, request)
    elif verb == "Describe":
        record = find(family, request)
    elif verb == "Update":
        record = update(family, request)
    elif verb == "Delete":
        record = find(family, request)
        delete(family, record, request)
    elif verb == "Stop":
        record = find(family, request)
        behaviour(family.name).stop(record)
    else:
        record = find(family, request)
        behaviour(family.name).start(record)
    output = model.output_shape
    if family.wrapped and isinstance(output, StructureShape) and family.name in output.members:
        return {family.name: answers.of_record(record, family.described, family)}
    return answers.of_record(record, output, family)


def create(family: Family, request: Request) -> Record:
    """Makes and starts a resource; the request is known to be valid."""
    acts = behaviour(family.name)
    acts.check(request)
    now = time.time()
    record: Record = {**request, "CreationTime": now, "LastModifiedTime": now}
    if family.identity is not None:
        record[family.identity] = _identity(family)
    acts.prepare(record)
    quotas.check(family, record)
    key = _key(family, record)
    record.setdefault(family.arn_member, family.arn(key, hooks.request.account_id(), hooks.request.region()))
    if states.cycle(family) is not None and family.status_member in record:
        record[_OWN_STATES] = True
    else:
        reason = settings.current().failure(family.name, _name(family, record)) or acts.failure(record)
        states.begin(family, record, reason)
    _make_way(family, key)
    if not STORE.add(family.kept_as, key, record):
        raise _already_there(family, record[family.arn_member])
    acts.created(record)
    return record


def find(family: Family, request: Request) -> Record:
    """The resource that a request names, by its key or by its ARN. Raises `ServiceError`."""
    record = behaviour(family.name).locate(request)
    key = _key(family, request)
    if record is None:
        record = resources.get(family.name, key)
    if record is None and key[0].startswith("arn:"):
        record = resources.by_arn(family, key[0])
    if record is None:
        raise resources.missing(family, key)
    return record


def update(family: Family, request: Request) -> Record:
    record = find(family, request)
    acts = behaviour(family.name)
    changes = {member: value for member, value in request.items() if member not in family.key}
    if _goes_by_itself(record):
        states.check_steady(family, record, "update")
    acts.check_update(record, changes)
    if "EndpointConfigName" in changes:
        quotas.check(family, {**record, **changes})  # the new fleet runs beside the old one for a while
    record["LastModifiedTime"] = time.time()
    acts.update(record, changes)
    if _goes_by_itself(record):
        states.begin_update(family, record)
    return record


def delete(family: Family, record: Record, request: Request) -> None:
    acts = behaviour(family.name)
    acts.check_deletion(record)
    if not acts.delete(record, request):
        return
    key = _key(family, record)
    if _goes_by_itself(record):
        states.begin_deletion(family, key, record)
    else:
        STORE.remove(family.kept_as, key)


def settle(family: Family, record: Record) -> str | None:
    """Waits until a resource has become what was asked for; why it has not, or None."""
    if _goes_by_itself(record):
        return states.settle(family, _key(family, record), record)
    return behaviour(family.name).settle(record)


def _goes_by_itself(record: Record) -> bool:
    return _OWN_STATES not in record


def _key(family: Family, members: Request) -> Key:
    found = behaviour(family.name).key(members)
    missing = [member for member in family.key if member not in members]
    if not found and missing:
        raise invalid(f"{missing[0]} must be given.")
    return found or tuple(str(members[member]) for member in family.key)


def _name(family: Family, record: Record) -> str:
    """What people call it: the last of its names."""
    for member in (f"{family.name}Name", family.key[-1], "Name"):
        if member in family.accepted and member in record:
            return str(record[member])
    return str(record.get(family.key[-1], ""))


def _identity(family: Family) -> str:
    """What the service makes up for a resource that its name does not identify."""
    account, region = hooks.request.account_id(), hooks.request.region()
    if family.identity and family.identity.endswith("Id"):
        return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))
    made = uuid.uuid4().hex
    return family.arn((f"app-{made[:12].upper()}" if family.name.endswith("App") else made,), account, region)


def _make_way(family: Family, key: Key) -> None:
    """Something that is only listed still does not keep its name from a new one."""
    there = resources.get(family.name, key)
    if there is not None and states.gone(family, there):
        STORE.remove(family.kept_as, key)


def _already_there(family: Family, arn: str) -> ServiceError:
    if family.name == "TrainingJob":
        return ServiceError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with"
            f" this name already exists ({arn})",
        )
    code = "ResourceInUse" if family.declares("Create", "ResourceInUse") else "ValidationException"
    if family.declares("Create", "ConflictException") and code != "ResourceInUse":
        code = "ConflictException"
    return ServiceError(code, f'Cannot create already existing {family.words} "{arn}".')
