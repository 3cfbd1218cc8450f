"""Resource types that nobody wrote a behaviour for: remembered, and answered from their schema."""

from __future__ import annotations

import datetime
import hashlib
import re
import uuid
from collections.abc import Iterator
from typing import Any

import regex

from local_aws import hooks
from local_aws.cloudformation.pattern import fitting
from local_aws.cloudformation.registry import Created, Properties, ResourceFailed
from local_aws.cloudformation.schema import Pointer, ResourceType
from local_aws.store import STORE

_LONGEST = 2048
"""Of texts whose schema does not say."""


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
        return "|".join(str(part) for part in parts if part) or hooks.resources.physical_name(
            stack_name, logical_id, 128
        )

    def _attributes(
        self, logical_id: str, properties: Properties, stack_name: str
    ) -> Iterator[tuple[str, Any]]:
        generated = hooks.resources.physical_name(stack_name, logical_id, 63)
        name = str(properties.get(self._type.name_property or "") or generated)
        # The account and the region belong to it: an identifier is nobody else's.
        seed = f"{hooks.request.account_id()}:{hooks.request.region()}:{self._type.name}:{generated}:{name}"
        identity = hashlib.sha256(seed.encode()).hexdigest()
        for pointer in self._type.read_only:
            value = self._attribute(pointer, name, identity)
            if isinstance(value, str):
                value = self._fitting(pointer, value, identity)
            yield ".".join(pointer), value

    def _fitting(self, pointer: Pointer, text: str, identity: str) -> str:
        """The text as the schema has it, which others may ask for: with the account and the region still."""
        definition = self._type.definition(pointer)
        pattern = definition.get("pattern")
        least, most = int(definition.get("minLength", 0)), int(definition.get("maxLength", _LONGEST))

        def fits(one: str) -> bool:
            return least <= len(one) <= most and (
                not isinstance(pattern, str) or regex.search(pattern, one) is not None
            )

        plain = (text, text.lower(), f"{text}/{identity[:12]}", str(uuid.UUID(identity[:32])))
        found = next(filter(fits, (*plain, identity[:17], identity[: max(least, 1)])), None)
        if found is not None:
            return found
        made = fitting(str(pattern or ""), f"{identity}:{pointer[-1]}", fits)
        if made is None:
            return text
        parts = made.split(":", 5)
        for place, own in ((3, hooks.request.region()), (4, hooks.request.account_id())):
            changed = [*parts[:place], own, *parts[place + 1 :]]
            if len(parts) == 6 and fits(":".join(changed)):
                parts = changed
        return ":".join(parts)

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
            return f"arn:aws:{service.lower()}:{hooks.request.place()}:{kebab}/{own}"
        if leaf.endswith(("Time", "Date", "At")):
            return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if leaf.endswith("Name"):
            return name
        return f"{kebab.split('-')[0][:4]}-{identity[:17]}"
