"""What a product asks for, and what it takes: said by its template, and told before anything is launched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clary.environment.part import no_such
from clary.errors import ClaryError


@dataclass(frozen=True)
class Field:
    name: str
    about: str
    default: str | None
    allowed: Sequence[str]
    constraints: Mapping[str, str] = field(default_factory=dict)
    """Service Catalog's `ParameterConstraints`, but for the values that are allowed."""

    @property
    def given(self) -> str:
        """As it is given, with what it is when nobody does."""
        return f"{self.name}={'…' if self.default is None else self.default}"

    @property
    def told(self) -> str:
        """What it is, and which values will do where these are few."""
        return "; ".join(filter(None, [self.about, one_of(self.allowed)]))

    def complaint(self, value: str) -> str | None:
        """Why a value will not do: what CloudFormation would refuse, after an entry has been made for it."""
        told = self.constraints.get("ConstraintDescription")
        if self.allowed and value not in self.allowed:
            return f"choose {one_of(self.allowed)}"
        pattern = self.constraints.get("AllowedPattern")
        if pattern is not None and re.fullmatch(pattern, value) is None:
            return told or f"give what fits {pattern}"
        least, most = (self.constraints.get(each) for each in ("MinLength", "MaxLength"))
        if least is not None and len(value) < int(least):
            return f"give at least {least} characters"
        if most is not None and len(value) > int(most):
            return f"give at most {most} characters"
        return self._out_of_range(value)

    def _out_of_range(self, value: str) -> str | None:
        least, most = (self.constraints.get(each) for each in ("MinValue", "MaxValue"))
        if least is None and most is None:
            return None
        try:
            number = float(value)
        except ValueError:
            return "give a number"
        if (least is None or number >= float(least)) and (most is None or number <= float(most)):
            return None
        return f"give a number from {least or '…'} to {most or '…'}"


def one_of(values: Sequence[str]) -> str:
    return f"one of: {', '.join(values)}" if values else ""


def fields_of(parameters: Sequence[Mapping[str, Any]]) -> list[Field]:
    """From Service Catalog's `ProvisioningArtifactParameters`."""
    found = []
    for each in parameters:
        constraints = dict(each.get("ParameterConstraints", {}))
        allowed = constraints.pop("AllowedValues", [])
        about, default = each.get("Description", ""), each.get("DefaultValue")
        found.append(Field(each["ParameterKey"], about, default, allowed, constraints))
    return found


def check(fields: Sequence[Field], values: Mapping[str, str]) -> None:
    """Raises ClaryError for a field that there is not, or a value that will not do."""
    known = {each.name: each for each in fields}
    for name, value in values.items():
        if name not in known:
            raise ClaryError(no_such("field", name, [*known]))
        complaint = known[name].complaint(value)
        if complaint is not None:
            shown = value if len(value) <= 60 else f"{value[:60]}… ({len(value)} characters)"
            raise ClaryError(f"{name} is '{shown}': {complaint}")
