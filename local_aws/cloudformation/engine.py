"""Between CloudFormation and a resource: the schema first, then whoever makes the resource real.

ministack knows 191 resource types by itself. Their properties are checked like all others, and what
its handlers drop is applied afterwards by a reconciler. Every other type of AWS is handled by its
registered behaviour, or by its schema alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import regex

from local_aws import hooks
from local_aws.cloudformation.attributes import complete
from local_aws.cloudformation.generic import StoredResource
from local_aws.cloudformation.not_emulated import KEPT_BY_ITS_SCHEMA, NOT_EMULATED
from local_aws.cloudformation.registry import (
    BEHAVIOURS,
    CHECKS,
    DELETION_GUARDS,
    RECONCILERS,
    TRANSLATORS,
    Created,
    Properties,
    ResourceBehaviour,
    ResourceFailed,
)
from local_aws.cloudformation.schema import (
    ResourceType,
    UnknownTypeError,
    resource_type,
    type_names,
    value_at,
)

logger = logging.getLogger("local_aws.cloudformation")

Answer = tuple[str, dict[str, Any]]
"""The physical id and the attributes, as ministack wants them."""

_STACKS_OWN = {
    f"AWS::CloudFormation::{name}"
    for name in ("CustomResource", "Stack", "WaitCondition", "WaitConditionHandle")
}
"""What ministack does for stacks themselves."""
_OWN_TAGS = ("aws:cloudformation:", "aws:servicecatalog:")
_LONGEST_NAME = 63


def install() -> None:
    """Makes every resource type of AWS deployable, and checks all of them by AWS's schemas."""
    handlers = hooks.resources.resource_handlers()
    for name in type_names():
        if name in _STACKS_OWN:
            continue
        ours = name in BEHAVIOURS or name not in handlers
        handlers[name] = _by_behaviour(name) if ours else _checked(name, handlers[name])
    hooks.templates.mend_conditions()
    hooks.resources.complete_resource_tables(
        replacing=_replacing, conditional=_conditional, naming=_naming, tagging=_tagging
    )
    hooks.resources.shape_stack_tags(_tag_of_stack)
    hooks.resources.run_resources_on_threads(
        lambda name: name in BEHAVIOURS or name in RECONCILERS or name in DELETION_GUARDS
    )


def check(type_: ResourceType, logical_id: str, properties: Properties) -> dict[str, Any]:
    """The properties as the resource gets them; raises `ResourceFailed` with all that is wrong."""
    coerced: dict[str, Any] = type_.validator.coerce(_without_own_tags(type_, properties))
    findings = [str(finding) for finding in type_.findings(coerced)]
    if findings:
        raise ResourceFailed(
            f"Properties validation failed for resource {logical_id} with message:\n" + "\n".join(findings)
        )
    return coerced


def named(
    type_: ResourceType, logical_id: str, properties: dict[str, Any], stack_name: str
) -> dict[str, Any]:
    """The properties with a name for the resource, where the type has names and the template gave none."""
    name = type_.name_property
    if name is None or name in properties or name in type_.required:
        return properties
    if name not in type_.primary_identifier and (name,) not in type_.create_only:
        return properties  # only a label
    definition = type_.definition((name,))
    longest = min(int(definition.get("maxLength", _LONGEST_NAME)), _LONGEST_NAME)
    plain = hooks.resources.physical_name(stack_name, logical_id, longest)
    candidates = [plain, plain.lower(), plain.replace("-", "_"), plain.replace("-", "")]
    pattern = str(definition.get("pattern", ""))
    fitting = [candidate for candidate in candidates if regex.search(pattern, candidate)]
    return {**properties, name: fitting[0] if fitting else plain}


# --- types that ministack does not know -------------------------------------------------------------


def _by_behaviour(name: str) -> hooks.resources.ResourceHandlers:
    return {
        "create": partial(_create, name),
        "update": partial(_update, name),
        "update_with_logical_id": True,
        "delete": partial(_delete, name),
    }


