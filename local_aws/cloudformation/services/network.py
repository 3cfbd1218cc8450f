"""EC2's addresses, gateways and network ACLs, which ministack's API knows and its CloudFormation does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Created, Properties, register
from local_aws.cloudformation.services.ec2 import change_tags, tags_on_creation


@dataclass(frozen=True)
class Ec2Resource:
    """A type whose properties are the arguments of the call that makes it.

    `made`: where the answer has the new resource. `identity`: what of it `Ref` answers. `attributes`:
    `Fn::GetAtt`'s names and the answer's. `key`: the argument that names the resource in other calls, and
    `key_attribute` what of the resource it takes. `tagged`: what EC2 calls it where it is tagged.
    """

    create_call: str
    delete_call: str
    made: str
    identity: str
    key: str
    key_attribute: str
    arguments: Sequence[str]
    tagged: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        passed: dict[str, Any] = {name: properties[name] for name in self.arguments if name in properties}
        passed |= tags_on_creation(self.tagged, properties)
        answer = getattr(client("ec2"), self.create_call)(**passed)
        made = answer[self.made] if self.made else answer
        return Created(
            made[self.identity],
            {name: made[member] for name, member in self.attributes.items() if member in made},
        )

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        # All else is create-only.
        resource = self._key_of(physical_id)
        change_tags(resource, old, new)
        return Created(
            physical_id, {name: resource for name, member in self.attributes.items() if member == self.key}
        )

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        ec2 = client("ec2")
        try:
            getattr(ec2, self.delete_call)(**{self.key: self._key_of(physical_id)})
        except ec2.exceptions.ClientError as error:
            if not error.response["Error"]["Code"].endswith((".NotFound", "NotFound")):
                raise

    def _key_of(self, physical_id: str) -> str:
        if self.identity == self.key_attribute:
            return physical_id
        found = client("ec2").describe_addresses(PublicIps=[physical_id])["Addresses"]
        return str(found[0][self.key_attribute]) if found else physical_id


register(
    "AWS::EC2::EIP",
    Ec2Resource(
        create_call="allocate_address",
        delete_call="release_address",
        made="",
        identity="PublicIp",
        key="AllocationId",
        key_attribute="AllocationId",
        arguments=("Domain", "NetworkBorderGroup", "PublicIpv4Pool"),
        attributes={"AllocationId": "AllocationId", "PublicIp": "PublicIp"},
        tagged="elastic-ip",
    ),
)
register(
    "AWS::EC2::NatGateway",
    Ec2Resource(
        create_call="create_nat_gateway",
        delete_call="delete_nat_gateway",
        made="NatGateway",
        identity="NatGatewayId",
        key="NatGatewayId",
        key_attribute="NatGatewayId",
        arguments=("AllocationId", "ConnectivityType", "PrivateIpAddress", "SubnetId"),
        attributes={"NatGatewayId": "NatGatewayId"},
        tagged="natgateway",
    ),
)
register(
    "AWS::EC2::NetworkAcl",
    Ec2Resource(
        create_call="create_network_acl",
        delete_call="delete_network_acl",
        made="NetworkAcl",
        identity="NetworkAclId",
        key="NetworkAclId",
        key_attribute="NetworkAclId",
        arguments=("VpcId",),
        attributes={"Id": "NetworkAclId"},
        tagged="network-acl",
    ),
)
register(
    "AWS::EC2::EgressOnlyInternetGateway",
    Ec2Resource(
        create_call="create_egress_only_internet_gateway",
        delete_call="delete_egress_only_internet_gateway",
        made="EgressOnlyInternetGateway",
        identity="EgressOnlyInternetGatewayId",
        key="EgressOnlyInternetGatewayId",
        key_attribute="EgressOnlyInternetGatewayId",
        arguments=("VpcId",),
        attributes={"Id": "EgressOnlyInternetGatewayId"},
        tagged="egress-only-internet-gateway",
    ),
)
