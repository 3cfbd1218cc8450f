"""Words for things that are counted and listed."""

from __future__ import annotations

import re
from collections.abc import Sequence


def kind_of(type_name: str) -> str:
    """`AWS::EC2::SecurityGroup` as `security group`, abbreviations as they are."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z]|\b|\d)|[A-Z][a-z0-9]*", type_name.rsplit("::", 1)[-1])
    return " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words)


def listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return (
        f"{number} {noun[:-1]}ies"
        if noun.endswith("y")
        else f"{number} {noun}{'' if noun.endswith('s') else 's'}"
    )


def pascal(slug: str) -> str:
    """`nightly-batch` as it stands in an output's name: `NightlyBatch`."""
    return "".join(word.capitalize() for word in slug.split("-"))
