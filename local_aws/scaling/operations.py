"""Application Auto Scaling's operations, by botocore's service model.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel

from local_aws import hooks, request_validation
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import listing
from local_aws.scaling import calendar, dimensions, engine, records, rules, tracking
from local_aws.scaling.capacity import CAPACITIES
from local_aws.scaling.records import ACTION, ACTIVITY, POLICY, TARGET, Place
from local_aws.schedules import InvalidSchedule, parse
from local_aws.store import STORE, Record

Request = Mapping[str, Any]

_PAGE = 50
_MOST_TAGS = 50
_SUSPENSIONS = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)
_TRACKING = "TargetTrackingScalingPolicyConfiguration"
_STEPS = "StepScalingPolicyConfiguration"
_CONFIGURATIONS = {"TargetTrackingScaling": _TRACKING, "StepScaling": _STEPS}

_ROLES = {
    "appstream": "AppStreamFleet",
    "cassandra": "CassandraTable",
    "comprehend": "ComprehendEndpoint",
    "custom-resource": "CustomResource",
    "dynamodb": "DynamoDBTable",
    "ec2": "EC2SpotFleetRequest",
    "ecs": "ECSService",
    "elasticache": "ElastiCacheRG",
    "elasticmapreduce": "EMRInstanceGroup",
    "kafka": "KafkaCluster",
    "lambda": "LambdaConcurrency",
    "neptune": "NeptuneCluster",
    "rds": "RDSCluster",
    "sagemaker": "SageMakerEndpoint",
    "workspaces": "WorkSpacesPool",
}
"""https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html"""


def call(name: str, request: Request) -> dict[str, Any]:
    """Raises `ServiceError`."""
    if name not in _model().operation_names:
        raise ServiceError("UnknownOperationException", f"Application Auto Scaling has no operation {name}")
    operation = _OPERATIONS.get(name)
    if operation is None:
        raise not_supported(name)
    request_validation.check(_model().operation_model(name).input_shape, request)
    return operation({key: value for key, value in request.items() if value is not None})


@cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("application-autoscaling")


# --- targets ---------------------------------------------------------------------------------------


def _register(request: Request) -> dict[str, Any]:
    place = _place(request)
    record = records.target(place)
    least, most = (
        request.get(name, record[name] if record else None) for name in ("MinCapacity", "MaxCapacity")
    )
    if least is None or most is None:
        raise invalid(
            "MinCapacity and MaxCapacity must be specified when a new scalable target is registered."
        )
    if least < 0 or most < 0:
        raise invalid("Minimum capacity and maximum capacity must not be negative.")
    if least > most:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    if dimensions.acts(place[2]):
        CAPACITIES[place[2]].check(place[1], least, most)
    if record is None:
        record = {
            **dict(zip(records.PLACE, place, strict=True)),
            "RoleARN": request.get("RoleARN", _role(place[0])),
            "CreationTime": round(time.time(), 3),
            "SuspendedState": dict.fromkeys(_SUSPENSIONS, False),
            "ScalableTargetARN": (
                f"arn:aws:application-autoscaling:{hooks.request.place()}:scalable-target/{uuid.uuid4().hex}"
            ),
            "MinCapacity": least,
            "MaxCapacity": most,
            "_tags": _tags(request.get("Tags", {})),
        }
        STORE.add(TARGET, place, record)
    else:
        record.update(MinCapacity=least, MaxCapacity=most)
    record["SuspendedState"] = {**record["SuspendedState"], **request.get("SuspendedState", {})}
    if dimensions.acts(place[2]):
        engine.start()
    return {"ScalableTargetARN": record["ScalableTargetARN"]}


def _role(namespace: str) -> str:
    name = f"AWSServiceRoleForApplicationAutoScaling_{_ROLES[namespace]}"
    service = f"{namespace}.application-autoscaling.amazonaws.com"
    return f"arn:aws:iam::{hooks.request.account_id()}:role/aws-service-role/{service}/{name}"


def _deregister(request: Request) -> dict[str, Any]:
    place = _place(request)
    if records.target(place) is None:
        raise _missing("No scalable target found", place)
    tracking.remove_target(place)
    return {}


def _targets(request: Request) -> dict[str, Any]:
    resources = request.get("ResourceIds")
    if "ScalableDimension" in request and not resources:
        raise _needs_resource()
    found = [
        record for record in _of_place(TARGET, request) if not resources or record["ResourceId"] in resources
    ]
    return _page("ScalableTargets", found, request)


# --- policies --------------------------------------------------------------------------------------


def _put_policy(request: Request) -> dict[str, Any]:
    place, name = _place(request), request["PolicyName"]
    if records.target(place) is None:
        raise _missing("No scalable target registered", place)
    key = (*place, name)
    record = STORE.get(POLICY, key)
    kind = request.get("PolicyType") or (record["PolicyType"] if record else "StepScaling")
    if kind == "PredictiveScaling":
        raise not_supported("a predictive scaling policy")
    member = _CONFIGURATIONS[kind]
    for other in _CONFIGURATIONS.values():
        if other != member and other in request:
            raise invalid(f"{other} can't be specified for policy type: {kind}")
    configuration = request.get(member) or (record or {}).get(member)
    if configuration is None:
        raise invalid(f"You must specify a {member} for policy type: {kind}")
    (_check_steps if kind == "StepScaling" else _check_tracking)(place, name, configuration)
    if record is not None and record["PolicyType"] != kind:
        tracking.remove_policy(record)
        record = None
    if record is None:
        record = {
            "PolicyARN": (
                f"arn:aws:autoscaling:{hooks.request.place()}:scalingPolicy:{uuid.uuid4()}"
                f":resource/{place[0]}/{place[1]}:policyName/{name}"
            ),
            "PolicyName": name,
            **dict(zip(records.PLACE, place, strict=True)),
            "PolicyType": kind,
            "Alarms": [],
            "CreationTime": round(time.time(), 3),
        }
        STORE.add(POLICY, key, record)
    record[member] = configuration
    if kind == "TargetTrackingScaling" and dimensions.acts(place[2]):
        tracking.make_alarms(record)
    return {"PolicyARN": record["PolicyARN"], "Alarms": record["Alarms"]}


def _check_steps(place: Place, name: str, configuration: Request) -> None:  # noqa: ARG001 - as `_check_tracking`
    fault = rules.fault_of_steps(configuration)
    if fault is not None:
        raise invalid(fault)
    _check_cooldowns(configuration, "Cooldown")


def _check_tracking(place: Place, name: str, configuration: Request) -> None:
    predefined = configuration.get("PredefinedMetricSpecification")
    customized = configuration.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        raise invalid(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified"
        )
    if configuration["TargetValue"] <= 0:
        raise invalid("TargetValue must be greater than 0")
    _check_cooldowns(configuration, "ScaleInCooldown", "ScaleOutCooldown")
    if customized is not None and "Metrics" not in customized:
        missing = [one for one in ("MetricName", "Namespace", "Statistic") if not customized.get(one)]
        if missing:
            raise invalid(f"CustomizedMetricSpecification must have {', '.join(missing)}")
    if dimensions.acts(place[2]):
        if customized is not None and "Metrics" in customized:
            raise not_supported("target tracking by metric math")
        if predefined is not None:
            _check_predefined(place[2], predefined["PredefinedMetricType"])
    for other in records.policies(place):
        tracked = other.get(_TRACKING, {})
        if other["PolicyName"] != name and (predefined, customized) == (
            tracked.get("PredefinedMetricSpecification"),
            tracked.get("CustomizedMetricSpecification"),
        ):
            raise invalid(
                "Only one TargetTrackingScaling policy for a given metric specification is allowed."
            )


def _check_predefined(dimension: str, metric: str) -> None:
    known = CAPACITIES[dimension].metrics
    if metric not in known:
        raise invalid(
            f"Scalable dimension {dimension} only supports the following predefined metric types:"
            f" {', '.join(known)}"
        )


def _check_cooldowns(configuration: Request, *names: str) -> None:
    for name in names:
        if configuration.get(name, 0) < 0:
            raise invalid(f"{name} must not be negative")


def _delete_policy(request: Request) -> dict[str, Any]:
    place, name = _place(request), request["PolicyName"]
    record = STORE.get(POLICY, (*place, name))
    if record is None:
        raise _missing("No scaling policy found", place, f", policy name: {name}")
    tracking.remove_policy(record)
    return {}


def _policies(request: Request) -> dict[str, Any]:
    return _page("ScalingPolicies", _named(POLICY, "PolicyName", "PolicyNames", request), request)


# --- activities and scheduled actions --------------------------------------------------------------


def _activities(request: Request) -> dict[str, Any]:
    found = _of_place(ACTIVITY, request)
    return _page("ScalingActivities", found[::-1], request)


def _put_action(request: Request) -> dict[str, Any]:
    place, name = _place(request), request["ScheduledActionName"]
    if records.target(place) is None:
        raise _missing("No scalable target registered", place)
    record = STORE.get(ACTION, (*place, name))
    if record is None and "Schedule" not in request:
        raise invalid("Schedule must be specified when a new scheduled action is put.")
    _check_schedule({**(record or {}), **request})
    limits = request.get("ScalableTargetAction") or (record or {}).get("ScalableTargetAction", {})
    if not limits:
        raise invalid("At least one of minimum capacity and maximum capacity should be provided")
    if limits.get("MinCapacity", 0) > limits.get("MaxCapacity", limits.get("MinCapacity", 0)):
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    if record is None:
        record = {
            "ScheduledActionName": name,
            "ScheduledActionARN": (
                f"arn:aws:autoscaling:{hooks.request.place()}:scheduledAction:{uuid.uuid4()}"
                f":resource/{place[0]}/{place[1]}:scheduledActionName/{name}"
            ),
            **dict(zip(records.PLACE, place, strict=True)),
            "CreationTime": round(time.time(), 3),
        }
        STORE.add(ACTION, (*place, name), record)
    told = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")
    record.update({member: request[member] for member in told if member in request})
    calendar.plan(record, time.time())
    engine.start()
    return {}


def _check_schedule(action: Request) -> None:
    try:
        parse(action["Schedule"], action.get("Timezone"))
    except InvalidSchedule as error:
        raise invalid(f"Invalid schedule: {error}") from error
    if action.get("StartTime", 0) > action.get("EndTime", float("inf")):
        raise invalid("StartTime cannot be after EndTime")


def _delete_action(request: Request) -> dict[str, Any]:
    place, name = _place(request), request["ScheduledActionName"]
    if STORE.remove(ACTION, (*place, name)) is None:
        raise _missing("No scheduled action found", place, f", scheduled action name: {name}")
    return {}


def _actions(request: Request) -> dict[str, Any]:
    found = _named(ACTION, "ScheduledActionName", "ScheduledActionNames", request)
    return _page("ScheduledActions", found, request)


# --- tags ------------------------------------------------------------------------------------------


def _tags(given: Mapping[str, str]) -> dict[str, str]:
    if len(given) > _MOST_TAGS:
        raise ServiceError("TooManyTagsException", f"A resource can have at most {_MOST_TAGS} tags.")
    if any(key.lower().startswith("aws:") for key in given):
        raise invalid("Tag keys must not begin with aws:")
    return dict(given)


def _tag(request: Request) -> dict[str, Any]:
    record = _of_arn(request["ResourceARN"])
    record["_tags"] = _tags({**record["_tags"], **request["Tags"]})
    return {}


def _untag(request: Request) -> dict[str, Any]:
    record = _of_arn(request["ResourceARN"])
    record["_tags"] = {key: value for key, value in record["_tags"].items() if key not in request["TagKeys"]}
    return {}


def _list_tags(request: Request) -> dict[str, Any]:
    return {"Tags": _of_arn(request["ResourceARN"])["_tags"]}


def _of_arn(arn: str) -> Record:
    for _, record in STORE.all(TARGET):
        if record["ScalableTargetARN"] == arn:
            return record
    raise ServiceError("ResourceNotFoundException", f"No scalable target found for the ARN {arn}")


# --- what all have in common -----------------------------------------------------------------------


def _place(request: Request) -> Place:
    place = records.place_of(dict(request))
    if not dimensions.fits(*place):
        raise invalid("Unsupported service namespace, resource type or scalable dimension")
    return place


def _missing(what: str, place: Place, more: str = "") -> ServiceError:
    namespace, resource, dimension = place
    return ServiceError(
        "ObjectNotFoundException",
        f"{what} for service namespace: {namespace}, resource ID: {resource},"
        f" scalable dimension: {dimension}{more}",
    )


def _needs_resource() -> ServiceError:
    return invalid("A resource ID must be specified when a scalable dimension is specified")


def _of_place(family: str, request: Request) -> list[Record]:
    wanted = {name: request[name] for name in records.PLACE if name in request}
    return [
        record
        for _, record in STORE.all(family)
        if all(record[name] == value for name, value in wanted.items())
    ]


def _named(family: str, member: str, names: str, request: Request) -> list[Record]:
    if "ScalableDimension" in request and "ResourceId" not in request:
        raise _needs_resource()
    chosen = request.get(names)
    return [record for record in _of_place(family, request) if not chosen or record[member] in chosen]


def _page(member: str, found: list[Record], request: Request) -> dict[str, Any]:
    told = [{key: value for key, value in record.items() if not key.startswith("_")} for record in found]
    try:
        return listing.page(member, told, int(request.get("MaxResults", _PAGE)), request.get("NextToken"))
    except ServiceError as error:
        raise ServiceError("InvalidNextTokenException", error.message) from error


_OPERATIONS: Mapping[str, Callable[[Request], dict[str, Any]]] = {
    "DeleteScalingPolicy": _delete_policy,
    "DeleteScheduledAction": _delete_action,
    "DeregisterScalableTarget": _deregister,
    "DescribeScalableTargets": _targets,
    "DescribeScalingActivities": _activities,
    "DescribeScalingPolicies": _policies,
    "DescribeScheduledActions": _actions,
    "ListTagsForResource": _list_tags,
    "PutScalingPolicy": _put_policy,
    "PutScheduledAction": _put_action,
    "RegisterScalableTarget": _register,
    "TagResource": _tag,
    "UntagResource": _untag,
}
