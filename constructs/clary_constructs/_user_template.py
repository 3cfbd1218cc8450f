"""User profiles and spaces as plain CloudFormation: what one construct each would take minutes for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clary_constructs._studio_startup import SpaceApplication

SHARDS = 8
"""How many templates the people of one `UserProfiles` are divided among. Another number would move them
from one nested stack to another: they would be deleted and made anew."""

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateUserProfile.html"""
_NOTHING_OUT = {
    "CidrIp": "127.0.0.1/32",
    "Description": "Nothing by default",
    "IpProtocol": "-1",
}
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html"""
_APP_PORTS = {"IpProtocol": "tcp", "FromPort": 8192, "ToPort": 65535, "Description": "Apps of one user"}

Template = dict[str, Any]


@dataclass(frozen=True)
class StudioSpace:
    """A space of somebody's, with a disk of its own."""

    name: str
    application: SpaceApplication = "JupyterLab"
    instance_type: str = "ml.t3.medium"
    storage_gib: int = 5
    shared: bool = False
    """Whether everybody of the domain may be let in; by default, its owner only."""


@dataclass(frozen=True)
class StudioUser:
    """Somebody's profile in a domain, in a security group of their own.

    The apps of one user speak to each other on ports 8192 to 65535. A group for each user keeps them
    from speaking to those of others:
    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-and-internet-access.html
    """

    name: str
    group: str
    """Which group they are of: who is of one works as the same role, and finds the same."""
    spaces: Sequence[StudioSpace] = ()
    single_sign_on_name: str | None = None
    """Their user name in IAM Identity Center, where the domain is opened with it."""
    own_role: str | None = None
    """The path and name of a role of their own in the account. By default, they share their group's."""
    left: bool = False
    """Whether they have left: their profile and spaces stay, without rights and with nothing running."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """On their profile, their spaces and all that runs there. They should not change: some versions of
    CloudFormation's types replace a profile then, and with it a home directory."""
    in_apps_group: bool = False
    """Whether their apps are in the security group that their group has besides."""
    stem: str | None = None
    """What the logical ids of their resources end with, where their name is a token. By default, the name."""

    def __post_init__(self) -> None:
        for name in (self.name, *(space.name for space in self.spaces)):
            if self.stem is None and _NAME.fullmatch(name) is None:
                raise ValueError(
                    f"'{name}' is no name of a profile or a space, give at most 63 letters and digits,"
                    " with hyphens between them"
                )


def shard_of(name: str) -> int:
    """Which template somebody is in: it depends on nothing but their name, so that nobody moves."""
    return _digest(name) % SHARDS


def part_of(name: str, parts: int) -> int:
    """Which of several `UserProfiles` somebody is in. It is independent of the shard."""
    return _digest(name) // SHARDS % parts


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


def stem(name: str) -> str:
    """What the logical ids of somebody's resources end with."""
    words = "".join(word.capitalize() for word in name.split("-") if word)
    return f"{words}{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def _stem(user: StudioUser) -> str:
    return stem(user.name) if user.stem is None else user.stem


def shard_template(users: Iterable[StudioUser], *, retain: bool) -> Template:
    """The template of a nested stack: who is in it, what they are sent, and what happens when they leave.

    Its parameters are what it cannot know: `DomainId`, `VpcId`, `SecurityGroupId`, `RestRole`,
    `SettingsFunction`, `LeaversFunction`, and of each group `Role…`, `Portal…`, `Settings…` and, where its
    apps are in a security group besides, `AppsGroup…`.
    """
    people = sorted(users, key=lambda user: user.name)
    resources: dict[str, Any] = {}
    parameters = {"DomainId", "VpcId", "SecurityGroupId", "RestRole", "LeaversFunction"}
    groups: dict[str, list[StudioUser]] = {}
    for user in people:
        if user.left:
            role: dict[str, Any] = {"Ref": "RestRole"}
        elif user.own_role is not None:
            account = [{"Ref": "AWS::Partition"}, "iam", "", {"Ref": "AWS::AccountId"}]
            role = {"Fn::Join": [":", ["arn", *account, f"role{user.own_role}"]]}
        else:
            role = {"Ref": f"Role{user.group}"}
            parameters.add(f"Role{user.group}")
        parameters |= {f"AppsGroup{user.group}"} if user.in_apps_group else set()
        _add(resources, _user(user, role, retain))
        if not user.left:
            groups.setdefault(user.group, []).append(user)
    for group, of_group in sorted(groups.items()):
        parameters |= {"SettingsFunction", f"Portal{group}", f"Settings{group}"}
        _add(resources, [(f"Sent{group}", _settings(group, of_group))])
    _add(resources, [("Leavers", _leavers(people, resources, retain))])
    return {
        "Parameters": {name: {"Type": "String"} for name in sorted(parameters)},
        "Resources": resources,
    }


