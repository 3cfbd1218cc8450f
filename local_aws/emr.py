"""EMR: what ministack's lacks of security configurations, idle time-outs and what a cluster was made with.

A cluster here has no machines and computes nothing: it waits from the moment that it is made until somebody
terminates it, and its idle time is kept and answered, not counted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from local_aws import hooks
from local_aws.errors import ServiceError
from local_aws.json_protocol import parsed, refusal, success
from local_aws.store import STORE

_SERVICE = "elasticmapreduce"
_CONFIGURATION = "EmrSecurityConfiguration"
_IDLE = "EmrAutoTermination"
_SHORTEST_SECONDS, _LONGEST_SECONDS = 60, 604_800
"""https://docs.aws.amazon.com/emr/latest/APIReference/API_AutoTerminationPolicy.html"""
_OF_THE_CLUSTER = (
    "AutoScalingRole",
    "Configurations",
    "CustomAmiId",
    "EbsRootVolumeSize",
    "LogEncryptionKmsKeyId",
    "OSReleaseLabel",
    "ScaleDownBehavior",
    "SecurityConfiguration",
)
_OF_ITS_INSTANCES = (
    "AdditionalMasterSecurityGroups",
    "AdditionalSlaveSecurityGroups",
    "ServiceAccessSecurityGroup",
)
"""What DescribeCluster answers of what a cluster was made with, and ministack does not."""

Request = Mapping[str, Any]


def install() -> None:
    usual = hooks.server.service(_SERVICE)

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> hooks.server.Response:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            if operation in _OPERATIONS:
                return success(_OPERATIONS[operation](parsed(body)))
            if operation != "RunJobFlow":
                return await usual(method, path, headers, body, query)
            request = parsed(body)
            _check(request)
        except ServiceError as error:
            return refusal(error)
        status, answered, found = await usual(method, path, headers, body, query)
        if status == 200:
            _complete(json.loads(found)["JobFlowId"], request)
        return status, answered, found

    hooks.server.add_service(_SERVICE, handle)


def _check(request: Request) -> None:
    """What AWS refuses before it makes a cluster."""
    if "SecurityConfiguration" in request:
        _configuration(request["SecurityConfiguration"])
    if "AutoTerminationPolicy" in request:
        _idle_seconds(request["AutoTerminationPolicy"])


def _complete(cluster_id: str, request: Request) -> None:
    cluster = hooks.resources.emr_cluster(cluster_id)
    if cluster is None:
        return
    cluster.update({name: request[name] for name in _OF_THE_CLUSTER if name in request})
    instances = request.get("Instances", {})
    cluster["Ec2InstanceAttributes"].update(
        {name: instances[name] for name in _OF_ITS_INSTANCES if name in instances}
    )
    if "AutoTerminationPolicy" in request:
        STORE.add(_IDLE, (cluster_id,), dict(request["AutoTerminationPolicy"]))


# --- security configurations ------------------------------------------------------------------------


def _create_configuration(request: Request) -> Mapping[str, Any]:
    name, text = request.get("Name"), request.get("SecurityConfiguration")
    if not name:
        raise _invalid("Name is required.")
    try:
        json.loads(text or "")
    except ValueError as error:
        raise _invalid(f"Security configuration is not valid JSON: {error}") from error
    record = {"Name": name, "SecurityConfiguration": text, "CreationDateTime": time.time()}
    if not STORE.add(_CONFIGURATION, (name,), record):
        raise _invalid(f"Security configuration with name '{name}' already exists.")
    return {"Name": name, "CreationDateTime": record["CreationDateTime"]}


def _describe_configuration(request: Request) -> Mapping[str, Any]:
    return _configuration(request.get("Name"))


def _delete_configuration(request: Request) -> Mapping[str, Any]:
    STORE.remove(_CONFIGURATION, (_configuration(request.get("Name"))["Name"],))
    return {}


def _list_configurations(request: Request) -> Mapping[str, Any]:  # noqa: ARG001 - an operation's
    found = [record for _, record in STORE.all(_CONFIGURATION)]
    known = [{name: each[name] for name in ("Name", "CreationDateTime")} for each in found]
    return {"SecurityConfigurations": known}


def _configuration(name: Any) -> Mapping[str, Any]:
    found = STORE.get(_CONFIGURATION, (str(name),))
    if found is None:
        raise _invalid(f"Security configuration with name '{name}' does not exist.")
    return found


# --- idle time-outs ---------------------------------------------------------------------------------


def _put_idle(request: Request) -> Mapping[str, Any]:
    cluster_id = _cluster(request)
    policy = {"IdleTimeout": _idle_seconds(request.get("AutoTerminationPolicy") or {})}
    STORE.remove(_IDLE, (cluster_id,))
    STORE.add(_IDLE, (cluster_id,), policy)
    return {}


def _get_idle(request: Request) -> Mapping[str, Any]:
    found = STORE.get(_IDLE, (_cluster(request),))
    return {} if found is None else {"AutoTerminationPolicy": found}


def _remove_idle(request: Request) -> Mapping[str, Any]:
    STORE.remove(_IDLE, (_cluster(request),))
    return {}


def _idle_seconds(policy: Request) -> int:
    seconds = policy.get("IdleTimeout")
    if not isinstance(seconds, int) or not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        message = f"IdleTimeout must be between {_SHORTEST_SECONDS} and {_LONGEST_SECONDS} seconds."
        raise ServiceError("ValidationException", message)
    return seconds


def _cluster(request: Request) -> str:
    cluster_id = str(request.get("ClusterId"))
    if hooks.resources.emr_cluster(cluster_id) is None:
        raise _invalid(f"Cluster id '{cluster_id}' is not valid.")
    return cluster_id


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidRequestException", message)


_OPERATIONS: Mapping[str, Callable[[Request], Mapping[str, Any]]] = {
    "CreateSecurityConfiguration": _create_configuration,
    "DeleteSecurityConfiguration": _delete_configuration,
    "DescribeSecurityConfiguration": _describe_configuration,
    "GetAutoTerminationPolicy": _get_idle,
    "ListSecurityConfigurations": _list_configurations,
    "PutAutoTerminationPolicy": _put_idle,
    "RemoveAutoTerminationPolicy": _remove_idle,
}
