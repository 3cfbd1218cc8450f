"""What is refused of a template's form, in CloudFormation's words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from local_aws.cloudformation.template import (
    check,
    check_emulated,
    check_parameters,
    check_values_of_before,
    parsed,
)
from local_aws.errors import ServiceError

QUEUE = {"Type": "AWS::SQS::Queue"}


def template(resources: Any = None, **sections: Any) -> dict[str, Any]:
    return {"Resources": {"A": QUEUE} if resources is None else resources, **sections}


def queue(name: Any) -> dict[str, Any]:
    return template({"A": {**QUEUE, "Properties": {"QueueName": name}}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"Resources": ', "Template format error: JSON not well-formed. (line 1, column 14)"),
        ("Resources:\n  A: [b", "Template format error: YAML not well-formed. (line 2, column 8)"),
        ("Resources:\n\tA: b", "Template format error: YAML not well-formed. (line 2, column 1)"),
        ("hello", "Template format error: unsupported structure."),
        ("[1]", "Template format error: unsupported structure."),
    ],
)
def test_says_where_a_text_is_no_template(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        parsed(text)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, "Template format error: At least one Resources member must be defined."),
        (template({}), "Template format error: At least one Resources member must be defined."),
        (
            template(AWSTemplateFormatVersion="2011-01-01"),
            "Template format error: unsupported value for AWSTemplateFormatVersion.",
        ),
        (template(outputs={}, Foo=1), "Invalid template property or properties [outputs, Foo]"),
        (template(Transform=["Mine"]), "No transform named 000000000000::Mine found."),
        (template({"A": None}), "Template format error: [/Resources/A] resource definition is malformed"),
        (template({"A": "b"}), "Template format error: [/Resources/A] resource definition is malformed"),
        (
            queue([{"a": None}]),
            "[/Resources/A/Properties/QueueName/0/a] 'null' values are not allowed in templates",
        ),
        (template(Outputs=None), "[/Outputs] 'null' values are not allowed in templates"),
        (template({"A-1": QUEUE}), "Template format error: Resource name A-1 is non alphanumeric."),
        (
            template({"A": {"Properties": {}}}),
            "Template format error: [/Resources/A] Every Resources object must contain a Type member.",
        ),
        (template({"A": {**QUEUE, "QueueName": "a"}}), "Invalid template resource property 'QueueName'"),
        (
            template({"A": {**QUEUE, "DeletionPolicy": "Keep"}}),
            "Template format error: Unrecognized DeletionPolicy Keep for resource A",
        ),
        (
            template({"A": {**QUEUE, "UpdateReplacePolicy": "RetainExceptOnCreate"}}),
            "Template format error: Unrecognized UpdateReplacePolicy RetainExceptOnCreate for resource A",
        ),
        (
            template({"A": {**QUEUE, "DeletionPolicy": "Snapshot"}}),
            "Template error: resource type AWS::SQS::Queue does not support deletion policy Snapshot",
        ),
        (
            template(Parameters={"P": {"Default": "a"}}),
            "Template format error: Every Parameters object must contain a Type member.",
        ),
        (
            template(Parameters={"P": {"Type": "Boolean"}}),
            "Template format error: Unrecognized parameter type: Boolean",
        ),
        (
            template(Parameters={"P": {"Type": "String", "AllowedValues": "a b"}}),
            "Template format error: Every AllowedValues member must be a list.",
        ),
        (
            template(Outputs={"O": {"Description": "a"}}),
            "Template format error: Every Outputs member must contain a Value object",
        ),
        (
            template(Conditions={"C": {"Fn::Equals": [{"Ref": "A"}, "b"]}}),
            "Template format error: Unresolved dependencies [A]. Cannot reference resources in the Conditions"
            " block of the template",
        ),
        (
            queue({"Fn::If": ["No", "a", "b"]}),
            "Template format error: Unresolved condition dependency No in the Resources block of the"
            " template",
        ),
        (
            queue({"Fn::FindInMap": ["M", "a", "b"]}),
            "Template error: Mapping named 'M' is not present in the 'Mappings' section of template.",
        ),
    ],
)
def test_refuses_what_has_not_the_form_of_a_template(written: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        check(written)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            {"Fn::Upper": "a"},
            "Template error: Encountered unsupported function: Fn::Upper Supported functions",
        ),
        ({"Fn::Join": [",", "a"]}, "Template error: every Fn::Join object requires two parameters"),
        ({"Fn::Join": ["a"]}, "Template error: every Fn::Join object requires two parameters"),
        ({"Fn::Split": ["a"]}, "Template error: every Fn::Split object requires two parameters"),
        ({"Fn::Select": "0"}, "Template error: Fn::Select requires a list argument"),
        ({"Fn::GetAtt": "A"}, "Template error: every Fn::GetAtt object requires two non-empty parameters"),
        ({"Fn::FindInMap": ["M"]}, "Template error: every Fn::FindInMap object requires three parameters"),
        (
            {"Fn::Sub": ["a", "b"]},
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected",
        ),
        ({"Fn::If": ["C", "a"]}, "Template error: Fn::If requires a list argument with three elements"),
    ],
)
def test_refuses_functions_without_their_arguments(call: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}"):
        check(queue({"Fn::Base64": call}))


def test_takes_what_a_template_may_have() -> None:
    resource = {
        **QUEUE,
        "DependsOn": ["B"],
        "Metadata": {"a": {"Fn::Whatever": 1}},
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "QueueName": {"Fn::Join": ["-", {"Fn::GetAZs": ""}]},
            "KmsMasterKeyId": {"Fn::Select": [0, {"Fn::Split": [",", {"Fn::Sub": ["${x}", {"x": "a,b"}]}]}]},
            "Tags": [{"Key": "a", "Value": {"Fn::If": ["C", {"Ref": "AWS::NoValue"}, "b"]}}],
        },
    }
    volume = {
        "Type": "AWS::EC2::Volume",
        "DeletionPolicy": "Snapshot",
        "CreationPolicy": {},
        "UpdatePolicy": {},
    }
    check(
        template(
            {"A": resource, "B": volume},
            AWSTemplateFormatVersion="2010-09-09",
            Description="a",
            Metadata={},
            Mappings={"M": {"a": {"b": "c"}}},
            Rules={},
            Conditions={"C": {"Fn::Equals": [{"Ref": "P"}, {"Ref": "AWS::Region"}]}},
            Parameters={
                "P": {"Type": "List<AWS::EC2::Subnet::Id>"},
                "Q": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "a"},
                "R": {"Type": "Number", "Default": 1, "AllowedValues": [1, 2]},
            },
            Outputs={"O": {"Value": {"Fn::GetAtt": "A.Arn"}, "Export": {"Name": {"Fn::Sub": "${A}"}}}},
        )
    )


@pytest.mark.parametrize(
    ("given", "anew", "expected"),
    [
        ({"P": True, "X": True, "Y": True}, True, "Parameters: [X, Y] do not exist in the template"),
        ({}, True, "Parameters: [P, R] must have values"),
        ({"P": True, "R": False}, True, "Parameters: [R] must have values"),
        ({"R": False}, False, "Parameters: [P] must have values"),
    ],
)
def test_asks_for_the_parameters_of_a_template_and_no_others(
    given: dict[str, bool], anew: bool, expected: str
) -> None:
    declared = {"P": {"Type": "String"}, "Q": {"Type": "String", "Default": ""}, "R": {"Type": "String"}}

    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        check_parameters(template(Parameters=declared), given, anew=anew)

    check_parameters(template(Parameters=declared), {"P": True, "R": True}, anew=True)
    check_parameters(template(Parameters=declared), {"P": True, "R": False}, anew=False)


def test_a_parameter_that_is_new_has_no_value_to_keep() -> None:
    check_values_of_before({"P": False, "Q": True}, ["P"])

    with pytest.raises(
        ValueError, match=r"key Q\. Cannot specify usePreviousValue as true for a parameter key"
    ):
        check_values_of_before({"P": False, "Q": False}, ["P"])


def test_says_which_transform_is_not_emulated() -> None:
    check_emulated(template(Transform=["AWS::LanguageExtensions", {"Name": "AWS::Include"}]))

    with pytest.raises(ServiceError, match=r"^the transform AWS::Serverless-2016-10-31, on AWS only"):
        check_emulated(template(Transform="AWS::Serverless-2016-10-31"))


def test_takes_no_parameters_for_a_template_without_any() -> None:
    with pytest.raises(
        ValueError, match=r"^Parameter values specified for a template which does not require them\.$"
    ):
        check_parameters(template(), {"P": True}, anew=True)
