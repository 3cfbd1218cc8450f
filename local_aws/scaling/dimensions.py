"""What can be scaled on AWS, and what of it acts here.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"

ACTING: Mapping[str, str] = {
    INSTANCES: "alarms and schedules set how many instances a variant has",
    PROVISIONED: "alarms and schedules set how many containers of a serverless variant are kept",
    COPIES: "alarms and schedules set how many copies an inference component has",
}

_AS_SET = "its capacity stays as it was set"
_NO_MACHINES = "there are no machines behind it here"

NOT_ACTING: Mapping[str, str] = {
    "appstream:fleet:DesiredCapacity": _NO_MACHINES,
    "cassandra:table:ReadCapacityUnits": _AS_SET,
    "cassandra:table:WriteCapacityUnits": _AS_SET,
    "comprehend:document-classifier-endpoint:DesiredInferenceUnits": _NO_MACHINES,
    "comprehend:entity-recognizer-endpoint:DesiredInferenceUnits": _NO_MACHINES,
    "custom-resource:ResourceType:Property": "nobody is asked to scale it",
    "dynamodb:index:ReadCapacityUnits": _AS_SET,
    "dynamodb:index:WriteCapacityUnits": _AS_SET,
    "dynamodb:table:ReadCapacityUnits": _AS_SET,
    "dynamodb:table:WriteCapacityUnits": _AS_SET,
    "ec2:spot-fleet-request:TargetCapacity": _NO_MACHINES,
    "ecs:service:DesiredCount": "no container is started for a service here",
    "elasticache:cache-cluster:Nodes": _NO_MACHINES,
    "elasticache:replication-group:NodeGroups": _NO_MACHINES,
    "elasticache:replication-group:Replicas": _NO_MACHINES,
    "elasticmapreduce:instancegroup:InstanceCount": _NO_MACHINES,
    "kafka:broker-storage:VolumeSize": _NO_MACHINES,
    "lambda:function:ProvisionedConcurrency": _AS_SET,
    "neptune:cluster:ReadReplicaCount": _NO_MACHINES,
    "rds:cluster:ReadReplicaCount": _NO_MACHINES,
    "workspaces:workspacespool:DesiredUserSessions": _NO_MACHINES,
}
"""Targets that are kept and answered, with their policies; no alarms are made for these."""

_RESOURCES: Mapping[str, str] = {
    "appstream:fleet": r"fleet/.+",
    "cassandra:table": r"keyspace/.+/table/.+",
    "comprehend:document-classifier-endpoint": r"arn:.+",
    "comprehend:entity-recognizer-endpoint": r"arn:.+",
    "custom-resource:ResourceType": r".+",
    "dynamodb:index": r"table/.+/index/.+",
    "dynamodb:table": r"table/[^/]+",
    "ec2:spot-fleet-request": r"spot-fleet-request/.+",
    "ecs:service": r"service/[^/]+/[^/]+",
    "elasticache:cache-cluster": r"cache-cluster/.+",
    "elasticache:replication-group": r"replication-group/.+",
    "elasticmapreduce:instancegroup": r"instancegroup/[^/]+/[^/]+",
    "kafka:broker-storage": r"arn:.+",
    "lambda:function": r"function:.+:.+",
    "neptune:cluster": r"cluster:.+",
    "rds:cluster": r"cluster:.+",
    "sagemaker:inference-component": r"inference-component/[^/]+",
    "sagemaker:variant": r"endpoint/[^/]+/variant/[^/]+",
    "workspaces:workspacespool": r"workspacespool/.+",
}


def acts(dimension: str) -> bool:
    return dimension in ACTING


def fits(namespace: str, resource: str, dimension: str) -> bool:
    """Whether the three name one resource's capacity."""
    pattern = _RESOURCES[dimension.rpartition(":")[0]]
    return dimension.startswith(f"{namespace}:") and re.fullmatch(pattern, resource) is not None


def variant_of(resource: str) -> tuple[str, str]:
    """The endpoint and the variant of `endpoint/my-endpoint/variant/my-variant`."""
    _, endpoint, _, variant = resource.split("/")
    return endpoint, variant


def component_of(resource: str) -> str:
    """The name in `inference-component/my-component`."""
    return resource.partition("/")[2]
