"""The guardrails of an environment file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, field_validator

from clary.environment.form import Form
from clary.environment.part import DIFFERENT, FROM_LIST, Part, Region, different

InstancePattern = Annotated[
    str,
    Form("an instance type, or all of a family", "ml.m5.*", r"ml\.[a-z0-9-]+\.([a-z0-9]+|\*)"),
]
OrganizationTarget = Annotated[
    str,
    Form(
        "the id of a root, an organizational unit or an account",
        "ou-ab12-11111111",
        "r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|[0-9]{12}",
        longest=68,
    ),
]


class Organization(Part):
    """Service control policies, deployed with the environment. Only an organization's management account,
    or one that it delegates to, may have them; others hand over what `clary guardrails` writes."""

    targets: Annotated[tuple[OrganizationTarget, ...], FROM_LIST, DIFFERENT] = Field(
        min_length=1, max_length=100
    )
    """Where they are attached."""


class Guardrails(Part):
    """What nobody may here, whatever they are allowed. That jobs, endpoints and notebooks have the
    environment's subnets, groups and key, and nothing internet or root, need not be said."""

    regions: Annotated[tuple[Region, ...] | None, FROM_LIST] = Field(default=None, min_length=1)
    """Where anything may be done. By default, in the environment's region and nowhere else."""
    instance_types: Annotated[tuple[InstancePattern, ...] | None, FROM_LIST] = Field(
        default=None, min_length=1, max_length=60
    )
    """What everything runs on. By default, on all that SageMaker offers."""
    organization: Organization | None = None
    """By default, no service control policies: the roles' boundary and policies hold in the account."""

    @field_validator("regions", "instance_types")
    @classmethod
    def _are_different(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else different(value)

    def allows_instance_type(self, instance_type: str) -> bool:
        return self.instance_types is None or any(
            fnmatchcase(instance_type, allowed) for allowed in self.instance_types
        )
