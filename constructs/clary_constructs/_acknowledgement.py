"""Acknowledges findings of cdk-nag beside what causes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk

from constructs import IConstruct


def acknowledge(construct: IConstruct, *rules: str, reason: str) -> None:
    """Says why `rules`, by their exact ids, do not hold for `construct` and what is in it."""
    cdk.Validations.of(construct).acknowledge(*(cdk.Acknowledgment(id=rule, reason=reason) for rule in rules))


def flatten(value: object) -> str:
    """A resolved CloudFormation value as cdk-nag writes it in the id of a finding.

    References become `<LogicalId>` and `<LogicalId.Attribute>`, joins are joined.
    """
    match value:
        case str():
            return value.replace("${", "<").replace("}", ">")
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [str(separator), [*items]]}:
            return separator.join(flatten(item) for item in items)
        case Mapping() | Sequence():
            raise ValueError(f"cannot write {value!r} as a part of a finding's id")
        case _:
            return str(value)
