"""Kinesis: a stream's encryption and its shards' metrics, which ministack's `AWS::Kinesis::Stream` drops."""

from __future__ import annotations

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Properties, reconciles


@reconciles("AWS::Kinesis::Stream")
def reconcile_stream(physical_id: str, properties: Properties, previous: Properties) -> None:
    kinesis, stream = client("kinesis"), {"StreamName": physical_id}

    encryption, before = properties.get("StreamEncryption"), previous.get("StreamEncryption")
    if encryption != before:
        if before:
            kinesis.stop_stream_encryption(**stream, **before)
        if encryption:
            kinesis.start_stream_encryption(**stream, **encryption)

    wanted = set(properties.get("DesiredShardLevelMetrics", ()))
    metered = set(previous.get("DesiredShardLevelMetrics", ()))
    if wanted - metered:
        kinesis.enable_enhanced_monitoring(**stream, ShardLevelMetrics=sorted(wanted - metered))
    if metered - wanted:
        kinesis.disable_enhanced_monitoring(**stream, ShardLevelMetrics=sorted(metered - wanted))