def _create(name: str, logical_id: str, properties: Properties, stack_name: str) -> Answer:
    type_ = resource_type(name)
    checked = named(type_, logical_id, check(type_, logical_id, properties), stack_name)
    _tell_what_is_dropped(name, logical_id, checked, stack_name)
    return _answer(_behaviour(name).create(logical_id, _with_tags_of(type_, checked, properties), stack_name))


def _update(
    name: str, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str
) -> Answer:
    type_ = resource_type(name)
    before = named(type_, logical_id, type_.validator.coerce(dict(old)), stack_name)
    after = named(type_, logical_id, check(type_, logical_id, new), stack_name)
    # Replacement for a whole property is decided before this is called.
    if _nested_replacement(type_, before, after):
        hooks.resources.replace_physical_name()
        return _create(name, logical_id, new, stack_name)
    _tell_what_is_dropped(name, logical_id, after, stack_name)
    updated = _behaviour(name).update(physical_id, before, _with_tags_of(type_, after, new), stack_name)
    return _answer(updated)


def _delete(name: str, physical_id: str, properties: Properties) -> None:
    type_ = resource_type(name)
    _behaviour(name).delete(physical_id, type_.validator.coerce(dict(properties)))


def _behaviour(name: str) -> ResourceBehaviour:
    return BEHAVIOURS.get(name) or _stored(name)


@cache
def _stored(name: str) -> ResourceBehaviour:
    return StoredResource(resource_type(name))


def _answer(created: Created) -> Answer:
    return created.physical_id, dict(created.attributes)


# --- types that ministack knows ---------------------------------------------------------------------


