"""Somebody of a Studio domain whose name is known when they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk

from clary_constructs._catalog_product import LaunchRight
from clary_constructs._shared_value import SharedValue
from clary_constructs._user_template import StudioUser, shard_template
from constructs import Construct


class StudioPerson(Construct):
    """One person, as `UserProfiles` has many: a profile, spaces, settings, and seeing them off.

    It is for a stack that is launched by itself, with the person's name as a parameter: `values` are what
    `shard_template` takes as parameters. The name stays: a stack that is given another one fails, because
    it would make another profile with an empty home.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        user: StudioUser,
        values: Mapping[str, str],
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        template = shard_template([user], retain=retain)
        for logical_id, said in template["Resources"].items():
            properties = _filled(said["Properties"], values)
            if said["Type"] == "Custom::StudioLeavers":
                properties["OneName"] = "stays"
            resource = cdk.CfnResource(self, logical_id, type=said["Type"], properties=properties)
            resource.override_logical_id(logical_id)
            for attribute in ("DeletionPolicy", "UpdateReplacePolicy", "DependsOn"):
                if attribute in said:
                    resource.add_override(attribute, said[attribute])


def person_rights(
    scope: Construct, values: Mapping[str, SharedValue], *, group: str, names: str, spaces: bool
) -> Sequence[LaunchRight]:
    """What launching a `StudioPerson` takes. All profiles are called `names`, which has a wildcard."""
    stack, domain = cdk.Stack.of(scope), values["DomainId"].value

    def named(kind: str) -> str:
        return stack.format_arn(
            service="sagemaker",
            resource=kind,
            resource_name=f"{domain}/{names}",
            arn_format=cdk.ArnFormat.SLASH_RESOURCE_NAME,
        )

    groups = stack.format_arn(service="ec2", resource="security-group", resource_name="*")
    vpc = stack.format_arn(service="ec2", resource="vpc", resource_name=values["VpcId"].value)
    theirs = "the names of people, who choose them, all begin so"
    unnamed = "EC2 makes up the ids of security groups; the VPC is named"
    return [
        LaunchRight(
            "makes, changes and removes the profile",
            [
                "sagemaker:AddTags",
                "sagemaker:CreateUserProfile",
                "sagemaker:DeleteTags",
                "sagemaker:DeleteUserProfile",
                "sagemaker:DescribeUserProfile",
                "sagemaker:ListTags",
                "sagemaker:UpdateUserProfile",
            ],
            [named("user-profile")],
            wildcard_because=theirs,
        ),
        *([_space_right(named("space"), theirs)] if spaces else []),
        LaunchRight(
            "gives the profile the role of its persona",
            ["iam:PassRole"],
            [values[f"Role{group}"].value],
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        LaunchRight(
            "makes a security group for the person's apps",
            ["ec2:CreateSecurityGroup"],
            [vpc, groups],
            wildcard_because=unnamed,
        ),
        LaunchRight(
            "tags the group as it is made",
            ["ec2:CreateTags"],
            [groups],
            {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup"}},
            "EC2 makes up the ids of security groups; only what is being made is tagged",
        ),
        LaunchRight(
            "lets the apps speak to each other, and removes the group",
            [
                "ec2:AuthorizeSecurityGroupEgress",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:DeleteSecurityGroup",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupIngress",
            ],
            [groups],
            {"ArnEquals": {"ec2:Vpc": vpc}},
            unnamed,
        ),
        LaunchRight(
            "looks at security groups",
            ["ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups"],
            ["*"],
            wildcard_because="EC2's describe operations take no resource",
        ),
        LaunchRight(
            "sends the settings, and sees the person off",
            ["lambda:InvokeFunction"],
            [values["SettingsFunction"].value, values["LeaversFunction"].value],
        ),
    ]


def _space_right(resource: str, because: str) -> LaunchRight:
    return LaunchRight(
        "makes, changes and removes the space",
        [
            "sagemaker:AddTags",
            "sagemaker:CreateSpace",
            "sagemaker:DeleteSpace",
            "sagemaker:DeleteTags",
            "sagemaker:DescribeSpace",
            "sagemaker:ListTags",
            "sagemaker:UpdateSpace",
        ],
        [resource],
        wildcard_because=because,
    )


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        if len(value) == 1 and value.get("Ref") in values:
            return values[value["Ref"]]
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    return value
