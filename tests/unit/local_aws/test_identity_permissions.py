"""What CloudFormation needs for a resource, read from AWS's schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import hooks
from local_aws.cloudformation.schema import type_names
from local_aws.identity.permissions import Needed, Verb, needed, own_actions

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/handed-over"


@pytest.fixture(autouse=True)
def _somewhere() -> Iterator[None]:
    with hooks.request.scope(ACCOUNT, "eu-west-1"):
        yield


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("AWS::ApiGateway::Method", ("apigateway:POST", "apigateway:PATCH", "apigateway:DELETE")),
        ("AWS::ECR::Repository", ("ecr:CreateRepository", None, "ecr:DeleteRepository")),
        ("AWS::DynamoDB::Table", ("dynamodb:CreateTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable")),
        ("AWS::EC2::VPC", ("ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:DeleteVpc")),
        ("AWS::Events::Rule", ("events:PutRule", "events:PutRule", "events:DeleteRule")),
        ("AWS::IAM::Role", ("iam:CreateRole", "iam:UpdateRole", "iam:DeleteRole")),
        ("AWS::KMS::Key", ("kms:CreateKey", None, "kms:ScheduleKeyDeletion")),
        ("AWS::Lambda::Permission", ("lambda:AddPermission", None, "lambda:RemovePermission")),
        ("AWS::S3::Bucket", ("s3:CreateBucket", None, "s3:DeleteBucket")),
        ("AWS::S3::BucketPolicy", ("s3:PutBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy")),
        ("AWS::SNS::Topic", ("sns:CreateTopic", "sns:SetTopicAttributes", "sns:DeleteTopic")),
        ("AWS::SageMaker::Model", ("sagemaker:CreateModel", None, "sagemaker:DeleteModel")),
        ("AWS::WAFv2::WebACL", ("wafv2:CreateWebACL", "wafv2:UpdateWebACL", "wafv2:DeleteWebACL")),
        ("AWS::CDK::Metadata", (None, None, None)),
    ],
)  # fmt: skip
def test_a_types_own_actions_are_those_of_its_name(kind: str, actions: tuple[str | None, ...]) -> None:
    verbs: tuple[Verb, ...] = ("create", "update", "delete")
    found = tuple(next(iter(own_actions(kind, verb)), None) for verb in verbs)

    assert found == actions


def test_nearly_every_type_has_an_action_that_creates_it() -> None:
    schemas = [name for name in type_names() if name.startswith("AWS::")]
    without = [name for name in schemas if not own_actions(name, "create")]

    assert len(without) < len(schemas) * 0.08, without


def _needed(kind: str, properties: dict[str, Any], previous: dict[str, Any] | None = None) -> dict[str, str]:
    verb: Verb = "create" if previous is None else "update"
    found = needed(
        kind,
        verb,
        properties,
        previous=previous or {},
        physical_id=None if previous is None else "made",
        name="stack-logical-1",
    )
    return {one.action: one.resource for one in found}


def test_a_buckets_settings_need_their_own_rights() -> None:
    properties = {
        "BucketName": "named",
        "BucketEncryption": {},
        "Tags": [{"Key": "team", "Value": "red"}, {"Key": "aws:cloudformation:stack-name", "Value": "s"}],
    }

    assert set(_needed("AWS::S3::Bucket", properties)) == {
        "s3:CreateBucket",
        "s3:PutEncryptionConfiguration",
        "s3:PutBucketTagging",
    }
    assert _needed("AWS::S3::Bucket", properties)["s3:CreateBucket"] == "arn:aws:s3:::named"
    assert set(_needed("AWS::S3::Bucket", {"VersioningConfiguration": {}}, {})) == {"s3:PutBucketVersioning"}


def test_cloudformations_own_tags_need_no_rights() -> None:
    tags = [{"Key": "aws:cloudformation:stack-name", "Value": "s"}]

    assert set(_needed("AWS::S3::Bucket", {"Tags": tags})) == {"s3:CreateBucket"}


def test_roles_are_passed_where_the_schema_says_so() -> None:
    properties = {
        "Role": ROLE,
        "Environment": {"Variables": {"OTHER_ROLE": f"{ROLE}-2"}},
        "Code": {"S3Bucket": "assets", "S3Key": "code.zip"},
    }

    found = _needed("AWS::Lambda::Function", properties)

    assert found["iam:PassRole"] == ROLE
    assert found["s3:GetObject"] == "arn:aws:s3:::assets/code.zip"
    assert f"{ROLE}-2" not in found.values()
    assert "iam:PassRole" not in _needed("AWS::Lambda::Function", properties, {"Role": ROLE})


def test_a_cluster_hands_over_two_roles_and_is_told_by_its_tags() -> None:
    tags = [{"Key": "team", "Value": "red"}]
    groups = {"CoreInstanceGroup": {"InstanceCount": 1}}
    cluster = {"ServiceRole": ROLE, "JobFlowRole": "machines", "Instances": groups, "Tags": tags}
    larger = {**cluster, "Instances": {"CoreInstanceGroup": {"InstanceCount": 2}}}

    def asked(verb: Verb, now: dict[str, Any], before: dict[str, Any]) -> list[Needed]:
        made = None if verb == "create" else "j-1"
        return list(needed("AWS::EMR::Cluster", verb, now, previous=before, physical_id=made, name="x"))

    created, grown, gone = (
        asked("create", cluster, {}),
        asked("update", larger, cluster),
        asked("delete", cluster, {}),
    )

    passed = {each.resource: each.context for each in created if each.action == "iam:PassRole"}
    assert passed == {
        ROLE: {"iam:PassedToService": "elasticmapreduce.amazonaws.com"},
        f"arn:aws:iam::{ACCOUNT}:role/machines": {"iam:PassedToService": "ec2.amazonaws.com"},
    }
    (run,) = (each for each in created if each.action == "elasticmapreduce:RunJobFlow")
    assert (run.resource, run.context["aws:RequestTag/team"]) == ("*", "red")
    (resized,) = (each for each in grown if each.action == "elasticmapreduce:ModifyInstanceGroups")
    (ended,) = (each for each in gone if each.action == "elasticmapreduce:TerminateJobFlows")
    for each in (resized, ended):
        assert each.resource == f"arn:aws:elasticmapreduce:eu-west-1:{ACCOUNT}:cluster/j-1"
        assert each.context == {"aws:ResourceTag/team": "red"}


def test_a_custom_resource_invokes_its_function() -> None:
    token = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:provider"

    assert _needed("Custom::Anything", {"ServiceToken": token}) == {"lambda:InvokeFunction": token}


@pytest.mark.parametrize(
    ("kind", "properties", "arn"),
    [
        ("AWS::IAM::Role", {"RoleName": "x", "Path": "/deep/"}, f"arn:aws:iam::{ACCOUNT}:role/deep/x"),
        ("AWS::SQS::Queue", {}, f"arn:aws:sqs:eu-west-1:{ACCOUNT}:stack-logical-1"),
        ("AWS::EC2::VPC", {}, f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/*"),
        ("AWS::SSM::Parameter", {"Name": "/a/b"}, f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/a/b"),
        (
            "AWS::SageMaker::EndpointConfig",
            {"EndpointConfigName": "c"},
            f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint-config/c",
        ),
    ],
)
def test_a_resource_has_its_arn_before_it_is_made(kind: str, properties: dict[str, Any], arn: str) -> None:
    assert arn in _needed(kind, properties).values()
