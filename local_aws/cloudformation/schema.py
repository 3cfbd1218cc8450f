"""AWS's own schema of every resource type, as cfn-lint bundles them, read when a type is first used.

The files are read as they lie in cfn-lint's package: its schema manager would prefer a newer copy in the
home folder, and importing it costs 0.3 s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from local_aws.cloudformation import constraint
from local_aws.cloudformation.validation import Finding, Validator, resolve

Pointer = tuple[str, ...]
"""`/properties/Vpc/Id` as ("Vpc", "Id")."""


class UnknownTypeError(LookupError):
    """AWS has no such resource type in this region, as far as the bundled schemas know."""


class ResourceType:
    """What a type's schema says, in the questions that CloudFormation asks."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.name: str = schema["typeName"]
        self.properties: dict[str, Any] = schema.get("properties", {})

    @cached_property
    def validator(self) -> Validator:
        return Validator(self.schema)

    def findings(self, properties: Mapping[str, Any]) -> list[Finding]:
        """All that AWS would refuse about properties that have been coerced."""
        read_only = sorted(
            properties.keys() & {pointer[0] for pointer in self.read_only if len(pointer) == 1}
        )
        found = [
            *self.validator.findings(properties),
            *(Finding((), f"extraneous key [{name}] is not permitted") for name in read_only),
            *constraint.findings(self.name, properties, _folder()),
        ]
        return list(dict.fromkeys(found))

    @cached_property
    def primary_identifier(self) -> Sequence[str]:
        """The properties that `Ref` answers, joined by `|`."""
        return [pointer[0] for pointer in self._pointers("primaryIdentifier")]

    @cached_property
    def create_only(self) -> Sequence[Pointer]:
        """What cannot be changed in place: a change replaces the resource."""
        return self._pointers("createOnlyProperties")

    @cached_property
    def conditionally_create_only(self) -> frozenset[str]:
        """The properties of which some changes replace the resource, and others do not."""
        nested = {pointer[0] for pointer in self.create_only if len(pointer) > 1}
        return frozenset(
            nested | {pointer[0] for pointer in self._pointers("conditionalCreateOnlyProperties")}
        )

    @cached_property
    def read_only(self) -> Sequence[Pointer]:
        """What `Fn::GetAtt` answers."""
        return self._pointers("readOnlyProperties")

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(self.schema.get("required", ()))

    @cached_property
    def name_property(self) -> str | None:
        """The property that names a resource and that a template may set, if the type has one."""
        short = self.name.rsplit("::", 1)[-1]
        identifying = [name for name in self.primary_identifier if name.endswith("Name")]
        for candidate in (*identifying, f"{short}Name", "Name"):
            if candidate in self.properties and (candidate,) not in self.read_only:
                found = self.definition((candidate,))
                return candidate if found.get("type", "string") == "string" else None
        return None

    @cached_property
    def tag_property(self) -> tuple[str, str] | None:
        """The property that takes tags, and whether it is a `list` of keys and values or a `map`.

        Schemas of old, EMR's for one, say nothing of tags, and have a property for them.
        """
        silent = "tagging" not in self.schema and self.schema.get("taggable") is not False
        tagging = {"taggable": True, "tagProperty": "Tags"} if silent else self.schema.get("tagging", {})
        name = str(tagging.get("tagProperty", "")).removeprefix("/properties/")
        if not tagging.get("taggable") or name not in self.properties:
            return None
        return name, "list" if self.definition((name,)).get("type") == "array" else "map"

    @cached_property
    def takes_system_tags(self) -> bool:
        """Whether CloudFormation puts tags of its own on a resource: its stack, its name there."""
        return bool((self.schema.get("tagging") or {}).get("cloudFormationSystemTags", True))

    def definition(self, pointer: Pointer) -> dict[str, Any]:
        """The schema of a property; empty where the schema does not say."""
        found: dict[str, Any] = self.schema
        for part in pointer:
            found = resolve(found, self.schema).get("properties", {}).get(part, {})
        return resolve(found, self.schema)

    def _pointers(self, keyword: str) -> Sequence[Pointer]:
        return [
            tuple(pointer.removeprefix("/properties/").split("/")) for pointer in self.schema.get(keyword, ())
        ]


def value_at(properties: Mapping[str, Any], pointer: Pointer) -> object:
    """The value at a pointer; None where there is none. `*` looks into every item of a list."""
    found: Any = properties
    for position, part in enumerate(pointer):
        if part == "*" and isinstance(found, list):
            return [value_at(item, pointer[position + 1 :]) for item in found]
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def type_names() -> Iterator[str]:
    """Every resource type of AWS in us-east-1, which has them all."""
    return iter(_hashes())


@cache
def resource_type(name: str) -> ResourceType:
    try:
        digest = _hashes()[name]
    except KeyError:
        raise UnknownTypeError(f"no resource type '{name}'") from None
    return ResourceType(json.loads((_folder() / "resources" / f"{digest}.json").read_text()))


@cache
def _hashes() -> dict[str, str]:
    hashes: dict[str, str] = json.loads((_folder() / "providers" / "us-east-1.json").read_text())
    return hashes


@cache
def _folder() -> Path:
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("cfn-lint is not installed, and AWS's resource schemas come with it")
    return Path(spec.origin).parent / "data" / "schemas"