def _checked(name: str, known: hooks.resources.ResourceHandlers) -> hooks.resources.ResourceHandlers:
    """A handler of ministack's between the schema and the reconciler."""

    def translate(properties: Properties) -> Properties:
        translator = TRANSLATORS.get(name)
        return translator(properties) if translator is not None else properties

    def ask(properties: Properties) -> None:
        if name in CHECKS:
            CHECKS[name](properties)

    def create(logical_id: str, properties: Properties, stack_name: str) -> Answer:
        type_ = resource_type(name)
        checked = _with_tags_of(type_, check(type_, logical_id, properties), properties)
        ask(checked)
        physical_id, attributes = known["create"](logical_id, translate(properties), stack_name)
        return physical_id, _reconciled(name, logical_id, physical_id, attributes, checked, {}, stack_name)

    def update(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> Answer:
        type_ = resource_type(name)
        checked = _with_tags_of(type_, check(type_, logical_id or physical_id, new), new)
        before = type_.validator.coerce(dict(old))
        if _nested_replacement(type_, before, checked):
            hooks.resources.replace_physical_name()
            return create(logical_id or physical_id, new, stack_name)
        ask(checked)
        if "update" in known:
            more = (logical_id,) if known.get("update_with_logical_id") else ()
            new_id, attributes = known["update"](
                physical_id, translate(old), translate(new), stack_name, *more
            )
        else:
            new_id, attributes = known["create"](logical_id or physical_id, translate(new), stack_name)
        before = before if new_id == physical_id else {}
        return new_id, _reconciled(
            name, logical_id or physical_id, new_id, attributes, checked, before, stack_name
        )

    def delete(physical_id: str, properties: Properties, *logical_id: str) -> None:
        guard = DELETION_GUARDS.get(name)
        if guard is not None:
            guard(physical_id, resource_type(name).validator.coerce(dict(properties)))
        known["delete"](physical_id, properties, *logical_id)

    handlers = dict(known) | {"create": create}
    if "update" in known or name in RECONCILERS:
        handlers |= {"update": update, "update_with_logical_id": True}
    if "delete" in known:
        handlers["delete"] = delete
    return handlers


def _reconciled(
    name: str,
    logical_id: str,
    physical_id: str,
    attributes: Mapping[str, Any] | None,
    properties: Properties,
    previous: Properties,
    stack_name: str,
) -> dict[str, Any]:
    _tell_what_is_dropped(name, logical_id, properties, stack_name)
    reconcile = RECONCILERS.get(name)
    more = reconcile(physical_id, properties, previous) if reconcile is not None else None
    return complete(resource_type(name), physical_id, properties, {**(attributes or {}), **(more or {})})


# --- what CloudFormation asks about a type ----------------------------------------------------------


def _known_type(name: str) -> ResourceType | None:
    """The type of a resource that only its schema, or its registered behaviour, knows."""
    handlers = hooks.resources.resource_handlers().get(name)
    generic = handlers is not None and getattr(handlers.get("create"), "func", None) is _create
    return resource_type(name) if generic else None


def _described(name: str) -> ResourceType | None:
    try:
        return resource_type(name)
    except UnknownTypeError:
        return None  # a custom resource


def _replacing(name: str) -> tuple[str, ...] | None:
    type_ = _described(name)
    return tuple(pointer[0] for pointer in type_.create_only if len(pointer) == 1) if type_ else None


def _conditional(name: str) -> tuple[str, ...] | None:
    type_ = _described(name)
    return tuple(type_.conditionally_create_only) if type_ else None


def _naming(name: str) -> dict[str, Any] | None:
    type_ = _described(name)
    if type_ is None or type_.name_property is None or (type_.name_property,) not in type_.create_only:
        return None
    settable = [name for name in type_.primary_identifier if (name,) not in type_.read_only]
    whole = tuple(settable) if type_.name_property in settable and len(settable) > 1 else type_.name_property
    return {
        "name": whole,
        "requires_replacement": lambda old, new: _nested_replacement(type_, old, new),
    }


def _nested_replacement(type_: ResourceType, old: Properties, new: Properties) -> bool:
    """Whether a part of a property has changed that cannot be changed in place."""
    return any(
        value_at(old, pointer) != value_at(new, pointer) for pointer in type_.create_only if len(pointer) > 1
    )


def _tagging(name: str) -> tuple[str, str] | None:
    # A reconciler keeps the tags of a type whose tags ministack drops.
    type_ = resource_type(name) if name in RECONCILERS else _known_type(name)
    return type_.tag_property if type_ else None


# --- details ----------------------------------------------------------------------------------------


def _without_own_tags(type_: ResourceType, properties: Properties) -> dict[str, Any]:
    """Without the tags that AWS's services add themselves: no template could set them."""
    plain = dict(properties)
    if type_.tag_property is None or type_.tag_property[0] not in plain:
        return plain
    # ministack does not always give them in the shape that the schema wants.
    name, _ = type_.tag_property
    tags = plain[name]
    if isinstance(tags, list):
        plain[name] = [tag for tag in tags if not _is_own(tag.get("Key") if isinstance(tag, dict) else tag)]
    elif isinstance(tags, dict):
        plain[name] = {key: value for key, value in tags.items() if not _is_own(key)}
    if not plain[name] and name not in type_.schema.get("required", ()):
        del plain[name]
    return plain


def _with_tags_of(type_: ResourceType, checked: dict[str, Any], properties: Properties) -> dict[str, Any]:
    """The checked properties with all tags, CloudFormation's own included."""
    if type_.tag_property is None or type_.tag_property[0] not in properties:
        return checked
    return {**checked, type_.tag_property[0]: properties[type_.tag_property[0]]}


def _tag_of_stack(name: str, tag: dict[str, str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html"""
    return {**tag, "PropagateAtLaunch": True} if name == "AWS::AutoScaling::AutoScalingGroup" else tag


def _is_own(key: object) -> bool:
    return isinstance(key, str) and key.startswith(_OWN_TAGS)


def _tell_what_is_dropped(name: str, logical_id: str, properties: Properties, stack_name: str) -> None:
    """Puts into the stack's events what the template says of a resource and nothing here does."""
    reasons = dict(NOT_EMULATED.get(name, {}))
    if name not in BEHAVIOURS and _known_type(name) is not None:
        reasons[""] = KEPT_BY_ITS_SCHEMA
    told = [
        f"{place}: {why}" if place else why
        for place, why in reasons.items()
        if not place or value_at(properties, tuple(place.split("/"))) is not None
    ]
    if told:
        words = f"Not emulated on the local AWS: {'; '.join(told)}"
        logger.info("%s (%s): %s", logical_id, name, words)
        hooks.resources.tell_about_resource(stack_name, logical_id, name, words)
