"""What replaces what, by AWS's own schemas and through references."""

from __future__ import annotations

from typing import Any

from clary.templates import Action, Template, compare

_DOMAIN = {"AuthMode": "IAM", "DomainName": "clary-dev", "SubnetIds": ["subnet-1"]}


def _template(resources: dict[str, tuple[str, dict[str, Any]]], **parts: Any) -> Template:
    return {
        "Resources": {name: {"Type": kind, "Properties": each} for name, (kind, each) in resources.items()},
        **parts,
    }


def _domain(**changes: Any) -> tuple[str, dict[str, Any]]:
    return "AWS::SageMaker::Domain", _DOMAIN | changes


def _actions(old: dict[str, Template], new: dict[str, Template]) -> dict[str, Action]:
    return {change.logical_id: change.action for change in compare(old, new)}


def test_nothing_changes_between_equal_templates() -> None:
    template = _template({"Domain": _domain()})

    assert compare({"Studio": template}, {"Studio": template}) == []


def test_settings_change_in_place_and_sign_in_does_not() -> None:
    old = {"Studio": _template({"Domain": _domain()})}

    assert _actions(old, {"Studio": _template({"Domain": _domain(SubnetIds=["subnet-2"])})}) == {
        "Domain": Action.UPDATE
    }
    (change,) = compare(old, {"Studio": _template({"Domain": _domain(AuthMode="SSO")})})
    assert (change.action, change.because) == (Action.REPLACE, "AuthMode")


def test_a_property_that_may_replace_counts_as_one_that_does() -> None:
    old, new = _template({"Domain": _domain(VpcId="vpc-1")}), _template({"Domain": _domain(VpcId="vpc-2")})

    assert _actions({"Studio": old}, {"Studio": new}) == {"Domain": Action.REPLACE}


def test_a_property_below_another_replaces_by_itself() -> None:
    def group(**store: Any) -> Template:
        return _template({"Group": ("AWS::SageMaker::FeatureGroup", {"OnlineStoreConfig": store})})

    old = group(EnableOnlineStore=True, TtlDuration={"Value": 1})

    assert _actions({"Data": old}, {"Data": group(EnableOnlineStore=True, TtlDuration={"Value": 2})}) == {
        "Group": Action.UPDATE
    }
    assert _actions({"Data": old}, {"Data": group(EnableOnlineStore=False, TtlDuration={"Value": 1})}) == {
        "Group": Action.REPLACE
    }


def test_another_type_under_the_same_id_is_a_replacement() -> None:
    old = _template({"It": ("AWS::S3::Bucket", {})})
    new = _template({"It": ("AWS::SQS::Queue", {})})

    assert _actions({"Data": old}, {"Data": new}) == {"It": Action.REPLACE}


def test_a_replacement_is_followed_through_references_exports_and_nested_stacks() -> None:
    def templates(cidr: str) -> dict[str, Template]:
        network = _template(
            {"Vpc": ("AWS::EC2::VPC", {"CidrBlock": cidr})},
            Outputs={"Id": {"Value": {"Ref": "Vpc"}, "Export": {"Name": "network:Vpc"}}},
        )
        studio = _template(
            {
                "Domain": _domain(VpcId={"Fn::ImportValue": "network:Vpc"}),
                "Users": (
                    "AWS::CloudFormation::Stack",
                    {"Parameters": {"DomainId": {"Fn::GetAtt": ["Domain", "DomainId"]}}},
                ),
            }
        )
        users = _template(
            {
                "Ada": (
                    "AWS::SageMaker::UserProfile",
                    {"DomainId": {"Ref": "DomainId"}, "UserProfileName": "ada"},
                ),
                "Other": ("AWS::SQS::Queue", {"QueueName": "other"}),
            },
            Parameters={"DomainId": {"Type": "String"}},
        )
        return {"Network": network, "Studio": studio, "Studio/Users": users}

    changes = compare(templates("10.0.0.0/16"), templates("10.1.0.0/16"))

    assert {change.logical_id: change.root for change in changes} == {
        "Vpc": None,
        "Domain": ("Network", "Vpc"),
        "Ada": ("Network", "Vpc"),
    }


def test_a_replacement_is_followed_through_the_output_of_a_nested_stack() -> None:
    def templates(cidr: str) -> dict[str, Template]:
        return {
            "Main": _template(
                {
                    "Inner": ("AWS::CloudFormation::Stack", {}),
                    "Subnet": (
                        "AWS::EC2::Subnet",
                        {"VpcId": {"Fn::GetAtt": ["Inner", "Outputs.Vpc"]}, "CidrBlock": "10.0.0.0/24"},
                    ),
                }
            ),
            "Main/Inner": _template(
                {"Vpc": ("AWS::EC2::VPC", {"CidrBlock": cidr})}, Outputs={"Vpc": {"Value": {"Ref": "Vpc"}}}
            ),
        }

    assert _actions(templates("10.0.0.0/16"), templates("10.1.0.0/16"))["Subnet"] is Action.REPLACE


def test_what_is_mutable_is_not_replaced_with_what_it_refers_to() -> None:
    def template(cidr: str) -> Template:
        return _template(
            {
                "Vpc": ("AWS::EC2::VPC", {"CidrBlock": cidr}),
                "Parameter": ("AWS::SSM::Parameter", {"Type": "String", "Value": {"Ref": "Vpc"}}),
            }
        )

    assert _actions({"A": template("10.0.0.0/16")}, {"A": template("10.1.0.0/16")}) == {"Vpc": Action.REPLACE}


def test_says_whether_what_is_removed_is_kept() -> None:
    kept = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}
    old = {"Resources": {"Kept": kept, "Deleted": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"}}}

    assert {change.logical_id: change.kept for change in compare({"Data": old}, {"Data": {}})} == {
        "Kept": True,
        "Deleted": False,
    }


def test_what_cloudformation_cannot_keep_is_no_change() -> None:
    old = _template({"Role": ("AWS::IAM::Role", {"Description": "caf?"})})
    new = _template({"Role": ("AWS::IAM::Role", {"Description": "café"})})

    assert compare({"Access": old}, {"Access": new}) == []
