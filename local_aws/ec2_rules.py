"""What EC2 refuses to delete while something is in it: for its API, and for CloudFormation alike.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.registry import Properties, ResourceFailed, guards_deletion

Refusal = tuple[str, str]
"""The code and the message."""

_VIOLATION = "DependencyViolation"


def install() -> None:
    for action, parameter, resource_type, refusal in (
        ("DeleteVpc", "VpcId", "AWS::EC2::VPC", _vpc),
        ("DeleteSubnet", "SubnetId", "AWS::EC2::Subnet", _subnet),
        ("DeleteSecurityGroup", "GroupId", "AWS::EC2::SecurityGroup", _group),
        ("DeleteInternetGateway", "InternetGatewayId", "AWS::EC2::InternetGateway", _internet_gateway),
        ("DeleteRouteTable", "RouteTableId", "AWS::EC2::RouteTable", _route_table),
    ):
        hooks.networks.guard_ec2(action, parameter, refusal)
        guards_deletion(resource_type)(_guard(refusal))
    hooks.networks.mend_group_rules()
    hooks.networks.guard_ec2("DeleteNetworkInterface", "NetworkInterfaceId", _interface)
    hooks.networks.list_network_interfaces(_listed)


def _guard(refusal: Callable[[str], Refusal | None]) -> Callable[[str, Properties], None]:
    def guard(physical_id: str, properties: Properties) -> None:  # noqa: ARG001 - the guard's
        found = refusal(physical_id)
        if found is not None:
            code, message = found
            raise ResourceFailed(f"{message} (Service: Ec2, Status Code: 400, Error Code: {code})")

    return guard


# --- network interfaces ----------------------------------------------------------------------------

_MORE: list[Callable[[], Iterable[dict[str, Any]]]] = []


def add_interfaces(found: Callable[[], Iterable[dict[str, Any]]]) -> None:
    """Counts the interfaces that another service has `requested`, too."""
    _MORE.append(found)


def interfaces() -> Iterator[dict[str, Any]]:
    """Every network interface, also those that other services have made: mount targets, endpoints."""
    yield from hooks.networks.ec2_records("interfaces")
    for target in hooks.networks.mount_targets():
        yield requested(
            target["NetworkInterfaceId"],
            target["SubnetId"],
            target.get("SecurityGroups", ()),
            f"EFS mount target for {target['FileSystemId']} ({target['MountTargetId']})",
            target.get("IpAddress", ""),
        )
    for endpoint in hooks.networks.ec2_records("VPC endpoints"):
        if endpoint["VpcEndpointType"] == "Gateway":
            continue
        for subnet in endpoint.get("SubnetIds", ()):
            yield requested(
                identifier_of(endpoint["VpcEndpointId"], subnet),
                subnet,
                endpoint.get("SecurityGroupIds", ()),
                f"VPC Endpoint Interface {endpoint['VpcEndpointId']}",
            )
    for gateway in hooks.networks.ec2_records("NAT gateways"):
        if gateway["State"] != "deleted":
            identifier = gateway["NatGatewayId"]
            subnet = gateway["SubnetId"]
            yield requested(
                identifier_of(identifier, subnet), subnet, (), f"Interface for NAT Gateway {identifier}"
            )
    for instance in hooks.networks.ec2_records("instances"):
        if instance["State"]["Name"] != "terminated":
            identifier, subnet = instance["InstanceId"], instance["SubnetId"]
            groups = [group["GroupId"] for group in instance.get("SecurityGroups", ())]
            yield requested(identifier_of(identifier, subnet), subnet, groups, "")
    for function in hooks.functions.functions():
        config = function.get("VpcConfig") or {}
        for subnet in config.get("SubnetIds", ()):
            name = function["FunctionName"]
            yield requested(
                identifier_of(name, subnet),
                subnet,
                config.get("SecurityGroupIds", ()),
                f"AWS Lambda VPC ENI-{name}-{identifier_of(name, subnet)[4:]}",
            )
    for more in _MORE:
        yield from more()


def requested(
    identifier: str, subnet_id: str, groups: Sequence[str], description: str, address: str = ""
) -> dict[str, Any]:
    """An interface that a service has made, as EC2 describes it."""
    subnet = next((one for one in hooks.networks.ec2_records("subnets") if one["SubnetId"] == subnet_id), {})
    names = {group["GroupId"]: group["GroupName"] for group in hooks.networks.ec2_records("security groups")}
    digits = hashlib.sha256(identifier.encode()).hexdigest()
    return {
        "NetworkInterfaceId": identifier,
        "SubnetId": subnet_id,
        "VpcId": subnet.get("VpcId", ""),
        "AvailabilityZone": subnet.get("AvailabilityZone", ""),
        "Description": description,
        "OwnerId": hooks.request.account_id(),
        "Status": "in-use",
        "PrivateIpAddress": address or f"10.0.{int(digits[:2], 16)}.{int(digits[2:4], 16)}",
        "InterfaceType": "interface",
        "MacAddress": ":".join(("0a", *(digits[at : at + 2] for at in range(0, 10, 2)))),
        "Groups": [{"GroupId": group, "GroupName": names.get(group, "")} for group in groups],
        "Attachment": None,
    }


def identifier_of(of: str, subnet: str) -> str:
    """The identifier of the interface that something has in a subnet."""
    return f"eni-{hashlib.sha256(f'{of} {subnet}'.encode()).hexdigest()[:17]}"


_FILTERS: Mapping[str, Callable[[dict[str, Any]], list[str]]] = {
    "availability-zone": lambda one: [one["AvailabilityZone"]],
    "description": lambda one: [one["Description"]],
    "group-id": lambda one: [group["GroupId"] for group in one["Groups"]],
    "group-name": lambda one: [group["GroupName"] for group in one["Groups"]],
    "interface-type": lambda one: [one["InterfaceType"]],
    "network-interface-id": lambda one: [one["NetworkInterfaceId"]],
    "private-ip-address": lambda one: [one["PrivateIpAddress"]],
    "status": lambda one: [one["Status"]],
    "subnet-id": lambda one: [one["SubnetId"]],
    "vpc-id": lambda one: [one["VpcId"]],
}


def _listed(identifiers: Sequence[str], filters: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    for one in interfaces():
        if identifiers and one["NetworkInterfaceId"] not in identifiers:
            continue
        if all(_fits(one, name, wanted) for name, wanted in filters.items()):
            yield one


def _fits(one: dict[str, Any], name: str, wanted: Sequence[str]) -> bool:
    values = _FILTERS[name](one) if name in _FILTERS else []
    return any(fnmatchcase(value, pattern) for value in values for pattern in wanted)


# --- refusals --------------------------------------------------------------------------------------


def _interface(identifier: str) -> Refusal | None:
    for one in interfaces():
        if one["NetworkInterfaceId"] == identifier and one["Status"] == "in-use":
            return "InvalidParameterValue", f"Network interface '{identifier}' is currently in use."
    return None


def _subnet(identifier: str) -> Refusal | None:
    if any(one["SubnetId"] == identifier for one in interfaces()):
        return _VIOLATION, f"The subnet '{identifier}' has dependencies and cannot be deleted."
    return None


def _group(identifier: str) -> Refusal | None:
    used = any(group["GroupId"] == identifier for one in interfaces() for group in one["Groups"])
    if used or any(identifier in _referred_to(other) for other in _others(identifier)):
        return _VIOLATION, f"resource {identifier} has a dependent object"
    return None


def _others(identifier: str) -> list[dict[str, Any]]:
    return [
        group for group in hooks.networks.ec2_records("security groups") if group["GroupId"] != identifier
    ]


def _referred_to(group: dict[str, Any]) -> set[str]:
    """The groups that a group's rules let in or out."""
    rules = [*group.get("IpPermissions", ()), *group.get("IpPermissionsEgress", ())]
    return {pair.get("GroupId", "") for rule in rules for pair in rule.get("UserIdGroupPairs", ())}


