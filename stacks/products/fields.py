"""Fields that several products ask for, and what these may not hold."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk

from clary_constructs import FieldRule

_WORDS = "[a-z][a-z0-9]*(-[a-z0-9]+)*"
_HOW_TO_NAME = "give small letters, digits and single hyphens, beginning with a letter"


def name(stack: cdk.Stack, description: str, *, longest: int, field: str = "Name") -> str:
    return cdk.CfnParameter(
        stack,
        field,
        description=description,
        allowed_pattern=_WORDS,
        max_length=longest,
        constraint_description=_HOW_TO_NAME,
    ).value_as_string


def name_is_free(taken: Sequence[str], says: str, *, field: str = "Name") -> Sequence[FieldRule]:
    """No rule where nothing is taken."""
    if not taken:
        return ()
    contained = {"Fn::Contains": [taken, {"Ref": field}]}
    return [FieldRule("NameIsFree", {"Fn::Not": [contained]}, says)]


def instance_type(stack: cdk.Stack, description: str, types: Sequence[str]) -> str:
    return _choice(stack, "InstanceType", description, types)


def instance_type_is_allowed(types: Sequence[str]) -> FieldRule:
    return _is_allowed("InstanceType", types, "type")


def content_type(stack: cdk.Stack, description: str, types: Sequence[str]) -> str:
    return _choice(stack, "ContentType", description, types)


def content_type_is_allowed(types: Sequence[str]) -> FieldRule:
    return _is_allowed("ContentType", types, "media type")


def _choice(stack: cdk.Stack, field: str, description: str, values: Sequence[str]) -> str:
    """The first one by default."""
    return cdk.CfnParameter(
        stack,
        field,
        description=description,
        allowed_values=list(values),
        default=values[0],
    ).value_as_string


def _is_allowed(field: str, values: Sequence[str], what: str) -> FieldRule:
    """Said again for the portfolio, where a version of before is launched under the limits of today."""
    allowed = {"Fn::Contains": [list(values), {"Ref": field}]}
    return FieldRule(
        f"{field}IsAllowed", allowed, f"the team offers {', '.join(values)}, and no other {what}"
    )
