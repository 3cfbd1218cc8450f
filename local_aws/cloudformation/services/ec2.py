"""EC2: rules of security groups and flow logs as resources of their own, and what is not deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import (
    Created,
    Properties,
    reconciles,
    register,
    translates,
)


@reconciles("AWS::EC2::VPC")
def complete_vpc(physical_id: str, properties: Properties, previous: Properties) -> Mapping[str, Any]:  # noqa: ARG001 - the reconciler's
    associations = client("ec2").describe_vpcs(VpcIds=[physical_id])["Vpcs"][0]
    return {
        "CidrBlock": associations["CidrBlock"],
        "CidrBlockAssociations": [
            item["AssociationId"] for item in associations.get("CidrBlockAssociationSet", ())
        ],
        "Ipv6CidrBlocks": [],
    }


@translates("AWS::EC2::VPCEndpoint")
def write_policy_as_text(properties: Properties) -> Properties:
    """The API answers the policy as text, in whichever form the template gave it."""
    policy = properties.get("PolicyDocument")
    return {**properties, "PolicyDocument": json.dumps(policy)} if isinstance(policy, Mapping) else properties


def tags_on_creation(kind: str, properties: Properties) -> dict[str, Any]:
    """What a call that makes a resource of EC2's takes for the tags of a template."""
    tags = list(properties.get("Tags") or ())
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def change_tags(resource: str, old: Properties, new: Properties) -> None:
    ec2 = client("ec2")
    if old.get("Tags"):
        ec2.delete_tags(Resources=[resource], Tags=[{"Key": tag["Key"]} for tag in old["Tags"]])
    if new.get("Tags"):
        ec2.create_tags(Resources=[resource], Tags=list(new["Tags"]))


class SecurityGroupRule:
    """`AWS::EC2::SecurityGroupIngress` and `…Egress`: one rule of a group that exists."""

    def __init__(self, direction: str) -> None:
        self._direction = direction

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        answer = self._call("authorize", properties)
        rules = answer.get("SecurityGroupRules") or [{}]
        rule = rules[0].get("SecurityGroupRuleId") or hooks.resources.physical_name(
            stack_name, logical_id, 64
        )
        return Created(rule, {"Id": rule})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        # All but the description is create-only: the rule is written anew with the other description.
        self._call("revoke", old)
        self._call("authorize", new)
        return Created(physical_id, {"Id": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        ec2 = client("ec2")
        try:
            self._call("revoke", properties)
        except ec2.exceptions.ClientError as error:
            if not error.response["Error"]["Code"].endswith(".NotFound"):
                raise

    def _call(self, verb: str, properties: Properties) -> dict[str, Any]:
        operation = getattr(client("ec2"), f"{verb}_security_group_{self._direction}")
        answer: dict[str, Any] = operation(
            GroupId=properties["GroupId"], IpPermissions=[_permission(properties)]
        )
        return answer


def _permission(properties: Properties) -> dict[str, Any]:
    permission: dict[str, Any] = {"IpProtocol": properties["IpProtocol"]}
    for name in ("FromPort", "ToPort"):
        if name in properties:
            permission[name] = properties[name]
    described = {"Description": properties["Description"]} if "Description" in properties else {}
    if "CidrIp" in properties:
        permission["IpRanges"] = [{"CidrIp": properties["CidrIp"], **described}]
    if "CidrIpv6" in properties:
        permission["Ipv6Ranges"] = [{"CidrIpv6": properties["CidrIpv6"], **described}]
    prefixes = properties.get("SourcePrefixListId") or properties.get("DestinationPrefixListId")
    if prefixes:
        permission["PrefixListIds"] = [{"PrefixListId": prefixes, **described}]
    other = properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId")
    if other:
        permission["UserIdGroupPairs"] = [{"GroupId": other, **described}]
    return permission


class FlowLog:
    """`AWS::EC2::FlowLog`; every property but the tags is create-only."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        arguments: dict[str, Any] = {
            name: properties[name]
            for name in (
                "DeliverLogsPermissionArn",
                "LogDestination",
                "LogDestinationType",
                "LogFormat",
                "LogGroupName",
                "MaxAggregationInterval",
                "ResourceType",
                "TrafficType",
            )
            if name in properties
        }
        arguments |= tags_on_creation("vpc-flow-log", properties)
        answer = client("ec2").create_flow_logs(ResourceIds=[properties["ResourceId"]], **arguments)
        created = answer["FlowLogIds"][0]
        return Created(created, {"Id": created})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        change_tags(physical_id, old, new)
        return Created(physical_id, {"Id": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        client("ec2").delete_flow_logs(FlowLogIds=[physical_id])


hooks.networks.mend_vpc_endpoints()
register("AWS::EC2::SecurityGroupIngress", SecurityGroupRule("ingress"))
register("AWS::EC2::SecurityGroupEgress", SecurityGroupRule("egress"))
register("AWS::EC2::FlowLog", FlowLog())