def _internet_gateway(identifier: str) -> Refusal | None:
    for gateway in hooks.networks.ec2_records("internet gateways"):
        if gateway["InternetGatewayId"] == identifier and gateway.get("Attachments"):
            return (
                _VIOLATION,
                f"The internetGateway '{identifier}' has dependencies and cannot be deleted.",
            )
    return None


def _route_table(identifier: str) -> Refusal | None:
    subnets = {one["SubnetId"] for one in hooks.networks.ec2_records("subnets")}
    for table in hooks.networks.ec2_records("route tables"):
        # A subnet that is deleted takes its association along.
        used = [one for one in table.get("Associations", ()) if one.get("SubnetId") in {None, *subnets}]
        if table["RouteTableId"] == identifier and used:
            return _VIOLATION, f"The routeTable '{identifier}' has dependencies and cannot be deleted."
    return None


def _vpc(identifier: str) -> Refusal | None:
    """Everything but what is made with a VPC has to go first."""
    vpc = next((one for one in hooks.networks.ec2_records("VPCs") if one["VpcId"] == identifier), None)
    if vpc is None:
        return None
    made_with_it = {
        vpc.get("MainRouteTableId"),
        vpc.get("DefaultNetworkAclId"),
        vpc.get("DefaultSecurityGroupId"),
    }
    for kind, name in (
        ("subnets", "SubnetId"),
        ("security groups", "GroupId"),
        ("route tables", "RouteTableId"),
        ("network ACLs", "NetworkAclId"),
        ("VPC endpoints", "VpcEndpointId"),
    ):
        for one in hooks.networks.ec2_records(kind):
            default = one[name] in made_with_it or one.get("GroupName") == "default" or one.get("IsDefault")
            if one["VpcId"] == identifier and not default:
                return _VIOLATION, f"The vpc '{identifier}' has dependencies and cannot be deleted."
    return None
