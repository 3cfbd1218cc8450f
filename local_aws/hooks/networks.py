"""EC2's networks."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ministack.services import ec2 as _ec2
from ministack.services import efs as _efs

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.ec2": (
        "_ACTION_MAP",
        "_eni_fields_xml",
        "_error",
        "_instances",
        "_internet_gateways",
        "_nat_gateways",
        "_network_acls",
        "_network_interfaces",
        "_p",
        "_parse_filters",
        "_parse_member_list",
        "_route_tables",
        "_rules_match",
        "_security_groups",
        "_subnets",
        "_vpcs",
        "_xml",
        "_vpc_endpoints",
        "_vpce_fields_xml",
    ),
    "ministack.services.efs": ("_mount_targets",),
}


def mend_vpc_endpoints() -> None:
    """Answers what ministack keeps of a VPC endpoint and does not tell: policy, groups, private names; and
    keeps the policy that an endpoint is created with."""
    usual = _ec2._vpce_fields_xml
    usually_created = _ec2._ACTION_MAP["CreateVpcEndpoint"]

    def create(parameters: dict[str, Any]) -> Any:
        before = set(_ec2._vpc_endpoints)
        answer = usually_created(parameters)
        for identifier in set(_ec2._vpc_endpoints) - before:
            policy = parameters.get("PolicyDocument")
            if policy:
                text = policy[0] if isinstance(policy, list) else policy
                _ec2._vpc_endpoints[identifier]["PolicyDocument"] = text
        return answer

    def fields(endpoint: dict[str, Any], tag: str = "item") -> str:
        groups = "".join(
            f"<item><groupId>{group}</groupId></item>" for group in endpoint.get("SecurityGroupIds", ())
        )
        private = str(endpoint.get("PrivateDnsEnabled", False)).lower()
        policy = endpoint.get("PolicyDocument")
        more = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>" + (
            f"<policyDocument>{html.escape(policy)}</policyDocument>" if policy else ""
        )
        opened, _, _ = str(usual(endpoint, tag)).rpartition(f"</{tag}>")
        return f"{opened}{more}</{tag}>"

    _ec2._vpce_fields_xml = fields
    _ec2._ACTION_MAP["CreateVpcEndpoint"] = create


def mend_group_rules() -> None:
    """Takes a group's rule for the same with the group's owner and without, as EC2 describes them."""
    usual = _ec2._rules_match

    def matches(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return bool(usual(_without_owners(one), _without_owners(other)))

    _ec2._rules_match = matches


def _without_owners(rule: dict[str, Any]) -> dict[str, Any]:
    kept = ("GroupId", "GroupName", "Description")
    pairs = [
        {
            name: value
            for name, value in pair.items()
            if name in kept and not (name == kept[1] and kept[0] in pair)
        }
        for pair in rule.get("UserIdGroupPairs", ())
    ]
    return {**rule, "UserIdGroupPairs": pairs}


def guard_ec2(action: str, parameter: str, refusal: Callable[[str], tuple[str, str] | None]) -> None:
    """Refuses an action of EC2's with the code and the message that `refusal` answers for the resource
    whose identifier the parameter has."""
    usual = _ec2._ACTION_MAP[action]

    def guarded(parameters: dict[str, Any]) -> Any:
        found = refusal(str(_ec2._p(parameters, parameter)))
        return usual(parameters) if found is None else _ec2._error(*found, 400)

    _ec2._ACTION_MAP[action] = guarded


def ec2_records(kind: str) -> list[dict[str, Any]]:
    """What ministack keeps of this account and region: VPCs, subnets, ... (`_EC2_RECORDS`)."""
    return list(_EC2_RECORDS[kind].values())


_EC2_RECORDS: dict[str, Any] = {
    "instances": _ec2._instances,
    "interfaces": _ec2._network_interfaces,
    "internet gateways": _ec2._internet_gateways,
    "NAT gateways": _ec2._nat_gateways,
    "network ACLs": _ec2._network_acls,
    "route tables": _ec2._route_tables,
    "security groups": _ec2._security_groups,
    "subnets": _ec2._subnets,
    "VPC endpoints": _ec2._vpc_endpoints,
    "VPCs": _ec2._vpcs,
}


def mount_targets() -> list[dict[str, Any]]:
    """EFS's mount targets in this account and region."""
    return list(_efs._mount_targets.values())


def list_network_interfaces(
    found: Callable[[Sequence[str], Mapping[str, Sequence[str]]], Iterable[dict[str, Any]]],
) -> None:
    """Answers DescribeNetworkInterfaces with what `found(identifiers, filters)` does."""

    def describe(parameters: dict[str, Any]) -> Any:
        identifiers = _ec2._parse_member_list(parameters, "NetworkInterfaceId")
        filters = _ec2._parse_filters(parameters)
        items = "".join(_ec2._eni_fields_xml(one) for one in found(identifiers, filters))
        content = f"<networkInterfaceSet>{items}</networkInterfaceSet>"
        return _ec2._xml(200, "DescribeNetworkInterfacesResponse", content)

    _ec2._ACTION_MAP["DescribeNetworkInterfaces"] = describe


def vpc_endpoint(identifier: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _ec2._vpc_endpoints.get(identifier)
    return found
