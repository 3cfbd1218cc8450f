"""Scalable targets and scaling policies from a template: the operations of the API, the same records."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.registry import Created, Properties, ResourceFailed, register
from local_aws.errors import ServiceError
from local_aws.scaling.dimensions import NOT_ACTING

_PREFIX = "AWS::ApplicationAutoScaling::"
_PLACE = ("ServiceNamespace", "ResourceId", "ScalableDimension")


def install() -> None:
    register(f"{_PREFIX}ScalableTarget", _Target())
    register(f"{_PREFIX}ScalingPolicy", _Policy())


def _call(name: str, members: Mapping[str, Any]) -> dict[str, Any]:
    # Only now: botocore is not loaded before anybody deploys anything that scales.
    from local_aws.scaling import operations

    try:
        return operations.call(name, members)
    except ServiceError as error:
        raise ResourceFailed(
            f"{error.message} (Service: ApplicationAutoScaling, Status Code: {error.status},"
            f" Error Code: {error.code})"
        ) from error


def _delete(name: str, members: Mapping[str, Any]) -> None:
    """What somebody else has deleted already is as CloudFormation wants it."""
    try:
        _call(name, members)
    except ResourceFailed as error:
        if "Error Code: ObjectNotFoundException" not in str(error):
            raise


def _given(properties: Properties, *names: str) -> dict[str, Any]:
    return {name: properties[name] for name in names if name in properties}


class _Target:
    """What `Ref` and `Id` answer is the resource, the dimension and the namespace, in this order."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        created = self._put(properties, {})
        why = NOT_ACTING.get(properties["ScalableDimension"])
        if why is not None:
            words = f"Not emulated on the local AWS: it is kept and answered, but never scaled, {why}"
            hooks.resources.tell_about_resource(stack_name, logical_id, f"{_PREFIX}ScalableTarget", words)
        return created

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return self._put(new, old)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        _delete("DeregisterScalableTarget", _given(properties, *_PLACE))

    def _put(self, properties: Properties, old: Properties) -> Created:
        place = _given(properties, *_PLACE)
        said = _given(properties, "MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState")
        _call("RegisterScalableTarget", {**place, **said})
        try:
            self._schedule(place, properties, old)
        except ResourceFailed:
            if not old:
                _delete("DeregisterScalableTarget", place)
            raise
        identifier = "|".join(
            str(place[name]) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")
        )
        return Created(identifier, {"Id": identifier})

    def _schedule(self, place: Mapping[str, Any], properties: Properties, old: Properties) -> None:
        wanted = properties.get("ScheduledActions", [])
        for action in wanted:
            times = {
                name: datetime.datetime.fromisoformat(str(action[name])).timestamp()
                for name in ("StartTime", "EndTime")
                if name in action
            }
            _call("PutScheduledAction", {**place, **action, **times})
        names = {action["ScheduledActionName"] for action in wanted}
        for action in old.get("ScheduledActions", []):
            if action["ScheduledActionName"] not in names:
                members = {**place, "ScheduledActionName": action["ScheduledActionName"]}
                _delete("DeleteScheduledAction", members)


class _Policy:
    _CONFIGURATIONS = (
        "StepScalingPolicyConfiguration",
        "TargetTrackingScalingPolicyConfiguration",
        "PredictiveScalingPolicyConfiguration",
    )

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return self._put(properties)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002
        return self._put(new)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        place = self._place(properties)
        _delete("DeleteScalingPolicy", {**place, **_given(properties, "PolicyName")})

    def _put(self, properties: Properties) -> Created:
        said = _given(properties, "PolicyName", "PolicyType", *self._CONFIGURATIONS)
        answer = _call("PutScalingPolicy", {**self._place(properties), **said})
        return Created(answer["PolicyARN"], {"Arn": answer["PolicyARN"]})

    def _place(self, properties: Properties) -> dict[str, Any]:
        """Said by the target's identifier or by its three parts, and not by both."""
        identifier, parts = properties.get("ScalingTargetId"), _given(properties, *_PLACE)
        if identifier is None:
            return parts
        if parts:
            raise ResourceFailed(
                "You must specify either the ScalingTargetId property, or the ResourceId, ScalableDimension,"
                " and ServiceNamespace properties, but not both."
            )
        resource, dimension, namespace = str(identifier).rsplit("|", 2)
        return {"ServiceNamespace": namespace, "ResourceId": resource, "ScalableDimension": dimension}
