"""What AWS refuses beyond its schemas: keys that need or exclude each other, values that go together."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from local_aws.cloudformation import constraint
from local_aws.cloudformation.schema import resource_type

ROLE = "arn:aws:iam::000000000000:role/sample"
KEYS = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
}


def problems(name: str, **properties: Any) -> list[str]:
    type_ = resource_type(name)
    return [str(finding) for finding in type_.findings(type_.validator.coerce(properties))]


@pytest.mark.parametrize(
    ("name", "properties", "expected"),
    [
        ("AWS::DynamoDB::Table", KEYS, "#: required key [ProvisionedThroughput] not found"),
        (
            "AWS::DynamoDB::Table",
            {
                **KEYS,
                "BillingMode": "PAY_PER_REQUEST",
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            },
            "#/ProvisionedThroughput/ReadCapacityUnits: failed validation constraint for keyword [const]",
        ),
        (
            "AWS::SQS::Queue",
            {"FifoQueue": True, "QueueName": "orders"},
            "#/QueueName: failed validation constraint for keyword [pattern]",
        ),
        (
            "AWS::SQS::Queue",
            {"ContentBasedDeduplication": True},
            "#: extraneous key [ContentBasedDeduplication] is not permitted",
        ),
        (
            "AWS::Lambda::Function",
            {"Code": {"ZipFile": "pass"}, "Handler": "index.handler", "Role": ROLE},
            "#: required key [Runtime] not found",
        ),
        (
            "AWS::Lambda::Function",
            {
                "Code": {"S3Bucket": "code", "S3Key": "code"},
                "Role": ROLE,
                "Environment": {"Variables": {"AWS_REGION": "eu-west-1"}},
            },
            "#/Environment/Variables: key [AWS_REGION] failed validation constraint for keyword [not]",
        ),
        (
            "AWS::EC2::SecurityGroupIngress",
            {"GroupId": "sg-1", "IpProtocol": "tcp", "CidrIp": "10.0.0.0/8"},
            "#: required key [FromPort] not found",
        ),
        (
            "AWS::ElasticLoadBalancingV2::Listener",
            {
                "Protocol": "HTTPS",
                "Port": 443,
                "LoadBalancerArn": "lb",
                "DefaultActions": [{"Type": "forward"}],
            },
            "#: required key [Certificates] not found",
        ),
        (
            "AWS::ECS::TaskDefinition",
            {"ContainerDefinitions": [{"Name": "web", "Image": "web", "Essential": False}]},
            "#/ContainerDefinitions: expected at least one array item to match 'contains' schema",
        ),
        ("AWS::SQS::Queue", {"Arn": "mine"}, "#: extraneous key [Arn] is not permitted"),
    ],
)
def test_says_what_does_not_go_together(name: str, properties: dict[str, Any], expected: str) -> None:
    assert expected in problems(name, **properties)


def test_lets_through_what_goes_together() -> None:
    fargate = {
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": "256",
        "Memory": "512",
        "ContainerDefinitions": [{"Name": "web", "Image": "web"}],
    }
    assert problems("AWS::ECS::TaskDefinition", **fargate) == []
    assert problems("AWS::DynamoDB::Table", **KEYS, BillingMode="PAY_PER_REQUEST") == []


def test_every_rule_is_there_and_looks_at_one_resource_alone() -> None:
    spec = find_spec("cfnlint")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data" / "schemas" / "extensions"

    for name in constraint.files():
        assert '"cfnGather"' not in (folder / f"{name}.json").read_text(), name
