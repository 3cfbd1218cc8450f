"""What CloudFormation refuses of a template's form before it looks at what the template is about.

The words are CloudFormation's own, as people who met them have quoted them. The form itself:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

from local_aws import hooks
from local_aws.errors import not_supported

_VERSION = "2010-09-09"
_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
}
_OF_A_RESOURCE = {
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
}
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-product-attribute-reference.html"""
_DELETION = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
_POLICIES = {"DeletionPolicy": _DELETION, "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot")}
_WITH_SNAPSHOTS = {
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
}
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html"""
_PARAMETER_TYPE = re.compile(
    r"String|Number|List<Number>|List<String>|CommaDelimitedList|(List<)?AWS::[\w:<>]+"
)
_TRANSFORMS = re.compile(
    r"AWS::(CodeDeployBlueGreen|Include|LanguageExtensions|SecretsManager-\d{4}-\d\d-\d\d"
    r"|Serverless-2016-10-31|ServiceCatalog)"
)
_APPLIED = ("AWS::Include", "AWS::LanguageExtensions")
"""The transforms that are applied here."""
_FUNCTIONS = (
    "Fn::Base64",
    "Fn::GetAtt",
    "Fn::GetAZs",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Split",
    "Fn::FindInMap",
    "Fn::Select",
    "Ref",
    "Fn::Equals",
    "Fn::If",
    "Fn::Not",
    "Condition",
    "Fn::And",
    "Fn::Or",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::ValueOf",
    "Fn::ValueOfAll",
    "Fn::RefAll",
    "Fn::Sub",
    "Fn::Cidr",
)
"""In the order in which CloudFormation lists them."""
_ALSO_FUNCTIONS = {"Fn::GetStackOutput", "Fn::Length", "Fn::ToJsonString", "Fn::Transform"}
"""Which it knows besides, or which only a transform may use: it says itself what is wrong with those."""

_JOIN = (
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of"
    " strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)
_SPLIT = (
    "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string"
    " to be split or a function that returns a string to be split."
)
_SELECT = "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
_GET_ATT = (
    "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the"
    " resource attribute"
)
_FIND_IN_MAP = (
    "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the"
    " attribute for return value"
)
_SUB = (
    "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a"
    " string as first argument, and an optional second argument to specify a mapping of values to replace in"
    " the string"
)
_IF = "Template error: Fn::If requires a list argument with three elements"


def parsed(text: str) -> dict[str, Any]:
    """The template of a text; raises `ValueError` for what is none."""
    try:
        return hooks.templates.parse_template(text)
    except json.JSONDecodeError as error:
        place = f"(line {error.lineno}, column {error.colno})"
        raise ValueError(f"Template format error: JSON not well-formed. {place}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"(line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"Template format error: YAML not well-formed. {place}".rstrip()) from error
    except yaml.YAMLError as error:
        raise ValueError("Template format error: YAML not well-formed.") from error
    except ValueError as error:
        raise ValueError("Template format error: unsupported structure.") from error


def check(template: Mapping[str, Any]) -> None:
    """Raises `ValueError` for a template that CloudFormation does not read as one."""
    fault = next(_faults(template), None)
    if fault is not None:
        raise ValueError(fault)


def check_emulated(template: Mapping[str, Any]) -> None:
    """Raises `ServiceError` for what AWS does with a template, and the local AWS does not."""
    for name in _transforms(template):
        if name not in _APPLIED:
            raise not_supported(f"the transform {name}")


def check_parameters(template: Mapping[str, Any], given: Mapping[str, bool], *, anew: bool) -> None:
    """Raises `ValueError` for parameters that are missing, and for those that the template does not have.

    `given`: which ones a request names, and whether with a value of its own (or with that of before).
    `anew`: whether there is no stack whose values could be used again.
    """
    declared = template.get("Parameters") or {}
    unknown = [name for name in given if name not in declared]
    if unknown and not declared:
        raise ValueError("Parameter values specified for a template which does not require them.")
    if unknown:
        raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [
        name
        for name, definition in declared.items()
        if "Default" not in definition and (not given[name] and anew if name in given else True)
    ]
    if missing:
        raise ValueError(f"Parameters: [{', '.join(missing)}] must have values")


def check_values_of_before(given: Mapping[str, bool], before: Collection[str]) -> None:
    """Raises `ValueError` for a parameter that is to keep its value and has none.

    CloudFormation's words: https://github.com/rackerlabs/ebs_snapper/pull/57
    """
    for name, anew in given.items():
        if not anew and name not in before:
            raise ValueError(
                f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a"
                " parameter key not in the previous template"
            )


def _faults(template: Mapping[str, Any]) -> Iterator[str]:
    transformed = "Transform" in template
    version = template.get("AWSTemplateFormatVersion", _VERSION)
    if version != _VERSION:
        yield "Template format error: unsupported value for AWSTemplateFormatVersion."
    unknown = [str(name) for name in template if name not in _SECTIONS]
    if unknown:
        yield f"Invalid template property or properties [{', '.join(unknown)}]"
    yield from _faults_of_transforms(template)
    for name, definition in (template.get("Resources") or {}).items():
        if definition is None:
            yield f"Template format error: [/Resources/{name}] resource definition is malformed"
    if not transformed:
        yield from (f"[{place}] 'null' values are not allowed in templates" for place in _nulls(template, ""))
    if not isinstance(template.get("Resources"), Mapping) or not template["Resources"]:
        yield "Template format error: At least one Resources member must be defined."
    yield from _faults_of_parameters(template.get("Parameters") or {})
    if transformed:
        return  # a macro may still write what is missing
    yield from _faults_of_resources(template["Resources"])
    yield from _faults_of_outputs(template.get("Outputs") or {})
    conditions = template.get("Conditions") or {}
    unknown = sorted(set(_referred_to(conditions)) - {*(template.get("Parameters") or {})})
    if unknown:
        words = "Cannot reference resources in the Conditions block of the template"
        yield f"Template format error: Unresolved dependencies [{', '.join(unknown)}]. {words}"
    for section in ("Resources", "Outputs"):
        for definition in (template.get(section) or {}).values():
            parts = [definition.get(name) for name in ("Properties", "Value", "Export")]
            yield from _faults_of_functions(parts, template, conditions, section)
    yield from _faults_of_functions(conditions, template, conditions, "Conditions")


def _nulls(value: Any, place: str) -> Iterator[str]:
    if value is None:
        yield place
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _nulls(member, f"{place}/{key}")
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _nulls(member, f"{place}/{number}")


def _referred_to(value: Any) -> Iterator[str]:
    """The names in references, but for those of AWS's own parameters."""
    if isinstance(value, list):
        for item in value:
            yield from _referred_to(item)
    elif isinstance(value, Mapping):
        for key, member in value.items():
            if key == "Ref" and isinstance(member, str) and not member.startswith("AWS::"):
                yield member
            yield from _referred_to(member)


