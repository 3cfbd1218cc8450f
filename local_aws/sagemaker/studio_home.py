"""What SageMaker makes behind a Studio domain: the home file system, and the way to it.

A file system with a mount target in each availability zone of the domain's subnets, and two security
groups that refer to each other: the mount targets' own lets NFS in from the other, which apps carry.
All of it stays when the domain is deleted, unless DeleteDomain is asked to take it along.
https://docs.aws.amazon.com/sagemaker/latest/dg/gs-studio-delete-domain.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from local_aws.cloudformation.client import client
from local_aws.errors import invalid
from local_aws.store import Record

_TAG = "ManagedByAmazonSageMakerResource"
_NFS = 2049


def check_network(vpc_id: str | None, subnet_ids: Sequence[str]) -> None:
    """Refuses subnets that are not there, or that are not the VPC's."""
    if not subnet_ids:
        return
    try:
        found = client("ec2").describe_subnets(SubnetIds=list(subnet_ids))["Subnets"]
    except ClientError as error:
        raise invalid(error.response["Error"]["Message"]) from error
    for subnet in found:
        if subnet["VpcId"] != vpc_id:
            raise invalid(f"Subnet {subnet['SubnetId']} does not belong to VPC {vpc_id}.")


def make(domain: Record) -> str:
    """Makes the home of a domain; the file system's id."""
    encryption = {"KmsKeyId": domain["KmsKeyId"]} if domain.get("KmsKeyId") else {}
    file_system = client("efs").create_file_system(
        CreationToken=domain["DomainId"],
        Encrypted=True,
        Tags=[{"Key": _TAG, "Value": domain["DomainArn"]}],
        **encryption,
    )["FileSystemId"]
    if domain.get("SubnetIds"):
        _make_way(file_system, domain)
    return str(file_system)


def _make_way(file_system: str, domain: Record) -> None:
    ec2 = client("ec2")
    subnets = ec2.describe_subnets(SubnetIds=list(domain["SubnetIds"]))["Subnets"]
    inbound, outbound = (
        ec2.create_security_group(
            GroupName=name,
            Description=f"Controls {direction} NFS traffic of the domain {domain['DomainId']}",
            VpcId=domain["VpcId"],
            TagSpecifications=[
                {
                    "ResourceType": "security-group",
                    "Tags": [{"Key": _TAG, "Value": domain["DomainArn"]}],
                }
            ],
        )["GroupId"]
        for name, direction in zip(_group_names(domain["DomainId"]), ("inbound", "outbound"), strict=True)
    )
    ec2.authorize_security_group_ingress(GroupId=inbound, IpPermissions=[_nfs(outbound)])
    ec2.revoke_security_group_egress(GroupId=outbound, IpPermissions=[_EVERYTHING])
    ec2.authorize_security_group_egress(GroupId=outbound, IpPermissions=[_nfs(inbound)])
    zones = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in reversed(subnets)}
    for subnet in zones.values():  # a file system has one mount target in each zone
        client("efs").create_mount_target(FileSystemId=file_system, SubnetId=subnet, SecurityGroups=[inbound])


def remove(domain: Record) -> None:
    """Removes the home of a domain, and the way to it; what somebody has removed already is no matter."""
    ec2, efs = client("ec2"), client("efs")
    file_system = domain.get("HomeEfsFileSystemId")
    try:
        for target in efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]:
            efs.delete_mount_target(MountTargetId=target["MountTargetId"])
        efs.delete_file_system(FileSystemId=file_system)
    except ClientError as error:
        if error.response["Error"]["Code"] != "FileSystemNotFound":
            raise
    if "VpcId" not in domain:
        return
    groups = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [domain["VpcId"]]},
            {"Name": "group-name", "Values": list(_group_names(domain["DomainId"]))},
        ]
    )["SecurityGroups"]
    for group in groups:
        for direction, rules in (
            ("ingress", group["IpPermissions"]),
            ("egress", group["IpPermissionsEgress"]),
        ):
            if rules:
                revoke = getattr(ec2, f"revoke_security_group_{direction}")
                revoke(GroupId=group["GroupId"], IpPermissions=rules)
    for group in groups:
        ec2.delete_security_group(GroupId=group["GroupId"])


_EVERYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def _group_names(domain_id: str) -> tuple[str, str]:
    return f"security-group-for-inbound-nfs-{domain_id}", f"security-group-for-outbound-nfs-{domain_id}"


def _nfs(other_group: str) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": _NFS,
        "ToPort": _NFS,
        "UserIdGroupPairs": [{"GroupId": other_group}],
    }
