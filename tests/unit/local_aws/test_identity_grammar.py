"""What IAM refuses to take for a policy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.identity.grammar import fault, trust_fault

GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
SYNTAX = "Syntax errors in policy."


def _document(statement: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement], **more})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"Sid": "One", "Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": "a"}}}, None),
        ({"Resource": ["arn:aws:s3:::bucket/*", "arn:aws:iam::*:role/x"]}, None),
        ({"Effect": "allow"}, SYNTAX),
        ({"Actions": "s3:*"}, SYNTAX),
        ({"NotAction": "s3:*"}, SYNTAX),
        ({"Condition": {"StringEqual": {"a:b": "c"}}}, SYNTAX),
        ({"Condition": {"ForSomeValues:StringEquals": {"a:b": "c"}}}, SYNTAX),
        ({"Resource": {"Ref": "Bucket"}}, SYNTAX),
        (
            {"Action": "GetObject"},
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        ({"Action": "s3:Get:Object"}, "Actions/Condition can contain only one colon."),
        ({"Action": []}, "Policy statement must contain actions."),
        ({"Resource": "bucket/*"}, 'Resource bucket/* must be in ARN format or "*".'),
        ({"Resource": []}, "Policy statement must contain resources."),
        ({"Principal": "*"}, "Policy document should not specify a principal."),
    ],
)
def test_identity_policies_have_aws_form(changes: dict[str, Any], said: str | None) -> None:
    assert fault(_document({**GOOD, **changes})) == said


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"Statement": []}',
        _document(GOOD, Version="2026-01-01"),
        _document(GOOD, Extra=1),
    ],
)
def test_what_is_no_document_has_syntax_errors(document: str) -> None:
    assert fault(document) == SYNTAX


def test_statement_names_are_used_once() -> None:
    twice = {"Version": "2012-10-17", "Statement": [{**GOOD, "Sid": "A"}, {**GOOD, "Sid": "A"}]}

    assert fault(twice) == "Statement IDs (SID) in a single policy must be unique."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"Principal": {"AWS": ["123456789012", "arn:aws:iam::123456789012:role/x"]}}, None),
        ({"Action": ["sts:AssumeRole", "sts:TagSession"]}, None),
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Principal": {"AWS": "somebody"}}, 'Invalid principal in policy: "AWS":"somebody"'),
        ({"Principal": {"Services": "x"}}, 'Invalid principal in policy: "Services":"x"'),
    ],
)
def test_trust_policies_are_about_principals_and_sts(changes: dict[str, Any], said: str | None) -> None:
    assert trust_fault(_document({**TRUST, **changes})) == said


def test_a_trust_policy_names_somebody() -> None:
    assert trust_fault(_document({"Effect": "Allow", "Action": "sts:AssumeRole"})) == (
        "Missing required field Principal"
    )