def _faults_of_transforms(template: Mapping[str, Any]) -> Iterator[str]:
    for name in _transforms(template):
        if not _TRANSFORMS.fullmatch(name):
            known = name if name.startswith("AWS::") else f"{hooks.request.account_id()}::{name}"
            yield f"No transform named {known} found."


def _transforms(template: Mapping[str, Any]) -> list[str]:
    declared = template.get("Transform")
    entries = declared if isinstance(declared, list) else [declared]
    names = [entry.get("Name") if isinstance(entry, Mapping) else entry for entry in entries]
    return [name for name in names if isinstance(name, str)]


def _faults_of_parameters(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name, definition in parameters.items():
        if not str(name).isalnum():
            yield f"Template format error: Parameter name {name} is non alphanumeric."
        if not isinstance(definition, Mapping) or "Type" not in definition:
            yield "Template format error: Every Parameters object must contain a Type member."
            continue
        if not _PARAMETER_TYPE.fullmatch(str(definition["Type"])):
            yield f"Template format error: Unrecognized parameter type: {definition['Type']}"
        if isinstance(definition.get("Default"), Mapping | list):
            yield "Template format error: Every Default member must be a string."
        if not isinstance(definition.get("AllowedValues", []), list):
            yield "Template format error: Every AllowedValues member must be a list."


def _faults_of_resources(resources: Mapping[str, Any]) -> Iterator[str]:
    for name, definition in resources.items():
        if not str(name).isalnum():
            yield f"Template format error: Resource name {name} is non alphanumeric."
        if not isinstance(definition, Mapping):
            yield f"Template format error: [/Resources/{name}] resource definition is malformed"
            continue
        if "Type" not in definition:
            words = "Every Resources object must contain a Type member."
            yield f"Template format error: [/Resources/{name}] {words}"
        unknown = [str(attribute) for attribute in definition if attribute not in _OF_A_RESOURCE]
        if unknown:
            yield f"Invalid template resource property '{unknown[0]}'"
        for attribute, allowed in _POLICIES.items():
            policy = definition.get(attribute, "Delete")
            if not isinstance(policy, str):
                yield f"Template format error: Every {attribute} member must be a string."
            elif policy not in allowed:
                yield f"Template format error: Unrecognized {attribute} {policy} for resource {name}"
            elif policy == "Snapshot" and definition.get("Type") not in _WITH_SNAPSHOTS:
                kind, words = definition.get("Type"), re.sub(r"(?<!^)(?=[A-Z])", " ", attribute).lower()
                yield f"Template error: resource type {kind} does not support {words} Snapshot"


def _faults_of_outputs(outputs: Mapping[str, Any]) -> Iterator[str]:
    for name, definition in outputs.items():
        if not str(name).isalnum():
            yield f"Template format error: Output name {name} is non alphanumeric."
        if not isinstance(definition, Mapping) or "Value" not in definition:
            yield "Template format error: Every Outputs member must contain a Value object"


# --- functions --------------------------------------------------------------------------------------


def _faults_of_functions(
    value: Any, template: Mapping[str, Any], conditions: Mapping[str, Any], block: str
) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _faults_of_functions(item, template, conditions, block)
    if not isinstance(value, Mapping):
        return
    for name, argument in value.items():
        if len(value) == 1 and isinstance(name, str) and name.startswith("Fn::"):
            if name not in _FUNCTIONS and name not in _ALSO_FUNCTIONS:
                known = f"Supported functions are: [{', '.join(_FUNCTIONS)}]"
                yield f"Template error: Encountered unsupported function: {name} {known}"
                return
            fault = _fault_of_arguments(name, argument, template)
            if fault is not None:
                yield fault
                return  # what is in it, is not known
            if name == "Fn::If" and argument[0] not in conditions:
                unresolved = f"Unresolved condition dependency {argument[0]}"
                yield f"Template format error: {unresolved} in the {block} block of the template"
        yield from _faults_of_functions(argument, template, conditions, block)


def _fault_of_arguments(name: str, argument: Any, template: Mapping[str, Any]) -> str | None:
    items = argument if isinstance(argument, list) else []
    match name:
        case "Fn::Join":
            fine = len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], list | Mapping)
            return None if fine else _JOIN
        case "Fn::Split":
            return None if len(items) == 2 and not isinstance(items[1], list) else _SPLIT
        case "Fn::Select":
            return None if len(items) == 2 else _SELECT
        case "Fn::GetAtt":
            parts = argument.split(".", 1) if isinstance(argument, str) else items
            return None if len(parts) >= 2 and all(parts) else _GET_ATT
        case "Fn::Sub":
            text, *more = items if items else [argument]
            fine = isinstance(text, str) and len(more) < 2 and all(isinstance(own, Mapping) for own in more)
            return None if fine else _SUB
        case "Fn::If":
            return None if len(items) == 3 and isinstance(items[0], str) else _IF
        case "Fn::FindInMap":
            if len(items) < 3:
                return _FIND_IN_MAP
            mapping, known = items[0], template.get("Mappings") or {}
            if isinstance(mapping, str) and mapping not in known and len(items) == 3:
                return (
                    f"Template error: Mapping named '{mapping}' is not present in the 'Mappings' section of"
                    " template."
                )
    return None
