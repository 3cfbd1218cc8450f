"""What CloudFormation refuses of a template or a request before it makes anything, and what keeps an export.

- References to nobody, to conditions that are not there, and circles are errors of the template.
- An export that another stack imports is neither deleted nor changed: an update fails, a deletion ends where
  it began, with the reason (https://github.com/aws/aws-cdk/issues/604 shows the states and the words).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from local_aws import hooks
from local_aws.cloudformation import template as form
from local_aws.errors import ServiceError

Template = Mapping[str, Any]


_ABSENT = {
    "DescribeStackResource": rb"Stack '\1' does not exist",
    "DescribeStackResources": rb"Stack with id \1 does not exist",
    "GetTemplate": rb"Stack with id \1 does not exist",
    "ListStackResources": rb"Stack with id \1 does not exist",
}
"""What a question about no stack is answered, where it is not `Stack [name] does not exist`."""


class Refused(ValueError):
    """In CloudFormation's words; the request is answered with a `ValidationError`."""


def install() -> None:
    hooks.templates.check_templates(check_template)
    hooks.stacks.ask_for_capabilities()
    hooks.templates.reword_parameter_faults(_constraint, _parameter_fault)
    for action in ("CreateChangeSet", "CreateStack", "GetTemplateSummary", "UpdateStack", "ValidateTemplate"):
        hooks.stacks.wrap_stack_action(action, partial(_check_form, action))
    for action in ("CreateChangeSet", "UpdateStack"):
        hooks.stacks.wrap_stack_action(action, _say_which_stack)
    for action, words in _ABSENT.items():
        hooks.stacks.wrap_stack_action(action, partial(_say_what_is_absent, words))
    hooks.stacks.check_exports(_check_exports)
    hooks.stacks.mend_importers()
    hooks.templates.reword_unresolved(_reworded)
    hooks.templates.rewrite_template_urls(with_bucket_in_path)
    hooks.stacks.wrap_stack_action("DeleteStack", _keep_what_is_imported)
    hooks.stacks.wrap_stack_action("ExecuteChangeSet", _say_which_status)


# --- templates --------------------------------------------------------------------------------------


def check_template(template: Template, conditions: Mapping[str, bool]) -> None:
    """Raises `ValueError` for what has not the form of a template, refers to nothing, or to itself in a
    circle."""
    form.check(template)
    if template.get("Transform"):
        return  # a macro may still write what is missing
    resources: Mapping[str, Any] = template.get("Resources") or {}
    declared = {*(template.get("Parameters") or {}), *resources}
    known_conditions = {*(template.get("Conditions") or {})}
    active = {
        name: definition
        for name, definition in resources.items()
        if isinstance(definition, dict) and conditions.get(str(definition.get("Condition")), True)
    }
    for block, members in (("Resources", resources), ("Outputs", template.get("Outputs") or {})):
        _check_conditions(block, members, known_conditions)
        found = list(_references_of_block(block, active if block == "Resources" else members, conditions))
        _check_attributes(found, resources)
        there = declared - (resources.keys() - active.keys())
        missing = sorted({name for name, _ in found if name not in there and not name.startswith("AWS::")})
        if missing:
            raise Refused(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the"
                f" {block} block of the template"
            )
    _check_circles(active, conditions)


def _check_conditions(block: str, members: Mapping[str, Any], known: set[str]) -> None:
    for definition in members.values():
        condition = definition.get("Condition") if isinstance(definition, dict) else None
        if isinstance(condition, str) and condition not in known:
            raise Refused(
                f"Template format error: Unresolved condition dependency {condition} in the {block} block of"
                " the template"
            )


def _check_attributes(found: list[tuple[str, str | None]], resources: Mapping[str, Any]) -> None:
    for name, attribute in found:
        if attribute is not None and name not in resources:
            raise Refused(f"Template error: instance of Fn::GetAtt references undefined resource {name}")


