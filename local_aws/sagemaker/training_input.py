"""What a training job's program finds below /opt/ml/input: its channels and its configuration.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.errors import invalid, not_supported
from local_aws.sagemaker import callers, clients, storage
from local_aws.store import Record

_ONLY_GROUP = "homogeneousCluster"


@dataclass(frozen=True)
class Group:
    """Instances of one type."""

    name: str
    instance_type: str
    hosts: tuple[str, ...]


def groups(resources: Mapping[str, Any], hosts: Sequence[str]) -> list[Group]:
    """The cluster's groups; one, where the request has none."""
    asked = resources.get("InstanceGroups") or [{"InstanceGroupName": _ONLY_GROUP, **resources}]
    found, first = [], 0
    for group in asked:
        last = first + group["InstanceCount"]
        found.append(Group(group["InstanceGroupName"], group["InstanceType"], tuple(hosts[first:last])))
        first = last
    return found


def count(resources: Mapping[str, Any]) -> int:
    asked = resources.get("InstanceGroups") or [resources]
    return sum(int(group.get("InstanceCount", 1)) for group in asked)


def check(request: Mapping[str, Any]) -> None:
    """Refuses channels that AWS or this machine cannot give. Raises `ServiceError`."""
    channels = request.get("InputDataConfig", [])
    names = [channel["ChannelName"] for channel in channels]
    if len(names) != len(set(names)):
        raise invalid("Channel names must be unique within a training job.")
    known = {group["InstanceGroupName"] for group in request["ResourceConfig"].get("InstanceGroups", ())}
    for channel in channels:
        mode = channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"])
        _check_channel(channel, mode, known)


def check_presence(request: Mapping[str, Any]) -> None:
    """Refuses what the role does not find in S3, as CreateTrainingJob does."""
    if not request.get("InputDataConfig"):
        return
    role = request["RoleArn"]
    with clients.on_behalf_of(callers.source_identity()):
        client = clients.as_role(role).s3
    for channel in request["InputDataConfig"]:
        source = channel["DataSource"]["S3DataSource"]
        bucket, key = storage.location(source["S3Uri"])
        said = ""
        try:
            found = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents")
        except ClientError as error:
            found, said = None, f" Error message from S3: {error.response['Error']['Message']}"
        if not found:
            raise invalid(
                f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source. Please'
                f" ensure that the bucket exists in the selected region ({hooks.request.region()}), that"
                f' objects exist under that S3 prefix, and that the role "{role}" has "s3:ListBucket"'
                f' permissions on bucket "{bucket}".{said}'
            )


def _check_channel(channel: Mapping[str, Any], mode: str, known_groups: set[str]) -> None:
    name = channel["ChannelName"]
    if mode == "Pipe":
        raise not_supported("the input mode Pipe")
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise not_supported("a channel that is not in S3")
    kind = source["S3DataType"]
    if kind == "AugmentedManifestFile":
        raise invalid(
            f"AugmentedManifestFile can only be used with the input mode Pipe: channel {name} has {mode}."
        )
    if kind not in ("S3Prefix", "ManifestFile"):
        raise not_supported(f"a channel of the type {kind}")
    if mode == "FastFile" and kind != "S3Prefix":
        raise invalid(f"The input mode FastFile needs the S3DataType S3Prefix: channel {name} has {kind}.")
    if channel.get("CompressionType", "None") != "None":
        raise invalid(
            f"CompressionType is used only in Pipe input mode: in {mode} mode, leave it unset or set it to"
            f" None for channel {name}."
        )
    if channel.get("RecordWrapperType", "None") != "None":
        raise not_supported(f"a channel with RecordWrapperType {channel['RecordWrapperType']}")
    if channel.get("ShuffleConfig"):
        raise not_supported("a channel with ShuffleConfig")
    for member in ("ModelAccessConfig", "HubAccessConfig"):
        if source.get(member):
            raise not_supported(f"a channel with {member}")
    unknown = sorted(set(source.get("InstanceGroupNames", ())) - known_groups)
    if unknown:
        raise invalid(f"Instance group {unknown[0]} of channel {name} is not defined in ResourceConfig.")


