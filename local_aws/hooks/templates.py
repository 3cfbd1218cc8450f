"""CloudFormation's templates: what they say, before anything is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services.cloudformation import changesets as _changesets
from ministack.services.cloudformation import engine as _engine
from ministack.services.cloudformation import handlers as _handlers
from ministack.services.cloudformation import helpers as _helpers
from ministack.services.cloudformation import stacks as _stacks

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.cloudformation.engine": (
        "_check_rules_section",
        "_constraint_error",
        "_evaluate_conditions",
        "_parse_template",
        "_resolve_dynamic_reference",
        "_resolve_parameters",
        "validate_template_support",
    ),
    "ministack.services.cloudformation.handlers": (
        "_evaluate_conditions",
        "_request_problems",
        "_resolve_parameters",
        "_resolve_template",
        "validate_template_support",
    ),
    "ministack.services.cloudformation.helpers": ("_extract_members", "_resolve_document"),
    "ministack.services.cloudformation.stacks": ("_evaluate_conditions", "_resolve_refs"),
    "ministack.services.cloudformation.changesets": (
        "_evaluate_conditions",
        "_resolve_parameters",
        "validate_template_support",
    ),
}


def check_templates(check: Callable[[dict[str, Any], Mapping[str, bool]], None]) -> None:
    """Asks `check(template, conditions)` of every template; its `ValueError` is the request's answer."""
    usual = _engine.validate_template_support

    def validate(
        template: dict[str, Any], conditions: dict[str, bool], params: dict[str, Any] | None = None
    ) -> None:
        usual(template, conditions, params)
        if params is not None:  # without them, nobody knows which conditions hold
            check(template, conditions)

    for module in (_changesets, _engine, _handlers):
        module.validate_template_support = validate


def stack_name_of(stack: str) -> str:
    """Of a stack that a request names, or has the ARN of."""
    return stack.partition(":stack/")[2].partition("/")[0] or stack


def template_text(parameters: dict[str, Any]) -> str | None:
    """The template that a request brings along or says where it is; None where it does not, or where the
    request is refused for other reasons."""
    name = stack_name_of((parameters.get("StackName") or [""])[0])
    if _handlers._request_problems(parameters, name) is not None:
        return None
    text, refusal = _handlers._resolve_template(parameters)
    return text if refusal is None and text else None


def given_parameters(parameters: dict[str, Any]) -> dict[str, bool]:
    """The template's parameters that a request names, and whether with a value: or with that of before."""
    given = _helpers._extract_members(parameters, "Parameters")
    return {str(one["Key"]): not one["UsePreviousValue"] for one in given}


def reword_parameter_faults(
    constraint: Callable[[str, Mapping[str, Any], str], str],
    reword: Callable[[str, Mapping[str, Any]], str],
) -> None:
    """Says in other words why a parameter has not the value that it may have.

    `constraint(name, definition, reason)` of a constraint; `reword(message, template)` of all else.
    """
    usual = _engine._resolve_parameters
    _engine._constraint_error = lambda *arguments: ValueError(constraint(*arguments))

    def resolve(template: dict[str, Any], *arguments: Any) -> Any:
        try:
            return usual(template, *arguments)
        except ValueError as error:
            raise ValueError(reword(str(error), template)) from error

    for module in (_changesets, _engine, _handlers):
        module._resolve_parameters = resolve


def reword_unresolved(reword: Callable[[str], str]) -> None:
    """Says in other words why a property cannot be resolved while a stack is deployed."""
    usual = _stacks._resolve_refs

    def resolve(*arguments: Any) -> Any:
        try:
            return usual(*arguments)
        except ValueError as error:
            raise ValueError(reword(str(error))) from error

    _stacks._resolve_refs = resolve


def rewrite_template_urls(rewrite: Callable[[str], str]) -> None:
    """Lets templates lie at addresses that ministack does not read as they are."""
    usual = _helpers._resolve_document

    def resolve(params: dict[str, Any], body_key: str, url_key: str, label: str) -> Any:
        if params.get(url_key):
            params = {**params, url_key: [rewrite(str(params[url_key][0]))]}
        return usual(params, body_key, url_key, label)

    _helpers._resolve_document = resolve


def mend_conditions() -> None:
    """Evaluates `Fn::Join` in conditions.

    ministack compares the function itself: CDK's bootstrap template then takes its empty list of
    policies for a list of one, the empty string.
    """
    usual = _engine._evaluate_conditions

    def evaluate(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, bool]:
        conditions = _joined(template.get("Conditions", {}), parameters)
        evaluated: dict[str, bool] = usual({**template, "Conditions": conditions}, parameters)
        return evaluated

    for module in (_changesets, _engine, _handlers, _stacks):
        module._evaluate_conditions = evaluate


def _joined(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_joined(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        delimiter, items = value["Fn::Join"]
        if isinstance(items, dict) and items.get("Ref") in parameters:
            items = [item.strip() for item in str(parameters[items["Ref"]]["Value"]).split(",")]
        if isinstance(items, list):
            texts = [
                parameters[item["Ref"]]["Value"]
                if isinstance(item, dict) and item.get("Ref") in parameters
                else item
                for item in items
            ]
            if all(isinstance(text, str) for text in texts):
                return str(delimiter).join(texts)
    return {key: _joined(item, parameters) for key, item in value.items()}


def parse_template(text: str) -> dict[str, Any]:
    """A template in JSON or YAML, with short functions written out. Raises `ValueError` for anything else."""
    template: dict[str, Any] = _engine._parse_template(text)
    return template


def check_rules(rules: dict[str, Any]) -> None:
    """Raises `ValueError`, in CloudFormation's words, for rules that no template could have."""
    _engine._check_rules_section({"Rules": rules})


_GIVEN: list[Callable[[str], str | None]] = []


def give_templates(find: Callable[[str], str | None]) -> None:
    """Reads the template of a request at its URL by `find`, where that knows it."""
    _GIVEN.append(find)
    usual = _handlers._resolve_template

    def resolve(parameters: dict[str, Any]) -> Any:
        url = (parameters.get("TemplateURL") or [""])[0]
        found = find(url) if isinstance(url, str) else None
        return (found, None) if found is not None else usual(parameters)

    _handlers._resolve_template = resolve


def is_given_template(url: str) -> bool:
    """Whether a service of our own has the template at a URL, which is then in no bucket."""
    return any(find(url) is not None for find in _GIVEN)


def wrap_dynamic_references(ask: Callable[[str, str], None]) -> None:
    """Asks before a template's `{{resolve:service:what}}` is looked up: whoever raises stops it."""
    look_up = _engine._resolve_dynamic_reference

    def looked_up(literal: str) -> str:
        service, _, what = literal.strip("{}").removeprefix("resolve:").partition(":")
        ask(service, what)
        return str(look_up(literal))

    _engine._resolve_dynamic_reference = looked_up
