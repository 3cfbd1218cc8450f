"""Systems Manager's parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import ssm as _ssm

from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.request import region

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.ssm": ("_public_parameter",),
}


def add_public_parameters(value_of: Callable[[str], str | None]) -> None:
    """Answers parameters that every account can read by `value_of(name)`; None leaves them to ministack."""
    usual = _ssm._public_parameter

    def public(name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = usual(name)
        value = value_of(name) if found is None else None
        if value is None:
            return found
        arn = f"arn:aws:ssm:{region()}::parameter{name}"
        return {
            "Name": name,
            "Type": "String",
            "Value": value,
            "Version": 1,
            "LastModifiedDate": _PUBLISHED,
            "DataType": "aws:ec2:image" if value.startswith("ami-") else "text",
            "ARN": arn,
        }

    _ssm._public_parameter = public


_PUBLISHED = 1_735_689_600
"""When the public parameters here were written last: the clock changes none of them."""
