"""What EC2, EFS, ECR and S3 refuse to delete while something is in it: for the API, and in stacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws, Stacks


@pytest.fixture
def ec2(local_aws: LocalAws) -> Any:
    return local_aws.client("ec2")


@pytest.fixture
def vpc(ec2: Any) -> str:
    return str(ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"])


@pytest.fixture
def subnet(ec2: Any, vpc: str) -> str:
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"])


@pytest.fixture
def group(ec2: Any, vpc: str) -> str:
    return str(ec2.create_security_group(GroupName="inner", Description="inner", VpcId=vpc)["GroupId"])


@pytest.fixture
def mount_target(local_aws: LocalAws, subnet: str, group: str) -> Iterator[dict[str, Any]]:
    efs = local_aws.client("efs")
    home = efs.create_file_system(CreationToken=subnet)["FileSystemId"]
    made = efs.create_mount_target(FileSystemId=home, SubnetId=subnet, SecurityGroups=[group])
    yield made
    for target in efs.describe_mount_targets(FileSystemId=home)["MountTargets"]:
        efs.delete_mount_target(MountTargetId=target["MountTargetId"])


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_shows_the_interface_of_a_mount_target(ec2: Any, subnet: str, mount_target: dict[str, Any]) -> None:
    found = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])

    (interface,) = found["NetworkInterfaces"]
    assert interface["NetworkInterfaceId"] == mount_target["NetworkInterfaceId"]
    assert mount_target["MountTargetId"] in interface["Description"]


def test_keeps_an_interface_that_is_in_use(ec2: Any, mount_target: dict[str, Any]) -> None:
    identifier = mount_target["NetworkInterfaceId"]

    assert refusal(ec2.delete_network_interface, NetworkInterfaceId=identifier) == (
        "InvalidParameterValue",
        f"Network interface '{identifier}' is currently in use.",
    )


def test_keeps_a_subnet_with_an_interface(ec2: Any, subnet: str, mount_target: dict[str, Any]) -> None:
    assert refusal(ec2.delete_subnet, SubnetId=subnet) == (
        "DependencyViolation",
        f"The subnet '{subnet}' has dependencies and cannot be deleted.",
    )


def test_keeps_a_group_of_an_interface(ec2: Any, group: str, mount_target: dict[str, Any]) -> None:
    assert refusal(ec2.delete_security_group, GroupId=group) == (
        "DependencyViolation",
        f"resource {group} has a dependent object",
    )


def test_keeps_a_group_that_another_refers_to(ec2: Any, vpc: str, group: str) -> None:
    outer = ec2.create_security_group(GroupName="outer", Description="outer", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=outer, IpPermissions=[rule])

    assert refusal(ec2.delete_security_group, GroupId=group)[0] == "DependencyViolation"

    ec2.revoke_security_group_ingress(GroupId=outer, IpPermissions=[rule])
    ec2.delete_security_group(GroupId=group)


def test_deletes_a_group_that_refers_to_itself(ec2: Any, group: str) -> None:
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    ec2.delete_security_group(GroupId=group)

    assert refusal(ec2.describe_security_groups, GroupIds=[group])[0] == "InvalidGroup.NotFound"


def _endpoint(ec2: Any, vpc: str) -> None:
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3")


def _gateway(ec2: Any, vpc: str) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)


@pytest.mark.parametrize(
    "fill",
    [
        lambda ec2, vpc: ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/24"),
        lambda ec2, vpc: ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc),
        lambda ec2, vpc: ec2.create_route_table(VpcId=vpc),
        lambda ec2, vpc: ec2.create_network_acl(VpcId=vpc),
        _endpoint,
        _gateway,
    ],
    ids=["a subnet", "a group", "a route table", "an ACL", "an endpoint", "a gateway"],
)
def test_keeps_a_vpc_with_something_in_it(ec2: Any, vpc: str, fill: Any) -> None:
    fill(ec2, vpc)

    assert refusal(ec2.delete_vpc, VpcId=vpc) == (
        "DependencyViolation",
        f"The vpc '{vpc}' has dependencies and cannot be deleted.",
    )


def test_deletes_a_vpc_with_what_was_made_with_it(ec2: Any, vpc: str) -> None:
    ec2.delete_vpc(VpcId=vpc)

    assert refusal(ec2.describe_vpcs, VpcIds=[vpc])[0] == "InvalidVpcID.NotFound"


def test_keeps_a_gateway_that_is_attached(ec2: Any, vpc: str) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)

    assert refusal(ec2.delete_internet_gateway, InternetGatewayId=gateway)[0] == "DependencyViolation"


def test_keeps_a_route_table_with_a_subnet_and_lets_it_go_without(ec2: Any, vpc: str, subnet: str) -> None:
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)

    assert refusal(ec2.delete_route_table, RouteTableId=table)[0] == "DependencyViolation"

    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_route_table(RouteTableId=table)


def test_keeps_a_file_system_with_mount_targets(local_aws: LocalAws, mount_target: dict[str, Any]) -> None:
    delete = local_aws.client("efs").delete_file_system

    assert refusal(delete, FileSystemId=mount_target["FileSystemId"])[0] == "FileSystemInUse"


NETWORK: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.8.0.0/16"}},
    "Subnet": {
        "Type": "AWS::EC2::Subnet",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.8.0.0/24", "AvailabilityZone": "us-east-1a"},
    },
    "Group": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "of the network", "VpcId": {"Ref": "Vpc"}},
    },
}


def test_a_stack_fails_to_delete_what_is_used_and_goes_once_that_is_mended(
    local_aws: LocalAws, stacks: Stacks
) -> None:
    stack = stacks.deploy(NETWORK)
    cloudformation, efs = local_aws.client("cloudformation"), local_aws.client("efs")
    home = efs.create_file_system(CreationToken="squatter")["FileSystemId"]
    target = efs.create_mount_target(
        FileSystemId=home,
        SubnetId=stack.physical_id("Subnet"),
        SecurityGroups=[stack.physical_id("Group")],
    )["MountTargetId"]

    cloudformation.delete_stack(StackName=stack.name)

    assert stack.status == "DELETE_FAILED"
    assert any("has dependencies and cannot be deleted" in failure for failure in stack.failures)
    efs.delete_mount_target(MountTargetId=target)
    efs.delete_file_system(FileSystemId=home)
    identifier = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack.name)
    waiter = cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=identifier, WaiterConfig={"Delay": 0, "MaxAttempts": 1000})


@pytest.mark.parametrize(
    ("resource", "fill"),
    [
        (
            {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full-bucket"}},
            lambda local_aws: local_aws.client("s3").put_object(Bucket="full-bucket", Key="a", Body=b"b"),
        ),
        (
            {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "full"}},
            lambda local_aws: local_aws.client("ecr").put_image(
                repositoryName="full", imageManifest='{"schemaVersion": 2}', imageTag="one"
            ),
        ),
    ],
    ids=["bucket", "repository"],
)
def test_a_stack_keeps_what_is_not_empty(
    local_aws: LocalAws, stacks: Stacks, resource: dict[str, Any], fill: Any
) -> None:
    stack = stacks.deploy({"Full": resource}, name=resource["Type"].rpartition(":")[2] + "-that-is-full")
    fill(local_aws)

    local_aws.client("cloudformation").delete_stack(StackName=stack.name)

    assert stack.status == "DELETE_FAILED"
    assert any("not empty" in failure for failure in stack.failures), stack.failures
    if "Bucket" in resource["Type"]:
        local_aws.client("s3").delete_object(Bucket="full-bucket", Key="a")
    else:
        local_aws.client("ecr").delete_repository(repositoryName="full", force=True)
