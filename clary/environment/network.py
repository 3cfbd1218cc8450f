"""The network of an environment file."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from clary.environment.form import Form
from clary.environment.part import DIFFERENT, FROM_LIST, Complaint, Part, different, refusal

AvailabilityZone = Annotated[
    str, Form("an availability zone of the region", "eu-west-1a", "[a-z]{2}(-[a-z]+)+-[0-9][a-z]")
]
Cidr = Annotated[str, Form("an IPv4 network", "10.40.0.0/16", r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}")]
VpcId = Annotated[str, Form("the id of a VPC", "vpc-0a1b2c3d4e5f60718", "vpc-[0-9a-f]{8,17}")]
SubnetId = Annotated[str, Form("the id of a subnet", "subnet-0a1b2c3d4e5f60718", "subnet-[0-9a-f]{8,17}")]


class GivenVpc(Part):
    """A VPC that somebody else made and keeps: its endpoints and flow logs are theirs, too."""

    id: VpcId
    """The VPC's id."""
    cidr: Cidr
    """Its network: what may be reached within it."""
    subnets: Annotated[tuple[SubnetId, ...], FROM_LIST, DIFFERENT] = Field(min_length=1)
    """Its private subnets, where everything is placed."""
    availability_zones: Annotated[tuple[AvailabilityZone, ...], FROM_LIST] = Field(min_length=1)
    """The zone of each subnet, in the same order."""

    @field_validator("cidr")
    @classmethod
    def _is_a_network(cls, value: str) -> str:
        return _network(value, 16, 28)

    @model_validator(mode="after")
    def _one_zone_a_subnet(self) -> Self:
        subnets, zones = len(self.subnets), len(self.availability_zones)
        if subnets != zones:
            message = f"{zones} for {subnets} subnets, name the zone of each subnet, in the same order"
            raise refusal(Complaint(("availability_zones",), message))
        return self


class Network(Part):
    """A VPC without a way to the internet, or one that is given."""

    cidr: Cidr = "10.40.0.0/16"
    """The new VPC's network, with a prefix from /16 to /24. It matters once VPCs are connected."""
    availability_zones: Annotated[tuple[AvailabilityZone, ...] | None, FROM_LIST] = Field(
        default=None, min_length=1, max_length=6
    )
    """Where the new VPC has subnets. By default, the region's zones a and b."""
    vpc: GivenVpc | None = None
    """By default, a new VPC. With one that is given, leave out `cidr` and `availability_zones`."""

    @field_validator("cidr")
    @classmethod
    def _fits_a_vpc(cls, value: str) -> str:
        return _network(value, 16, 24)

    @field_validator("availability_zones")
    @classmethod
    def _are_different(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else different(value)

    @model_validator(mode="after")
    def _made_or_given(self) -> Self:
        beside = [key for key in ("cidr", "availability_zones") if key in self.model_fields_set]
        if self.vpc is not None and beside:
            raise refusal(
                *(
                    Complaint((key,), "describes a new VPC but 'vpc' gives one, remove one of the two")
                    for key in beside
                )
            )
        return self


def _network(value: str, largest: int, smallest: int) -> str:
    try:
        prefix = IPv4Network(value).prefixlen
    except ValueError as error:
        raise ValueError(f"is not an IPv4 network ({error}), write it like 10.40.0.0/16") from None
    if not largest <= prefix <= smallest:
        raise ValueError(f"has a prefix of /{prefix}, choose one from /{largest} to /{smallest}")
    return value
