"""AWS's schemas, read: coercion, what they refuse and in which words, what identifies a resource."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.cloudformation.schema import UnknownTypeError, resource_type, type_names, value_at
from local_aws.cloudformation.validation import Validator

SCHEMA: dict[str, Any] = {
    "definitions": {"Size": {"type": "integer", "minimum": 1, "maximum": 9}},
    "type": "object",
    "properties": {
        "Name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4},
        "Size": {"$ref": "#/definitions/Size"},
        "Ratio": {"type": "number"},
        "On": {"type": "boolean"},
        "Kind": {"type": "string", "enum": ["A", "B"]},
        "Items": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
        "Free": {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}},
        "Either": {"type": "object", "oneOf": [{"required": ["Left"]}, {"required": ["Right"]}]},
    },
    "required": ["Name"],
    "additionalProperties": False,
}


def problems(**properties: Any) -> list[str]:
    return [str(finding) for finding in Validator(SCHEMA).findings({"Name": "abc", **properties})]


def test_properties_that_keep_it_are_let_through() -> None:
    assert (
        problems(Size=3, Ratio=0.5, On=True, Kind="A", Items=["a"], Free={"x-a": 1}, Either={"Left": 1}) == []
    )


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Name": "a"}, "#/Name: expected minLength: 2, actual: 1"),
        ({"Name": "abcde"}, "#/Name: expected maxLength: 4, actual: 5"),
        ({"Name": "ABC"}, "#/Name: failed validation constraint for keyword [pattern]"),
        ({"Size": 0}, "#/Size: failed validation constraint for keyword [minimum]"),
        ({"Size": 10}, "#/Size: failed validation constraint for keyword [maximum]"),
        ({"Size": "three"}, "#/Size: expected type: Integer, found: String"),
        ({"Kind": "C"}, "#/Kind: C is not a valid enum value. Supported values: [A, B]"),
        ({"Items": []}, "#/Items: expected minimum item count: 1, found: 0"),
        ({"Items": ["a", "a"]}, "#/Items: array items are not unique"),
        ({"Items": [{}]}, "#/Items/0: expected type: String, found: JSONObject"),
        ({"Free": {"x-a": "text"}}, "#/Free/x-a: expected type: Integer, found: String"),
        ({"Other": 1}, "#: extraneous key [Other] is not permitted"),
        ({"Either": {"Left": 1, "Right": 2}}, "#/Either: #: 2 subschemas matched instead of one"),
        ({"Either": {}}, "#/Either: #: no subschema matched out of the total 2 subschemas"),
    ],
)
def test_says_what_is_wrong_and_where(properties: dict[str, Any], expected: str) -> None:
    assert expected in problems(**properties)


def test_names_what_is_missing() -> None:
    assert [str(finding) for finding in Validator(SCHEMA).findings({})] == [
        "#: required key [Name] not found"
    ]


def test_tells_everything_at_once() -> None:
    assert len(problems(Size=0, Kind="C", Other=1)) == 3


@pytest.mark.parametrize(
    ("written", "passed_on"),
    [
        ({"Size": "3"}, {"Size": 3}),
        ({"Ratio": "0.5"}, {"Ratio": 0.5}),
        ({"On": "True"}, {"On": True}),
        ({"Name": 12}, {"Name": "12"}),
        ({"Name": True}, {"Name": "true"}),
        ({"Items": [1, 2]}, {"Items": ["1", "2"]}),
        ({"Free": {"x-a": "1"}}, {"Free": {"x-a": 1}}),
        ({"Size": "three"}, {"Size": "three"}),
    ],
)
def test_coerces_what_templates_may_write_in_another_type(
    written: dict[str, Any], passed_on: dict[str, Any]
) -> None:
    assert Validator(SCHEMA).coerce(written) == passed_on


def test_a_pattern_that_is_none_refuses_nothing() -> None:
    assert Validator({"type": "string", "pattern": "["}).findings("anything") == []


def test_branches_that_differ_by_a_foreign_identifier_may_both_match() -> None:
    schema = {"oneOf": [{"format": "AWS::KMS::Key.Arn"}, {"format": "AWS::KMS::Key.Id"}]}

    assert Validator(schema).findings("anything") == []


class TestResourceType:
    def test_knows_what_identifies_names_and_tags_a_resource(self) -> None:
        profile = resource_type("AWS::SageMaker::UserProfile")

        assert profile.primary_identifier == ["UserProfileName", "DomainId"]
        assert profile.name_property == "UserProfileName"
        assert profile.tag_property == ("Tags", "list")
        assert ("DomainId",) in profile.create_only
        assert ("UserProfileArn",) in profile.read_only

    def test_knows_nested_properties(self) -> None:
        bucket = resource_type("AWS::S3::Bucket")

        assert bucket.definition(("VersioningConfiguration", "Status"))["enum"] == ["Enabled", "Suspended"]

    def test_is_there_for_every_type_of_aws(self) -> None:
        names = set(type_names())

        assert len(names) > 1500
        assert {"AWS::SageMaker::Endpoint", "AWS::S3::Bucket", "AWS::WAFv2::WebACLAssociation"} <= names

    def test_refuses_one_that_does_not_exist(self) -> None:
        with pytest.raises(UnknownTypeError, match="no resource type 'AWS::No::Such'"):
            resource_type("AWS::No::Such")


def test_a_pointer_leads_into_lists_and_past_what_is_missing() -> None:
    properties = {"Rules": [{"Name": "a"}, {}], "Deep": {"Value": 0}}

    assert value_at(properties, ("Deep", "Value")) == 0
    assert value_at(properties, ("Rules", "*", "Name")) == ["a", None]
    assert value_at(properties, ("Nowhere", "Value")) is None
