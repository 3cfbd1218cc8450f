"""Resource types that nobody wrote a behaviour for: remembered, and answered from their schema."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterator
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.registry import Created, Properties, ResourceFailed
from local_aws.cloudformation.schema import Pointer, ResourceType
from local_aws.store import STORE


class StoredResource:
    """One type's resources in the store, under the type's name; attributes are made up once and kept."""

    def __init__(self, resource_type: ResourceType) -> None:
        self._type = resource_type

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        attributes = dict(self._attributes(logical_id, properties, stack_name))
        physical_id = self._physical_id(logical_id, properties, attributes, stack_name)
        record = {"properties": dict(properties), "attributes": attributes}
        if not STORE.add(self._type.name, (physical_id,), record):
            raise ResourceFailed(
                f"Resource of type '{self._type.name}' with identifier '{physical_id}' already exists."
            )
        return Created(physical_id, attributes)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        record = STORE.get(self._type.name, (physical_id,))
        if record is None:
            raise ResourceFailed(
                f"Resource of type '{self._type.name}' with identifier '{physical_id}' was not found."
            )
        record["properties"] = dict(new)
        return Created(physical_id, record["attributes"])

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        STORE.remove(self._type.name, (physical_id,))

    def _physical_id(
        self, logical_id: str, properties: Properties, attributes: dict[str, Any], stack_name: str
    ) -> str:
        parts = [properties.get(name) or attributes.get(name) for name in self._type.primary_identifier]
        return "|".join(str(part) for part in parts if part) or hooks.physical_name(
            stack_name, logical_id, 128
        )

    def _attributes(
        self, logical_id: str, properties: Properties, stack_name: str
    ) -> Iterator[tuple[str, Any]]:
        generated = hooks.physical_name(stack_name, logical_id, 63)
        name = str(properties.get(self._type.name_property or "") or generated)
        # The account and the region belong to it: an identifier is nobody else's.
        seed = f"{hooks.account_id()}:{hooks.region()}:{self._type.name}:{generated}:{name}"
        identity = hashlib.sha256(seed.encode()).hexdigest()
        for pointer in self._type.read_only:
            yield ".".join(pointer), self._attribute(pointer, name, identity)

    def _attribute(self, pointer: Pointer, name: str, identity: str) -> Any:
        definition = self._type.definition(pointer)
        _, service, short = self._type.name.split("::")
        kind, leaf = definition.get("type", "string"), pointer[-1]
        kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", short).lower()
        if definition.get("enum"):
            return definition["enum"][0]
        if kind == "array":
            return []
        if kind == "object":
            return {}
        if kind in ("integer", "number"):
            return 1
        if kind == "boolean":
            return False
        if leaf.endswith("Arn"):
            # Where the name does not identify a resource, two may have it: a resource and its replacement.
            known = self._type.name_property in self._type.primary_identifier
            own = name if known or len(pointer) > 1 else f"{name}/{identity[:12]}"
            return f"arn:aws:{service.lower()}:{hooks.region()}:{hooks.account_id()}:{kebab}/{own}"
        if leaf.endswith(("Time", "Date", "At")):
            return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if leaf.endswith("Name"):
            return name
        return f"{kebab.split('-')[0][:4]}-{identity[:17]}"
