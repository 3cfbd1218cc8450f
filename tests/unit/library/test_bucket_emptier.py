"""Buckets that may go are emptied, and no others."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from clary_constructs import BucketEmptier


@pytest.fixture(scope="module")
def template() -> assertions.Template:
    stack = cdk.Stack()
    code = lambda_.Code.from_inline("def handler(event, context): ...")
    emptier = BucketEmptier(stack, "Emptier", code=code, encryption_key=kms.Key(stack, "Key"))
    emptier.empty(s3.Bucket(stack, "Going"))
    s3.Bucket(stack, "Staying")
    return assertions.Template.from_stack(stack)


def test_the_content_goes_before_its_bucket_and_before_the_right_to_delete_it(
    template: assertions.Template,
) -> None:
    (content,) = template.find_resources("Custom::BucketContent").values()

    assert content["Properties"]["BucketName"]["Ref"].startswith("Going")
    assert any(name.startswith("EmptierPolicy") for name in content["DependsOn"])


def test_may_delete_in_the_buckets_it_is_given_and_no_others(template: assertions.Template) -> None:
    (policy,) = template.find_resources("AWS::IAM::ManagedPolicy").values()
    deleting = [
        statement
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "s3:DeleteObject" in statement["Action"]
    ]

    assert len(deleting) == 1
    assert "Going" in str(deleting[0]["Resource"])
    assert "Staying" not in str(policy)
