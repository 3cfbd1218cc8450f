"""SageMaker's resources from a template: the same engine and the same store that its API uses."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.model import StringShape, StructureShape

from local_aws import hooks
from local_aws import request_validation as validation
from local_aws.cloudformation.registry import Created, Properties, ResourceFailed, made
from local_aws.cloudformation.schema import resource_type
from local_aws.errors import ServiceError
from local_aws.sagemaker import control, tags
from local_aws.sagemaker.behaviours import behaviour
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

_ASKED = "_asked"
"""Where a record keeps what its template says of it."""

_POLICY = "ModelPackageGroupPolicy"
"""A property that an operation of its own sets, once the group is there."""

_HOW_TO_UPDATE = {
    "InferenceComponent": {"DeploymentConfig"},
    "Endpoint": {"ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig"},
}
"""Properties that say how an update is made, and are no change by themselves."""

_SENT_WITH_EVERY_UPDATE = {"Endpoint": {"DeploymentConfig"}}
"""Properties that an update needs whether they have changed or not: without guards it would be unwatched."""

_ONE_AT_A_TIME = {"FeatureGroup": ("FeatureAdditions", "OnlineStoreConfig", "ThroughputConfig")}
"""Members that an update takes by themselves: CloudFormation makes several of several.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateFeatureGroup.html
"""

_STOPPED_FOR_CHANGES = {"NotebookInstance": "InService"}
_STOPPED_FOR_DELETION = {**_STOPPED_FOR_CHANGES, "InferenceExperiment": "Running"}
"""What must not run meanwhile, and the state that it is in when it runs."""

_LONGEST_NAME = 63


class SageMakerResource:
    """One resource type, over the family of the same name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        family = self._family()
        properties = self._with_kept_tags(properties)
        try:
            request = _named(family, self._create_request(family, properties), logical_id, stack_name)
            _validate("Create", family, request)
            record = control.create(family, request)
        except ServiceError as error:
            raise _failed(error) from error
        made(self._answer(family, record).physical_id)
        reason = control.settle(family, record) or self._complete(family, record, properties)
        if reason is not None:
            # CloudFormation would delete it while it rolls back; here nobody knows its identifier yet.
            self._remove(family, record)
            raise ResourceFailed(reason)
        record[_ASKED] = self._asked(family, properties)
        return self._answer(family, record)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        family = self._family()
        try:
            record = control.find(family, self._key(family, physical_id))
            how = {name: value for name, value in new.items() if name in _HOW_TO_UPDATE.get(family.name, ())}
            asked = self._asked(family, new)
            request = self._update_request(family, asked, record)
            if old.get(_POLICY) != new.get(_POLICY):
                _set_policy(record, new.get(_POLICY))
            if request:
                always = _SENT_WITH_EVERY_UPDATE.get(family.name, set()) & asked.keys()
                request |= {**how, **{name: asked[name] for name in always}}
                for one in _one_at_a_time(family, request):
                    self._change(family, record, one | _keys(family, record))
            record[_ASKED] = asked
        except ServiceError as error:
            raise _failed(error) from error
        if "Tags" in new or "Tags" in old:
            tags.replace(record, self._with_kept_tags(new).get("Tags", []))
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
        return families()[self._name.removeprefix(_PREFIX)]

    def _with_kept_tags(self, properties: Properties) -> dict[str, Any]:
        """Without CloudFormation's own tags, where the type does not take them (its schema's `tagging`)."""
        kept = dict(properties)
        if "Tags" in kept and not resource_type(self._name).takes_system_tags:
            kept["Tags"] = [tag for tag in kept["Tags"] if not tag["Key"].startswith("aws:cloudformation:")]
        return kept

    def _change(self, family: Family, record: Record, request: Mapping[str, Any]) -> None:
        """Updates the resource and waits for it; one that runs is stopped for it, as CloudFormation does."""
        _validate("Update", family, request)
        control.settle(family, record)
        started = _stop(family, record, _STOPPED_FOR_CHANGES)
        control.update(family, request)
        reason = control.settle(family, record)
        if started:
            behaviour(family.name).start(record)
            reason = reason or control.settle(family, record)
        if reason is not None:
            raise ResourceFailed(reason)

    def _complete(self, family: Family, record: Record, properties: Properties) -> str | None:
        """Gives a new resource what only an update takes; why it cannot have it, or None."""
        later = {name: properties[name] for name in _later(family) if name in properties}
        try:
            if _POLICY in properties:
                _set_policy(record, properties[_POLICY])
            if later:
                self._change(family, record, {**_keys(family, record), **later})
        except (ServiceError, ResourceFailed) as error:
            return str(error)
        return None

    def _remove(self, family: Family, record: Record) -> None:
        control.settle(family, record)  # what is on its way cannot be deleted
        _stop(family, record, _STOPPED_FOR_DELETION)
        control.delete(family, record, {})
        control.settle(family, record)

    def _create_request(self, family: Family, properties: Properties) -> dict[str, Any]:
        leave_out = _HOW_TO_UPDATE.get(family.name, set()) | _later(family) | {_POLICY}
        wanted = {name: value for name, value in properties.items() if name not in leave_out}
        return self._as_api(family, "Create", wanted, _RENAMED.get(family.name, {})) | _tokens(family)

    def _asked(self, family: Family, properties: Properties) -> dict[str, Any]:
        """What a template says of a resource, in the API's words, without tags and how to update."""
        later = {name: value for name, value in properties.items() if name in _later(family)}
        request = self._create_request(family, properties) | later
        return {name: value for name, value in request.items() if name not in ("Tags", *_tokens(family))}

    def _update_request(self, family: Family, asked: Mapping[str, Any], record: Record) -> dict[str, Any]:
        """What differs from what was asked for before: nothing, after a failed update that was not taken."""
        before = record.get(_ASKED, record)
        changed = {name: value for name, value in asked.items() if before.get(name) != value}
        if family.name == "FeatureGroup":
            changed = _of_feature_group(changed, record)
        if changed:
            model = operation(f"Update{family.name}")
            needed = model.input_shape.required_members if model and model.input_shape else ()
            # What an update must name, changed or not: an endpoint's configuration.
            changed = {name: asked[name] for name in needed if name in asked} | changed
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