def fill(record: Record, client: Any, ml: Path, host: str, cluster: Sequence[Group], interface: str) -> None:
    """Makes a host's folders, with its channels and its configuration. Raises `StorageError`."""
    for folder in ("input/config", "input/data", "model", "output/data"):
        (ml / folder).mkdir(parents=True)
    channels = [one for one in record.get("InputDataConfig", []) if host in _receivers(one, cluster)]
    for channel in channels:
        # What FastFile streams on AWS is here at once: nobody can tell the files apart.
        target = ml / "input/data" / channel["ChannelName"]
        storage.download(client, _share(client, channel, host, cluster), target)
    own = next(group for group in cluster if host in group.hosts)
    hosts = [name for group in cluster for name in group.hosts]
    content = {
        "hyperparameters": record.get("HyperParameters", {}),
        "inputdataconfig": {channel["ChannelName"]: _described(channel) for channel in channels},
        "resourceconfig": {
            "current_host": host,
            "current_instance_type": own.instance_type,
            "current_group_name": own.name,
            "hosts": sorted(hosts),
            "instance_groups": [
                {
                    "instance_group_name": group.name,
                    "instance_type": group.instance_type,
                    "hosts": list(group.hosts),
                }
                for group in cluster
            ],
            "network_interface_name": interface,
        },
        **dict(_optional(record)),
    }
    for name, value in content.items():
        (ml / "input/config" / f"{name}.json").write_text(json.dumps(value, indent=2))


def _optional(record: Record) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "CheckpointConfig" in record:
        yield "checkpointconfig", {"LocalPath": local_path(record, "CheckpointConfig")}
    if "DebugHookConfig" in record:
        yield (
            "debughookconfig",
            {**record["DebugHookConfig"], "LocalPath": local_path(record, "DebugHookConfig")},
        )


_LOCAL_PATHS = {
    "CheckpointConfig": "/opt/ml/checkpoints",
    "DebugHookConfig": "/opt/ml/output/tensors",
    "TensorBoardOutputConfig": "/opt/ml/output/tensorboard",
}
"""Their defaults (CheckpointConfig, DebugHookConfig and TensorBoardOutputConfig in the API reference)."""


def local_path(request: Mapping[str, Any], member: str) -> str:
    """Where in the container is what a member of the request asks to be kept in S3."""
    return str(request[member].get("LocalPath", _LOCAL_PATHS[member]))


def check_local_paths(request: Mapping[str, Any]) -> None:
    for member in _LOCAL_PATHS:
        if member not in request:
            continue
        path = local_path(request, member)
        if ".." in Path(path).parts or not path.startswith("/opt/ml/"):
            raise not_supported(f"{member} with a LocalPath that is not below /opt/ml/, such as '{path}'")


def _receivers(channel: Mapping[str, Any], cluster: Sequence[Group]) -> list[str]:
    wanted = channel["DataSource"]["S3DataSource"].get("InstanceGroupNames")
    return [host for group in cluster if not wanted or group.name in wanted for host in group.hosts]


def _share(
    client: Any, channel: Mapping[str, Any], host: str, cluster: Sequence[Group]
) -> list[storage.Source]:
    source = channel["DataSource"]["S3DataSource"]
    found = storage.sources(client, source["S3DataType"], source["S3Uri"])
    if source.get("S3DataDistributionType") == "ShardedByS3Key":
        receivers = _receivers(channel, cluster)
        return found[receivers.index(host) :: len(receivers)]
    return found


def _described(channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    found = {
        "TrainingInputMode": "File",  # also for FastFile, on AWS too
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": "None",
    }
    if "ContentType" in channel:
        found["ContentType"] = channel["ContentType"]
    return found
