"""Where images come from, besides the environment's own repositories."""

from __future__ import annotations

from clary.environment import aws_image
from clary.environment.model import Environment


def other_registries(environment: Environment) -> list[str]:
    """The accounts of AWS's own images in the region, and those that the file trusts."""
    trusted = environment.studio.docker.trusted_accounts
    return sorted({*aws_image.registries(environment.region), *trusted} - {environment.account})