def _add(resources: dict[str, Any], more: Iterable[tuple[str, Any]]) -> None:
    for logical_id, resource in more:
        if logical_id in resources:
            raise ValueError(f"two are called '{logical_id}' in the template, names are one to a user")
        resources[logical_id] = resource


def _user(user: StudioUser, role: Mapping[str, Any], retain: bool) -> Iterator[tuple[str, Any]]:
    end = _stem(user)
    apps, profile = f"Apps{end}", f"Profile{end}"
    group_id = {"Fn::GetAtt": [apps, "GroupId"]}
    yield (
        apps,
        _kept(
            retain,
            "AWS::EC2::SecurityGroup",
            {
                "GroupDescription": f"Studio apps of {user.name if user.stem is None else 'one person'}",
                "SecurityGroupEgress": [_NOTHING_OUT],
                "VpcId": {"Ref": "VpcId"},
                **_tags(user),
            },
        ),
    )
    for way, other in (("Ingress", "Source"), ("Egress", "Destination")):
        rule = {**_APP_PORTS, "GroupId": group_id, f"{other}SecurityGroupId": group_id}
        yield f"{way}{end}", {"Type": f"AWS::EC2::SecurityGroup{way}", "Properties": rule}
    security_groups = [{"Ref": "SecurityGroupId"}, group_id]
    if user.in_apps_group:
        security_groups.append({"Ref": f"AppsGroup{user.group}"})
    properties: dict[str, Any] = {
        "DomainId": {"Ref": "DomainId"},
        "UserProfileName": user.name,
        "UserSettings": {"ExecutionRole": role, "SecurityGroups": security_groups},
        **_tags(user),
    }
    if user.single_sign_on_name is not None:
        properties["SingleSignOnUserIdentifier"] = "UserName"
        properties["SingleSignOnUserValue"] = user.single_sign_on_name
    yield profile, _kept(retain, "AWS::SageMaker::UserProfile", properties)
    for space in user.spaces:
        more = _pascal(space.name.removeprefix(user.name))
        yield (
            f"Space{more}{end}",
            {**_kept(retain, "AWS::SageMaker::Space", _space(space, user)), "DependsOn": [profile]},
        )


def _space(space: StudioSpace, user: StudioUser) -> dict[str, Any]:
    runs_on = {"DefaultResourceSpec": {"InstanceType": space.instance_type}}
    disk = {"EbsStorageSettings": {"EbsVolumeSizeInGb": space.storage_gib}}
    return {
        "DomainId": {"Ref": "DomainId"},
        "SpaceName": space.name,
        "OwnershipSettings": {"OwnerUserProfileName": user.name},
        "SpaceSharingSettings": {"SharingType": "Shared" if space.shared else "Private"},
        "SpaceSettings": {
            "AppType": space.application,
            f"{space.application}AppSettings": runs_on,
            "SpaceStorageSettings": disk,
        },
        **_tags(user),
    }


def _tags(user: StudioUser) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in user.tags.items()]} if user.tags else {}


def _settings(group: str, users: Sequence[StudioUser]) -> dict[str, Any]:
    return {
        "Type": "Custom::StudioSettings",
        "Properties": {
            "ServiceToken": {"Ref": "SettingsFunction"},
            "DomainId": {"Ref": "DomainId"},
            "UserProfileNames": [user.name for user in users],
            # two, because CloudFormation hands over 4,096 characters at a time
            "UserSettings": [{"Ref": f"Portal{group}"}, {"Ref": f"Settings{group}"}],
        },
        "DependsOn": [f"Profile{_stem(user)}" for user in users],
    }


def _leavers(users: Sequence[StudioUser], resources: Mapping[str, Any], retain: bool) -> dict[str, Any]:
    """Deleted before all of them; updated before whoever is not in it any more is deleted."""
    return {
        "Type": "Custom::StudioLeavers",
        "Properties": {
            "ServiceToken": {"Ref": "LeaversFunction"},
            "ServiceTimeout": "3600",
            "DomainId": {"Ref": "DomainId"},
            "UserProfileNames": [user.name for user in users if not user.left],
            "Left": [user.name for user in users if user.left],
            "Work": "stays" if retain else "goes",
            "RestRole": {"Ref": "RestRole"},
        },
        "DependsOn": sorted(
            logical_id
            for logical_id, resource in resources.items()
            if resource["Type"] in ("AWS::SageMaker::Space", "AWS::SageMaker::UserProfile")
        ),
    }


def _kept(retain: bool, type_name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    policy = "Retain" if retain else "Delete"
    return {
        "Type": type_name,
        "Properties": dict(properties),
        "DeletionPolicy": policy,
        "UpdateReplacePolicy": policy,
    }


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-") if word)