def _references_of_block(
    block: str, members: Mapping[str, Any], conditions: Mapping[str, bool]
) -> Iterator[tuple[str, str | None]]:
    for definition in members.values():
        if not isinstance(definition, dict):
            continue
        if block == "Outputs":
            if conditions.get(str(definition.get("Condition")), True):
                yield from _references([definition.get("Value"), definition.get("Export")], conditions)
            continue
        yield from _references(definition.get("Properties"), conditions)
        yield from ((name, None) for name in _listed(definition.get("DependsOn")))


def _references(value: Any, conditions: Mapping[str, bool]) -> Iterator[tuple[str, str | None]]:
    """What a value refers to, with the attribute; of an `Fn::If` the branch that is taken."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item, conditions)
    elif isinstance(value, dict):
        for key, argument in value.items():
            if key == "Ref" and isinstance(argument, str):
                yield argument, None
            elif key == "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                if isinstance(parts, list) and parts and isinstance(parts[0], str):
                    yield parts[0], str(parts[1]) if len(parts) > 1 else ""
            elif key == "Fn::Sub":
                yield from _substituted(argument, conditions)
            elif key == "Fn::If" and isinstance(argument, list) and argument[0] in conditions:
                yield from _references(argument[1 if conditions[argument[0]] else 2], conditions)
            else:
                yield from _references(argument, conditions)


def _substituted(argument: Any, conditions: Mapping[str, bool]) -> Iterator[tuple[str, str | None]]:
    text, own = (*argument, {})[:2] if isinstance(argument, list) else (argument, {})
    yield from _references(list(own.values()) if isinstance(own, dict) else [], conditions)
    for variable in re.findall(r"\$\{([^!}][^}]*)\}", str(text)):
        if variable not in own:
            name, dot, attribute = variable.strip().partition(".")
            yield name, attribute if dot else None


def _listed(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value or () if isinstance(item, str)]


def _check_circles(active: Mapping[str, Any], conditions: Mapping[str, bool]) -> None:
    waiting = {
        name: {
            other
            for other, _ in _references_of_block("Resources", {name: definition}, conditions)
            if other in active
        }
        for name, definition in active.items()
    }
    while free := [name for name, others in waiting.items() if not others]:
        for name in free:
            del waiting[name]
        for others in waiting.values():
            others.difference_update(free)
    if waiting:
        raise Refused(f"Circular dependency between resources: [{', '.join(sorted(waiting))}]")


def _check_form(
    action: str, answer: hooks.stacks.StackAction, parameters: dict[str, Any]
) -> hooks.server.Response:
    text = hooks.templates.template_text(parameters)
    if text is None:
        return answer(parameters)
    name, kind = (str(parameters.get(key, [""])[0]) for key in ("StackName", "ChangeSetType"))
    try:
        template = form.parsed(text)
        form.check(template)
        if action not in ("GetTemplateSummary", "ValidateTemplate"):
            anew = action == "CreateStack" or kind == "CREATE"
            given = hooks.templates.given_parameters(parameters)
            form.check_parameters(template, given, anew=anew)
            before = None if anew else hooks.stacks.stack_parameters(name)
            if before is not None:
                form.check_values_of_before(given, before)
            form.check_emulated(template)
    except ServiceError as error:
        return hooks.stacks.stack_refusal(error.code, error.message, error.status)
    except ValueError as error:
        return hooks.stacks.stack_refusal("ValidationError", str(error))
    if action == "CreateStack" and hooks.stacks.stack_status(name) == "ROLLBACK_COMPLETE":
        # Only to be deleted: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
        return hooks.stacks.stack_refusal("AlreadyExistsException", f"Stack [{name}] already exists")
    return answer(parameters)


def _constraint(name: str, definition: Mapping[str, Any], reason: str) -> str:
    description = definition.get("ConstraintDescription")
    return f"Parameter '{name}' {f'failed to satisfy constraint: {description}' if description else reason}"


def _parameter_fault(message: str, template: Template) -> str:
    not_allowed = re.match(r"Parameter '(\w+)' value '.*' is not in AllowedValues", message, re.DOTALL)
    if not_allowed:
        definition = template["Parameters"][not_allowed[1]]
        return _constraint(not_allowed[1], definition, "must be one of AllowedValues")
    missing = re.fullmatch(r".* failed to resolve: SSM parameter '(.*)' does not exist", message)
    if missing:
        return f"Unable to fetch parameters [{missing[1]}] from parameter store for this account."
    return message


def _say_what_is_absent(
    words: bytes, answer: hooks.stacks.StackAction, parameters: dict[str, Any]
) -> hooks.server.Response:
    status, headers, body = answer(parameters)
    return status, headers, re.sub(rb"Stack \[([^\]]*)\] does not exist", words, body)


def _say_which_stack(answer: hooks.stacks.StackAction, parameters: dict[str, Any]) -> hooks.server.Response:
    status, headers, body = answer(parameters)
    name = str(parameters.get("StackName", [""])[0]).removeprefix("arn:")
    known = hooks.stacks.stack_identifier(name.split("/")[1] if "/" in name else name)
    words = rf"Stack:{known} is in \1 state and can not be updated.".encode()
    return status, headers, re.sub(rb"Stack \[[^\]]*\] is in (\w+) state and cannot be updated", words, body)


# --- exports ----------------------------------------------------------------------------------------


def _check_exports(stack_id: str, exports: Mapping[str, str]) -> None:
    """Raises `Refused` for exports that are another stack's, or that others still import as they were."""
    for name, (owner, value) in hooks.stacks.exports().items():
        if owner != stack_id:
            if name in exports:
                other = owner.split("/")[1]
                raise Refused(f"Export with name {name} is already exported by stack {other}")
            continue
        if exports.get(name) == value:
            continue
        importers = hooks.stacks.importers(name)
        if importers:
            verb = "updated" if name in exports else "deleted"
            raise Refused(f"Export {name} cannot be {verb} as it is in use by {' and '.join(importers)}")
        if name not in exports:
            hooks.stacks.forget_export(name)


