"""What is refused of a template before anything is made, and where its address leads."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.cloudformation.admission import Refused, check_template, with_bucket_in_path

QUEUE = {"Type": "AWS::SQS::Queue"}


def queue(**properties: Any) -> dict[str, Any]:
    return {**QUEUE, "Properties": properties}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (
            {"A": queue(QueueName={"Ref": "B"})},
            r"Unresolved resource dependencies \[B\] in the Resources block",
        ),
        ({"A": {**QUEUE, "DependsOn": ["B", "C"]}}, r"Unresolved resource dependencies \[B, C\]"),
        ({"A": queue(QueueName={"Fn::Sub": "${B}-a"})}, r"Unresolved resource dependencies \[B\]"),
        (
            {"A": queue(QueueName={"Fn::Sub": "${B.Arn}"})},
            "instance of Fn::GetAtt references undefined resource B",
        ),
        (
            {"A": queue(QueueName={"Fn::GetAtt": "B.Arn"})},
            "instance of Fn::GetAtt references undefined resource B",
        ),
        ({"A": {**QUEUE, "Condition": "No"}}, "Unresolved condition dependency No in the Resources block"),
        (
            {"A": queue(QueueName={"Ref": "B"}), "B": queue(QueueName={"Fn::Sub": "${A}"})},
            r"Circular dependency between resources: \[A, B\]",
        ),
        ({"A": {**QUEUE, "DependsOn": "A"}}, r"Circular dependency between resources: \[A\]"),
    ],
)
def test_refuses_what_refers_to_nothing_or_in_a_circle(resources: dict[str, Any], expected: str) -> None:
    with pytest.raises(Refused, match=expected):
        check_template({"Resources": resources}, {})


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "AWS::Region"},
        {"Ref": "Stage"},
        {"Fn::Sub": "${AWS::StackName}-${!Literal}-${Stage}"},
        {"Fn::Sub": ["${Own}", {"Own": {"Ref": "Stage"}}]},
        {"Fn::If": ["Never", {"Ref": "Absent"}, "else"]},
    ],
)
def test_lets_through_what_can_be_resolved(value: object) -> None:
    template = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"A": queue(QueueName=value), "Absent": {**QUEUE, "Condition": "Never"}},
    }

    check_template(template, {"Never": False})


def test_refuses_a_reference_to_what_a_condition_leaves_out() -> None:
    template = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"A": QUEUE, "Absent": {**QUEUE, "Condition": "Never"}},
        "Outputs": {"It": {"Value": {"Ref": "Absent"}}},
    }

    with pytest.raises(Refused, match=r"Unresolved resource dependencies \[Absent\] in the Outputs block"):
        check_template(template, {"Never": False})


def test_asks_nothing_of_a_template_that_a_macro_will_change() -> None:
    resources = {"A": queue(QueueName={"Ref": "B"})}

    check_template({"Transform": "AWS::LanguageExtensions", "Resources": resources}, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://mine.s3.amazonaws.com/a/b.json", "https://s3.amazonaws.com/mine/a/b.json"),
        ("https://my.dotted.s3.eu-west-1.amazonaws.com/b", "https://s3.eu-west-1.amazonaws.com/my.dotted/b"),
        ("https://mine.s3-us-west-2.amazonaws.com/b", "https://s3-us-west-2.amazonaws.com/mine/b"),
        ("https://s3.us-east-1.amazonaws.com/mine/b", "https://s3.us-east-1.amazonaws.com/mine/b"),
        ("http://127.0.0.1:4566/mine/b", "http://127.0.0.1:4566/mine/b"),
    ],
)
def test_finds_a_bucket_in_a_hosts_name(url: str, expected: str) -> None:
    assert with_bucket_in_path(url) == expected
