"""SageMaker's resources from a template: the same engine and the same store that its API uses."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from botocore.model import StringShape, StructureShape

from local_aws import request_validation as validation
from local_aws.cloudformation.registry import Created, Properties, ResourceFailed, made, register
from local_aws.cloudformation.schema import resource_type, type_names
from local_aws.sagemaker import control
from local_aws.sagemaker.behaviours import behaviour
from local_aws.sagemaker.errors import ServiceError
from local_aws.sagemaker.families import Family, Verb, families, operation
from local_aws.store import Record

_PREFIX = "AWS::SageMaker::"

_RENAMED: Mapping[str, Mapping[str, str]] = {
    "Image": {
        "ImageDescription": "Description",
        "ImageDisplayName": "DisplayName",
        "ImageRoleArn": "RoleArn",
    },
}
"""Properties that the API calls differently."""

_RENAMED_IN_UPDATES: Mapping[str, Mapping[str, str]] = {
    "Domain": {"DomainSettings": "DomainSettingsForUpdate"},
}

_HOW_TO_UPDATE = {
    "Endpoint": {"ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig"},
}
"""Properties that say how an update is made, and are no change by themselves."""


def install() -> None:
    for name in type_names():
        if name.startswith(_PREFIX):
            register(name, SageMakerResource(name))


class SageMakerResource:
    """One resource type, over the family of the same name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        family = self._family()
        try:
            request = self._create_request(family, properties)
            _validate("Create", family, request)
            record = control.create(family, request)
        except ServiceError as error:
            raise _failed(error) from error
        made(self._answer(family, record).physical_id)
        reason = behaviour(family.name).settle(record)
        if reason is not None:
            # CloudFormation would delete it while it rolls back; here nobody knows its identifier yet.
            self._remove(family, record)
            raise ResourceFailed(reason)
        return self._answer(family, record)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        family = self._family()
        try:
            record = control.find(family, self._key(family, physical_id))
            request = self._update_request(family, record, new)
            if request:
                request |= {member: record[member] for member in family.key}
                _validate("Update", family, request)
                control.update(family, request)
        except ServiceError as error:
            raise _failed(error) from error
        if request:
            reason = behaviour(family.name).settle(record)
            if reason is not None:
                raise ResourceFailed(reason)
        if "Tags" in new or "Tags" in old:
            control.set_tags(record, new.get("Tags", []))
        return self._answer(family, record)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        family = self._family()
        try:
            record = control.find(family, self._key(family, physical_id))
        except ServiceError:
            return  # somebody else has deleted it, and CloudFormation does not mind
        try:
            self._remove(family, record)
        except ServiceError as error:
            raise _failed(error) from error

    def _family(self) -> Family:
        family = families().get(self._name.removeprefix(_PREFIX))
        if family is None:
            raise ResourceFailed(f"{self._name} works on AWS only: the local AWS does not emulate it")
        return family

    def _remove(self, family: Family, record: Record) -> None:
        acts = behaviour(family.name)
        acts.settle(record)  # what is on its way cannot be deleted
        control.delete(family, record, {})
        acts.settle(record)

    def _create_request(self, family: Family, properties: Properties) -> dict[str, Any]:
        leave_out = _HOW_TO_UPDATE.get(family.name, set())
        wanted = {name: value for name, value in properties.items() if name not in leave_out}
        return self._as_api(family, "Create", wanted, _RENAMED.get(family.name, {}))

    def _update_request(self, family: Family, record: Record, properties: Properties) -> dict[str, Any]:
        """What differs from the resource as it is: nothing, after a failed update that it did not take."""
        how = _HOW_TO_UPDATE.get(family.name, set())
        asked = self._as_api(
            family,
            "Create",
            {name: value for name, value in properties.items() if name not in how and name != "Tags"},
            _RENAMED.get(family.name, {}),
        )
        changed = {name: value for name, value in asked.items() if record.get(name) != value}
        if not changed:
            return {}
        changed |= {name: value for name, value in properties.items() if name in how}
        return self._as_api(family, "Update", changed, _RENAMED_IN_UPDATES.get(family.name, {}))

    def _as_api(
        self, family: Family, verb: Verb, properties: Properties, names: Mapping[str, str]
    ) -> dict[str, Any]:
        model = operation(verb + family.name)
        shape = model.input_shape if model else None
        members = shape.members if isinstance(shape, StructureShape) else {}
        request = {}
        for name, value in _spread(family, properties).items():
            member = names.get(name, name)
            if member not in members:
                deed = "created with" if verb == "Create" else "updated in"
                raise ResourceFailed(f"a resource of the type {self._name} cannot be {deed} {name} here")
            as_text = isinstance(members[member], StringShape) and isinstance(value, dict | list)
            request[member] = json.dumps(value) if as_text else value
        return request

    def _key(self, family: Family, physical_id: str) -> dict[str, str]:
        names = resource_type(self._name).primary_identifier
        found = dict(zip(names, physical_id.split("|"), strict=True))
        # An ARN identifies a resource of a family with one name, too.
        return found if set(family.key) <= set(found) else {family.key[0]: physical_id}

    def _answer(self, family: Family, record: Record) -> Created:
        type_ = resource_type(self._name)
        attributes = {}
        # The names, too: they are documented, and CDK offers them (`attrModelName`).
        for pointer in (*type_.read_only, *((member,) for member in family.key)):
            value = _attribute(family, record, pointer)
            if value is not None:
                attributes[".".join(pointer)] = value
        identifier = [_attribute(family, record, (name,)) for name in type_.primary_identifier]
        return Created("|".join(str(part) for part in identifier), attributes)


def _spread(family: Family, properties: Properties) -> dict[str, Any]:
    """A pipeline's definition is a structure in a template, and members of the request in the API."""
    spread = dict(properties)
    if family.name == "Pipeline" and isinstance(spread.get("PipelineDefinition"), dict):
        definition = spread.pop("PipelineDefinition")
        body = definition.get("PipelineDefinitionBody")
        location = definition.get("PipelineDefinitionS3Location")
        if body is not None:
            spread["PipelineDefinition"] = body
        if location is not None:
            spread["PipelineDefinitionS3Location"] = location
    return spread


def _attribute(family: Family, record: Record, pointer: tuple[str, ...]) -> Any:
    name = {"Arn": family.arn_member, "Status": family.status_member or "Status"}.get(pointer[0], pointer[0])
    value = record.get(name)
    for part in pointer[1:]:
        value = value.get(part) if isinstance(value, Mapping) else None
    if name.endswith("Time") and isinstance(value, float):
        return datetime.datetime.fromtimestamp(value, datetime.UTC).isoformat(timespec="seconds")
    return value


def _validate(verb: Verb, family: Family, request: Mapping[str, Any]) -> None:
    model = operation(verb + family.name)
    if model is None:
        raise ResourceFailed(f"SageMaker cannot {verb.lower()} a {family.words}")
    validation.check(model.input_shape, request)


def _failed(error: ServiceError) -> ResourceFailed:
    return ResourceFailed(
        f"{error.message} (Service: SageMaker, Status Code: {error.status}, Error Code: {error.code})"
    )