def _reworded(reason: str) -> str:
    return re.sub(r"^Export '(.*)' not found$", r"No export named \1 found", reason)


def _keep_what_is_imported(
    answer: hooks.stacks.StackAction, parameters: dict[str, Any]
) -> hooks.server.Response:
    name = str(parameters.get("StackName", [""])[0])
    for export, (owner, _) in hooks.stacks.exports().items():
        importers = hooks.stacks.importers(export) if name in (owner, owner.split("/")[1]) else []
        if importers and not hooks.stacks.is_protected(owner):
            reason = f"Export {export} cannot be deleted as it is in use by {' and '.join(importers)}"
            return hooks.stacks.deletion_given_up(owner, reason)
    return answer(parameters)


def _say_which_status(answer: hooks.stacks.StackAction, parameters: dict[str, Any]) -> hooks.server.Response:
    response = answer(parameters)
    status, headers, body = response
    found = re.search(rb"ChangeSet \[([^\]]*)\] is in (\w+) status", body)
    if not found:
        return response
    failed = found[2] == b"UNAVAILABLE"
    words = b"ChangeSet [%s] cannot be executed in its current %s of [%s]" % (
        found[1],
        b"status" if failed else b"execution status",
        b"FAILED" if failed else found[2],
    )
    return status, headers, body.replace(found[0], words)


# --- addresses --------------------------------------------------------------------------------------


def with_bucket_in_path(url: str) -> str:
    """`https://bucket.s3.region.amazonaws.com/key` as `https://s3.region.amazonaws.com/bucket/key`."""
    parts = urlsplit(url)
    bucket, dot, rest = (parts.hostname or "").partition(".s3")
    if not dot or not bucket or not re.fullmatch(r"([.-][a-z0-9-]+)?\.amazonaws\.com(\.cn)?", rest):
        return url
    return f"{parts.scheme}://s3{rest}/{bucket}{parts.path}"
