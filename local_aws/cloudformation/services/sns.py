"""SNS: what ministack's topics and subscriptions drop: keys, first-in-first-out, filters, dead letters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Properties, reconciles

_TOPIC = (
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "DisplayName",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "SignatureVersion",
    "TracingConfig",
)
_SUBSCRIPTION = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)


@reconciles("AWS::SNS::Topic")
def reconcile_topic(physical_id: str, properties: Properties, previous: Properties) -> None:
    wanted = _texts(properties, _TOPIC) | _delivery_status(properties)
    before = _texts(previous, _TOPIC) | _delivery_status(previous)
    for name, value in _changes(wanted, before):
        client("sns").set_topic_attributes(TopicArn=physical_id, AttributeName=name, AttributeValue=value)
    subscribed = [(item["Protocol"], item["Endpoint"]) for item in properties.get("Subscription", ())]
    present = {(item["Protocol"], item["Endpoint"]) for item in previous.get("Subscription", ())}
    if previous:
        for protocol, endpoint in subscribed:
            if (protocol, endpoint) not in present:
                client("sns").subscribe(TopicArn=physical_id, Protocol=protocol, Endpoint=endpoint)


@reconciles("AWS::SNS::Subscription")
def reconcile_subscription(physical_id: str, properties: Properties, previous: Properties) -> None:
    wanted, before = _texts(properties, _SUBSCRIPTION), _texts(previous, _SUBSCRIPTION)
    for name, value in _changes(wanted, before):
        client("sns").set_subscription_attributes(
            SubscriptionArn=physical_id, AttributeName=name, AttributeValue=value
        )


def _texts(properties: Properties, names: Sequence[str]) -> dict[str, str]:
    """The API takes every attribute as a text."""
    return {name: _text(properties[name]) for name in names if properties.get(name) is not None}


def _text(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _delivery_status(properties: Properties) -> dict[str, str]:
    """`SQSSuccessFeedbackRoleArn` and its like, one for each protocol (API_SetTopicAttributes)."""
    spelling = {
        "http/s": "HTTP",
        "sqs": "SQS",
        "lambda": "Lambda",
        "firehose": "Firehose",
        "application": "Application",
    }
    found: dict[str, str] = {}
    for item in properties.get("DeliveryStatusLogging", ()):
        protocol = spelling.get(str(item["Protocol"]), str(item["Protocol"]))
        for name in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn"):
            if name in item:
                found[f"{protocol}{name}"] = str(item[name])
    return found


def _changes(wanted: Mapping[str, str], before: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is to be set; an attribute that has left the template is emptied."""
    gone = [(name, "") for name in before if name not in wanted]
    return [(name, value) for name, value in wanted.items() if before.get(name) != value] + gone