def _named(family: Family, request: dict[str, Any], logical_id: str, stack_name: str) -> dict[str, Any]:
    """With the name that a resource must have and that its template leaves to CloudFormation."""
    model = operation(f"Create{family.name}")
    shape = model.input_shape if model else None
    required = shape.required_members if isinstance(shape, StructureShape) else []
    missing = [name for name in family.key if name in required and name not in request]
    return {
        name: hooks.resources.physical_name(stack_name, logical_id, _LONGEST_NAME) for name in missing
    } | request


def _later(family: Family) -> frozenset[str]:
    """The properties that UpdateX takes and CreateX does not."""
    if family.name in _HOW_TO_UPDATE or family.name == "Domain":
        return frozenset()
    renamed = frozenset(_RENAMED.get(family.name, ()))
    return family.updatable - family.accepted - renamed - {"Alias"}  # an alias is given at once


def _set_policy(group: Record, policy: object) -> None:
    name = {"ModelPackageGroupName": group["ModelPackageGroupName"]}
    if policy is None:
        control.call("DeleteModelPackageGroupPolicy", name)
    else:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        control.call("PutModelPackageGroupPolicy", name | {"ResourcePolicy": text})


def _one_at_a_time(family: Family, request: dict[str, Any]) -> list[dict[str, Any]]:
    alone = [name for name in _ONE_AT_A_TIME.get(family.name, ()) if name in request]
    rest = {name: value for name, value in request.items() if name not in alone}
    return [rest | {name: request[name]} for name in alone] or [request]


def _of_feature_group(changed: dict[str, Any], record: Record) -> dict[str, Any]:
    """Features that are added, whatever their order; of the online store, what an update takes."""
    found = dict(changed)
    added = _added(
        record["FeatureDefinitions"], found.pop("FeatureDefinitions", record["FeatureDefinitions"])
    )
    if added:
        found["FeatureAdditions"] = added
    if "OnlineStoreConfig" in found:
        found["OnlineStoreConfig"] = {"TtlDuration": found["OnlineStoreConfig"].get("TtlDuration", {})}
    return found


def _added(kept: list[Mapping[str, Any]], wanted: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The features that a group is to have more: it cannot have fewer, or others."""
    names = {one["FeatureName"]: one for one in wanted}
    for one in kept:
        if names.get(one["FeatureName"]) != one:
            raise ResourceFailed(
                f"Feature {one['FeatureName']} of the feature group cannot be removed or changed."
            )
    return [one for one in wanted if one not in kept]


def _keys(family: Family, record: Record) -> dict[str, Any]:
    """What UpdateX wants to know a resource by."""
    names = [name for name in (*family.key, family.arn_member, "Version") if name in family.updatable]
    return {name: record[name] for name in names if name in record}


def _tokens(family: Family) -> dict[str, str]:
    """Every request of CloudFormation's is one of its own."""
    model = operation(f"Create{family.name}")
    shape = model.input_shape if model else None
    members = shape.members if isinstance(shape, StructureShape) else {}
    return {name: str(uuid.uuid4()) for name, one in members.items() if one.metadata.get("idempotencyToken")}


def _stop(family: Family, record: Record, running: Mapping[str, str]) -> bool:
    """Stops what must be stopped before it is changed or deleted; whether it was running."""
    if family.name not in running or record[str(family.status_member)] != running[family.name]:
        return False
    behaviour(family.name).stop(record)
    control.settle(family, record)
    return True


def _spread(family: Family, properties: Properties) -> dict[str, Any]:
    """A pipeline's definition is a structure in a template, and members of the request in the API;
    an image version's alias is one of its aliases."""
    spread = dict(properties)
    if family.name == "AppImageConfig":
        spread = {name: _with_variables(one) for name, one in spread.items()}
    if family.name == "ImageVersion" and "Alias" in spread:
        spread["Aliases"] = [*spread.get("Aliases", []), spread.pop("Alias")]
    if family.name == "Pipeline" and isinstance(spread.get("PipelineDefinition"), dict):
        definition = spread.pop("PipelineDefinition")
        body = definition.get("PipelineDefinitionBody")
        location = definition.get("PipelineDefinitionS3Location")
        if body is not None:
            spread["PipelineDefinition"] = body
        if location is not None:
            spread["PipelineDefinitionS3Location"] = location
    return spread


def _with_variables(settings: Any) -> Any:
    """An application's variables are a list of keys and values in a template, and a map in the API."""
    container = settings.get("ContainerConfig", {}) if isinstance(settings, Mapping) else {}
    variables = container.get("ContainerEnvironmentVariables")
    if not isinstance(variables, list):
        return settings
    as_map = {one["Key"]: one["Value"] for one in variables}
    return {**settings, "ContainerConfig": {**container, "ContainerEnvironmentVariables": as_map}}


def _attribute(family: Family, record: Record, pointer: tuple[str, ...]) -> Any:
    name = {"Arn": family.arn_member, "Status": family.status_member or "Status"}.get(pointer[0], pointer[0])
    value = record.get(name)
    if value is None and name == f"{family.name}Id":
        value = str(record[family.arn_member]).rpartition("/")[2]
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
