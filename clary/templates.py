"""What CloudFormation would do to change one set of templates into another.

Which change replaces a resource is what AWS's own schema of its type says (`createOnlyProperties`,
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html), followed
through references: what is made with the id of something that is replaced is replaced itself, in other
stacks, too. A change set knows less: it shows one stack, as if what it imports stayed as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from local_aws.cloudformation.schema import UnknownTypeError, resource_type, value_at

Template = Mapping[str, Any]
Templates = Mapping[str, Template]
"""By stack, as its construct is called; a nested stack as `Studio/UsersNestedStack`, by its logical id."""

NESTED = "AWS::CloudFormation::Stack"
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


Key = tuple[str, str]
"""A stack and a logical id."""


class Action(StrEnum):
    ADD = "add"
    UPDATE = "update"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True)
class Change:
    stack: str
    logical_id: str
    type: str
    action: Action
    old: Mapping[str, Any]
    """The resource as it is; empty where there is none."""
    new: Mapping[str, Any]
    changed: tuple[str, ...] = ()
    """The properties that differ."""
    because: str = ""
    """The properties for which it is replaced."""
    root: Key | None = None
    """What it is replaced with: the first in a row of replacements, whose id is handed on."""

    @property
    def key(self) -> Key:
        return self.stack, self.logical_id

    @property
    def properties(self) -> Mapping[str, Any]:
        """As they will be; of what is removed, as they are."""
        found: Mapping[str, Any] = (self.new or self.old).get("Properties", {})
        return found

    @property
    def kept(self) -> bool:
        """Whether what is removed from the stack stays in the account."""
        return self.action is Action.REMOVE and str(self.old.get("DeletionPolicy", "")).startswith("Retain")


def compare(old: Templates, new: Templates) -> list[Change]:
    """All that changes, in the order of the new templates, then what is removed."""
    changes = {change.key: change for change in _compared(old, new)}
    _follow_replacements(changes, old, new)
    return list(changes.values())


def _compared(old: Templates, new: Templates) -> Iterator[Change]:
    for stack in [*new, *(name for name in old if name not in new)]:
        before, after = _resources(old.get(stack, {})), _resources(new.get(stack, {}))
        for logical_id, resource in after.items():
            if logical_id not in before:
                yield Change(stack, logical_id, resource["Type"], Action.ADD, {}, resource)
            else:
                yield from _modified(stack, logical_id, before[logical_id], resource)
        for logical_id, resource in before.items():
            if logical_id not in after:
                yield Change(stack, logical_id, resource["Type"], Action.REMOVE, resource, {})


def _modified(
    stack: str, logical_id: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    before, after = _plain(old.get("Properties", {})), _plain(new.get("Properties", {}))
    changed = tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))
    changed += tuple(
        policy for policy in ("DeletionPolicy", "UpdateReplacePolicy") if old.get(policy) != new.get(policy)
    )
    if old["Type"] != new["Type"]:
        because = f"its type, which becomes {new['Type']}"
        yield Change(stack, logical_id, old["Type"], Action.REPLACE, old, new, changed, because)
        return
    if not changed:
        return
    fixed = [
        ".".join(pointer)
        for pointer in _fixed(new["Type"])
        if value_at(before, pointer) != value_at(after, pointer)
    ]
    action = Action.REPLACE if fixed else Action.UPDATE
    yield Change(stack, logical_id, new["Type"], action, old, new, changed, ", ".join(sorted(fixed)))


def _follow_replacements(changes: dict[Key, Change], old: Templates, new: Templates) -> None:
    """Adds the replacement of whatever is made with the id of something that is replaced."""
    links = _Links(new)
    while True:
        replaced = {key for key, change in changes.items() if change.action is Action.REPLACE}
        before = len(replaced)
        for stack, template in new.items():
            for logical_id, resource in _resources(template).items():
                key = (stack, logical_id)
                there = _resources(old.get(stack, {})).get(logical_id)
                if there is None or key in replaced:
                    continue
                for pointer in _fixed(resource["Type"]):
                    value = value_at(resource.get("Properties", {}), pointer)
                    cause = next((each for each in links.of(stack, value) if each in replaced), None)
                    if cause is not None:
                        changed = changes[key].changed if key in changes else (pointer[0],)
                        changes[key] = Change(
                            stack,
                            logical_id,
                            resource["Type"],
                            Action.REPLACE,
                            there,
                            resource,
                            changed,
                            because=".".join(pointer),
                            root=changes[cause].root or cause,
                        )
                        replaced.add(key)
                        break
        if len(replaced) == before:
            return


class _Links:
    """What values refer to, through exports and the parameters of nested stacks."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._exports = {
            str(output["Export"]["Name"]): (stack, output["Value"])
            for stack, template in templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def of(self, stack: str, value: object) -> Iterator[Key]:
        if isinstance(value, list):
            for item in value:
                yield from self.of(stack, item)
        elif isinstance(value, Mapping):
            for name, given in value.items():
                if name == "Ref" and isinstance(given, str):
                    yield from self._named(stack, given)
                elif name == "Fn::GetAtt":
                    words = given if isinstance(given, list) else str(given).split(".")
                    yield from self._attribute(stack, [str(word) for word in words])
                elif name == "Fn::ImportValue" and isinstance(given, str):
                    if given in self._exports:
                        yield from self.of(*self._exports[given])
                elif name == "Fn::Sub":
                    text = given[0] if isinstance(given, list) else given
                    for word in re.findall(r"\$\{([A-Za-z0-9]+)[^}]*\}", str(text)):
                        yield from self._named(stack, word)
                else:
                    yield from self.of(stack, given)

    def _named(self, stack: str, name: str) -> Iterator[Key]:
        if name in self._templates[stack].get("Parameters", {}):
            parent, _, nested = stack.rpartition("/")
            if parent in self._templates:
                given = _resources(self._templates[parent])[nested].get("Properties", {})
                yield from self.of(parent, given.get("Parameters", {}).get(name))
        else:
            yield (stack, name)

    def _attribute(self, stack: str, words: list[str]) -> Iterator[Key]:
        """Of a nested stack, an output stands for what it is the value of."""
        nested = f"{stack}/{words[0]}"
        output = words[-1].removeprefix("Outputs.")
        if nested in self._templates:
            yield from self.of(
                nested, self._templates[nested].get("Outputs", {}).get(output, {}).get("Value")
            )
        else:
            yield (stack, words[0])


def _fixed(type_name: str) -> list[tuple[str, ...]]:
    """The properties that cannot change in place, or that some changes of cannot."""
    try:
        found = resource_type(type_name)
    except UnknownTypeError:
        return []  # a custom resource's function decides, and answers with another id or the same
    conditional = [
        tuple(pointer.removeprefix("/properties/").split("/"))
        for pointer in found.schema.get("conditionalCreateOnlyProperties", ())
    ]
    return [*found.create_only, *conditional]


def _resources(template: Template) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = template.get("Resources", {})
    return found


def _plain(value: Any) -> Any:
    """As CloudFormation gives a template back: it keeps only ASCII, and `?` for all else."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _NOT_ASCII.sub("?", value) if isinstance(value, str) else value
