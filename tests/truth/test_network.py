"""The network's own rules: what may come through its endpoints, and who writes its flow logs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from local_aws.identity.decision import Policies, decide
from local_aws.identity.policy import Caller, Request, Statement, statements
from support.identity import ACCOUNT, REGION, Somebody, document, statement, trusting
from support.truth_world import World

STRANGER = "999999999999"
AWS = "763104351884"
"""The account of the deep learning containers."""
EVERYTHING = statements(document(statement("*")))


@pytest.fixture(scope="module")
def endpoints(world: World) -> Mapping[str, tuple[Statement, ...]]:
    """The policies of the endpoints, as they are deployed, by service."""
    found = world.aws.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return {each["ServiceName"]: statements(each["PolicyDocument"]) for each in found}


def _passes(policy: tuple[Statement, ...], action: str, resource: str, *, caller: str, owner: str) -> bool:
    """Whether somebody who may everything may do this through an endpoint."""
    who = Caller((f"arn:aws:sts::{caller}:assumed-role/somebody/session",), caller)
    keys = {"aws:principalaccount": caller, "aws:resourceaccount": owner}
    asked = Request(action, resource, keys)
    return decide(who, asked, Policies(identity=EVERYTHING, endpoint=policy)).allowed


def test_every_endpoint_has_a_policy(endpoints: Mapping[str, tuple[Statement, ...]]) -> None:
    assert len(endpoints) == 13
    assert [service for service, policy in endpoints.items() if not policy] == []


@pytest.mark.parametrize(
    ("caller", "owner", "passes"),
    [(ACCOUNT, ACCOUNT, True), (STRANGER, ACCOUNT, False), (ACCOUNT, STRANGER, False)],
    ids=["ours to ours", "credentials of somebody else's", "a bucket of somebody else's"],
)
def test_endpoints_know_this_account_only(
    endpoints: Mapping[str, tuple[Statement, ...]], caller: str, owner: str, passes: bool
) -> None:
    decided = {
        service: _passes(policy, "s3:GetObject", "arn:aws:s3:::bucket/1", caller=caller, owner=owner)
        for service, policy in endpoints.items()
    }

    assert set(decided.values()) == {passes}


def test_the_layers_of_images_come_through_and_nothing_goes_out_that_way(
    endpoints: Mapping[str, tuple[Statement, ...]],
) -> None:
    layer = f"arn:aws:s3:::prod-{REGION}-starport-layer-bucket/layer"

    decided = {
        action: _passes(
            endpoints[f"com.amazonaws.{REGION}.s3"], action, layer, caller=ACCOUNT, owner=STRANGER
        )
        for action in ("s3:GetObject", "s3:PutObject")
    }

    assert decided == {"s3:GetObject": True, "s3:PutObject": False}


@pytest.mark.parametrize("service", ["ecr.api", "ecr.dkr"])
def test_images_of_aws_come_through_and_none_goes_there_nor_anybody_elses(
    endpoints: Mapping[str, tuple[Statement, ...]], service: str
) -> None:
    policy = endpoints[f"com.amazonaws.{REGION}.{service}"]

    def passes(action: str, owner: str, caller: str = ACCOUNT) -> bool:
        repository = f"arn:aws:ecr:{REGION}:{owner}:repository/pytorch-training"
        return _passes(policy, action, repository, caller=caller, owner=owner)

    assert passes("ecr:BatchGetImage", AWS)
    assert passes("ecr:GetDownloadUrlForLayer", AWS)
    assert not passes("ecr:PutImage", AWS)
    assert not passes("ecr:BatchGetImage", STRANGER)
    assert not passes("ecr:BatchGetImage", AWS, caller=STRANGER)


def test_requests_through_an_endpoint_reach_our_buckets(world: World) -> None:
    bucket = world.aws.bucket(**{"1": b"1"})
    somebody = world.aws.somebody(statement("s3:*"))
    world.place(somebody)

    assert somebody.client("s3").get_object(Bucket=bucket, Key="1")["Body"].read() == b"1"


def _reaches(somebody: Somebody, bucket: str) -> dict[str, bool]:
    """What somebody does who comes from outside of the VPC."""
    return {
        "read": somebody.may("s3", "get_object", Bucket=bucket, Key="research/1"),
        "write": somebody.may("s3", "put_object", Bucket=bucket, Key="research/1", Body=b"1"),
        "list": somebody.may("s3", "list_objects_v2", Bucket=bucket, Prefix="research/"),
    }


def test_nobody_reaches_data_from_outside_whatever_they_are_allowed(world: World) -> None:
    somebody = world.aws.somebody(statement("*"))

    assert _reaches(somebody, world.data) == {"read": False, "write": False, "list": False}
    assert _reaches(somebody, world.models) == {"read": True, "write": False, "list": True}


def test_whoever_is_allowed_reaches_data_from_within(world: World) -> None:
    somebody = world.aws.somebody(statement("*"))
    world.place(somebody)

    assert set(_reaches(somebody, world.data).values()) == {True}


def test_the_endpoint_of_another_vpc_is_outside(world: World) -> None:
    ec2 = world.aws.client("ec2")
    other = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=other, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway"
    )["VpcEndpoint"]["VpcEndpointId"]
    somebody = world.aws.somebody(statement("*"))
    somebody.client("s3").meta.events.register(
        "before-sign.s3",
        lambda request, **_: request.headers.add_header("x-local-aws-source-vpce", endpoint),
    )

    assert set(_reaches(somebody, world.data).values()) == {False}


@pytest.mark.parametrize("name", ["data-delivery", "clary-truth-data-EmptierFunctionRole-1"])
def test_whom_the_file_and_the_environment_except_reach_data_from_outside(world: World, name: str) -> None:
    iam = world.aws.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting({"AWS": ACCOUNT}))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name, PolicyName="all", PolicyDocument=document(statement(["s3:*", "kms:*"]))
    )

    assert set(_reaches(world.aws.session(role), world.data).values()) == {True}


def test_the_bucket_itself_is_managed_from_outside(world: World) -> None:
    """CloudFormation works from there, and could not let anybody in again."""
    somebody = world.aws.somebody(statement("s3:*"))
    text = somebody.client("s3").get_bucket_policy(Bucket=world.data)["Policy"]

    assert somebody.may("s3", "put_bucket_policy", Bucket=world.data, Policy=text)
    assert somebody.may("s3", "get_bucket_encryption", Bucket=world.data)


def test_flow_logs_of_all_traffic_are_written_by_their_service_to_their_group_alone(world: World) -> None:
    (log,) = world.aws.client("ec2").describe_flow_logs()["FlowLogs"]
    name = world.found("Network", "AWS::Logs::LogGroup")
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"
    iam = world.aws.client("iam")
    role = iam.get_role(RoleName=world.found("Network", "AWS::IAM::Role"))["Role"]["Arn"]

    def may(resource: str) -> set[Any]:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=["logs:PutLogEvents"], ResourceArns=[resource]
        )
        return {each["EvalDecision"] for each in answer["EvaluationResults"]}

    assert log["TrafficType"] == "ALL"
    assert may(group) == {"allowed"}
    assert may(group.replace(name, "other")) == {"implicitDeny"}
    trust = iam.get_role(RoleName=role.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    principals = [each["Principal"] for each in json.loads(json.dumps(trust))["Statement"]]
    assert principals == [{"Service": "vpc-flow-logs.amazonaws.com"}]
