"""What counts as changed by hand, and what as AWS's own additions or another's property."""

from __future__ import annotations

from typing import Any

import pytest

from clary.drift import (
    Deployed,
    Kind,
    differing,
    matches,
    merged,
    resource_drift,
    sent_settings,
    unknown_profile,
)

_NOTHING = Deployed({}, {})
_KNOWN = Deployed(
    {},
    {},
    exports={"data:Bucket": "clary-data"},
    pseudo={"AWS::AccountId": "111122223333", "AWS::Partition": "aws"},
)
_BUCKET = {
    "Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::", {"Fn::ImportValue": "data:Bucket"}]]
}


def _said(wanted: dict[str, Any], live: dict[str, Any]) -> list[str]:
    return [finding.message for finding in differing("it", wanted, live, _NOTHING)]


def test_what_aws_adds_of_itself_is_no_drift() -> None:
    assert _said({"A": {"B": 1}}, {"A": {"B": 1, "C": 2}, "D": 3}) == []


def test_says_which_setting_is_what_and_should_be_what() -> None:
    assert _said({"A": {"B": "on"}}, {"A": {"B": "off"}}) == ['A.B is "off" and not "on"']


def test_what_is_gone_is_drift() -> None:
    assert _said({"A": {"B": "on"}}, {}) == ['A.B is null and not "on"']


def test_an_empty_list_and_none_are_the_same() -> None:
    assert _said({"A": []}, {}) == []


def test_one_more_in_a_list_is_drift_and_another_order_is_not() -> None:
    assert _said({"A": ["x", "y"]}, {"A": ["y", "x"]}) == []
    assert _said({"A": ["x"]}, {"A": ["x", "y"]}) == ['A is ["x", "y"] and not ["x"]']


@pytest.mark.parametrize(("wanted", "live"), [("5", 5), (5, 5), ("true", True), (["one"], "one")])
def test_writes_that_mean_the_same_are_the_same(wanted: Any, live: Any) -> None:
    assert matches(wanted, live, _NOTHING)


def test_references_that_are_known_are_compared_by_their_value() -> None:
    assert matches(_BUCKET, "arn:aws:s3:::clary-data", _KNOWN)
    assert not matches(_BUCKET, "arn:aws:s3:::somebody-elses", _KNOWN)


def test_what_became_of_an_unknown_reference_may_be_anything_but_everything() -> None:
    role = {"Fn::GetAtt": ["Role", "Arn"]}

    assert matches(role, "arn:aws:iam::111122223333:role/it", _NOTHING)
    assert not matches(role, "*", _NOTHING)


def test_a_dynamic_reference_is_one_thing_and_not_all() -> None:
    group = "arn:aws:ec2:eu-west-1:111122223333:security-group/"

    assert matches(f"{group}{{{{resolve:ssm:/clary/dev/network/group}}}}", f"{group}sg-1", _NOTHING)
    assert not matches(f"{group}{{{{resolve:ssm:/clary/dev/network/group}}}}", f"{group}*", _NOTHING)


def test_a_statement_that_allows_more_does_not_match() -> None:
    wanted = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": _BUCKET}]}
    live = {
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::clary-data"}]
    }
    more = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}

    assert matches(wanted, live, _KNOWN)
    assert not matches(wanted, {"Statement": [*live["Statement"], more]}, _KNOWN)
    assert not matches(wanted, {"Statement": [more]}, _KNOWN)


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({}, Kind.DRIFT),
        ({"clary:owner": "environment-file"}, Kind.DRIFT),
        ({"clary:owner": "catalog"}, Kind.NOTE),
        ({"aws:servicecatalog:provisionedProductArn": "arn:of:product"}, Kind.NOTE),
    ],
)
def test_tells_whose_a_profile_is_by_its_tags(tags: dict[str, str], kind: Kind) -> None:
    assert unknown_profile("guest", tags).kind is kind


def test_settings_of_two_updates_grow_together() -> None:
    first = {"ExecutionRole": "role", "Portal": {"Hidden": ["a"], "Landing": "studio"}}

    assert merged(first, {"Portal": {"Hidden": []}}) == {
        "ExecutionRole": "role",
        "Portal": {"Hidden": [], "Landing": "studio"},
    }


def test_reads_what_was_sent_to_whom_from_the_template() -> None:
    sent = {
        "Type": "Custom::StudioSettings",
        "Properties": {"UserProfileNames": ["a", "b"], "UserSettings": ['{"Portal": {}}', '{"Lab": 1}']},
    }

    found = sent_settings(Deployed({"Studio": {"Resources": {"Sent": sent}}}, {}))

    assert found == {"a": {"Portal": {}, "Lab": 1}, "b": {"Portal": {}, "Lab": 1}}


def test_says_in_words_what_cloudformation_detected() -> None:
    difference = {
        "PropertyPath": "/VersioningConfiguration/Status",
        "ExpectedValue": "Enabled",
        "ActualValue": "No",
    }
    found = {
        "ResourceType": "AWS::S3::Bucket",
        "LogicalResourceId": "Data",
        "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [difference],
    }

    finding = resource_drift("clary-dev-data", found)

    assert finding.subject == "clary-dev-data: Bucket Data"
    assert finding.message == "VersioningConfiguration.Status is No and not Enabled"
