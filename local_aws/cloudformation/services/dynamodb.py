"""DynamoDB: what ministack's tables drop: encryption, recovery, expiry, classes, policies, streams."""

from __future__ import annotations

import json
from typing import Any

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Properties, reconciles


@reconciles("AWS::DynamoDB::Table")
def reconcile_table(physical_id: str, properties: Properties, previous: Properties) -> None:
    dynamodb, table = client("dynamodb"), {"TableName": physical_id}

    changed: dict[str, Any] = {}
    encryption, before = properties.get("SSESpecification"), previous.get("SSESpecification")
    if encryption != before:
        wanted = dict(encryption or {"SSEEnabled": False})
        changed["SSESpecification"] = {
            "Enabled": wanted.pop("SSEEnabled"),
            **{name: value for name, value in wanted.items() if name in ("SSEType", "KMSMasterKeyId")},
        }
    if properties.get("TableClass", "STANDARD") != previous.get("TableClass", "STANDARD"):
        changed["TableClass"] = properties.get("TableClass", "STANDARD")
    if properties.get("OnDemandThroughput") != previous.get("OnDemandThroughput"):
        changed["OnDemandThroughput"] = dict(properties.get("OnDemandThroughput") or {})
    if changed:
        dynamodb.update_table(**table, **changed)

    recovery = properties.get("PointInTimeRecoverySpecification") or {}
    if recovery != (previous.get("PointInTimeRecoverySpecification") or {}):
        dynamodb.update_continuous_backups(
            **table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False, **recovery},
        )

    expiry = properties.get("TimeToLiveSpecification") or {}
    expired = previous.get("TimeToLiveSpecification") or {}
    if expiry != expired:
        wanted = dict(expiry or {**expired, "Enabled": False})
        dynamodb.update_time_to_live(**table, TimeToLiveSpecification=wanted)

    arn = dynamodb.describe_table(**table)["Table"]["TableArn"]
    policy = (properties.get("ResourcePolicy") or {}).get("PolicyDocument")
    if policy:
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy))
    elif previous.get("ResourcePolicy"):
        dynamodb.delete_resource_policy(ResourceArn=arn)

    insights = properties.get("ContributorInsightsSpecification")
    if insights != previous.get("ContributorInsightsSpecification"):
        enabled = (insights or {}).get("Enabled", False)
        dynamodb.update_contributor_insights(
            **table, ContributorInsightsAction="ENABLE" if enabled else "DISABLE"
        )

    stream = (properties.get("KinesisStreamSpecification") or {}).get("StreamArn")
    before = (previous.get("KinesisStreamSpecification") or {}).get("StreamArn")
    if stream != before:
        if before:
            dynamodb.disable_kinesis_streaming_destination(**table, StreamArn=before)
        if stream:
            dynamodb.enable_kinesis_streaming_destination(**table, StreamArn=stream)
