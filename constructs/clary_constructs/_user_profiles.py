"""The people of a Studio domain: ten, or ten thousand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._nested_template import NestedTemplates
from clary_constructs._studio_domain import StudioDomain
from clary_constructs._studio_leavers import StudioLeavers
from clary_constructs._studio_settings import StudioSettings
from clary_constructs._studio_startup import SpaceApplication
from clary_constructs._studio_tools import StudioTools
from clary_constructs._user_template import StudioUser, shard_of, shard_template
from constructs import Construct

_PARAMETER_BYTES = 4096
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
_REFERENCES = 500
"""What a bucket's name and three ARNs are longer than the tokens that stand for them, at most."""


@dataclass(frozen=True)
class UserGroup:
    """Who works as the same role and finds the same in Studio."""

    name: str
    """Letters and digits: it is part of logical ids."""
    execution_role: iam.IRole
    tools: StudioTools = field(default_factory=StudioTools)
    apps_group: str | None = None
    """The id of a security group that their apps are in besides, or a dynamic reference to it."""

    def __post_init__(self) -> None:
        if not (self.name.isascii() and self.name.isalnum()):
            raise ValueError(f"'{self.name}' is no group's name, give letters and digits only")


class UserProfiles(Construct):
    """User profiles in a domain, with their spaces, in up to eight nested stacks.

    Which one somebody is in depends on their name alone: adding or removing one person changes one nested
    template, and nobody else moves. The templates are written as plain data, which takes a twentieth of
    the time of a construct for each person. What CloudFormation holds of people is kept or deleted as the
    domain is.

    CloudFormation takes 2,500 resources in one operation on a stack and all that is nested in it: with a
    space each, about 400 people. More are divided among stacks with `part_of`, each with `UserProfiles`
    of its own; how many cannot change later, because people would move.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain: StudioDomain,
        groups: Sequence[UserGroup],
        users: Sequence[StudioUser],
        settings: StudioSettings,
        leavers: StudioLeavers,
    ) -> None:
        super().__init__(scope, construct_id)
        known = {group.name: group for group in groups}
        for user in users:
            if user.group not in known:
                raise ValueError(f"'{user.name}' is of no group: '{user.group}' is not among {sorted(known)}")
        values = profile_values(self, known, domain, settings, leavers)
        retain = domain.removal_policy != cdk.RemovalPolicy.DESTROY
        shards: dict[int, list[StudioUser]] = {}
        for user in users:
            shards.setdefault(shard_of(user.name), []).append(user)
        self.stacks: list[cdk.CfnStack] = []
        """The nested stacks that there are."""
        templates = NestedTemplates(self)
        for number, people in sorted(shards.items()):
            template = shard_template(people, retain=retain)
            self.stacks.append(templates.add(f"Shard{number}", template, values))
        # a role that is made beside the profiles has its policies first, and so the use of the domain's
        # key: https://github.com/aws/aws-cdk/issues/34818
        roles = [group.execution_role for group in groups]
        images = [image for group in groups for image in group.tools.images]
        self.node.add_dependency(settings.policy, *leavers.rights, *roles, *images)
        if cdk.Stack.of(self) is cdk.Stack.of(domain):
            domain.people.add(*self.stacks)


def profile_values(
    scope: Construct,
    groups: Mapping[str, UserGroup],
    domain: StudioDomain,
    settings: StudioSettings,
    leavers: StudioLeavers,
) -> dict[str, str]:
    """What the templates of people take as parameters (`shard_template`)."""
    found = {
        "DomainId": domain.domain_id,
        "VpcId": domain.vpc.vpc_id,
        "SecurityGroupId": domain.security_group.security_group_id,
        "RestRole": domain.rest_role.role_arn,
        "SettingsFunction": settings.service_token,
        "LeaversFunction": leavers.service_token,
    }
    stack = cdk.Stack.of(scope)
    for name, group in groups.items():
        said = group.tools.user_settings(
            startup=_startup(scope, group.tools, domain, settings),
            images=[*domain.images, *group.tools.images],
        )
        found[f"Role{name}"] = group.execution_role.role_arn
        if group.apps_group is not None:
            found[f"AppsGroup{name}"] = group.apps_group
        # as text: CloudFormation would make text of the numbers within
        parts = {
            "Portal": {key: value for key, value in said.items() if key == "StudioWebPortalSettings"},
            "Settings": {key: value for key, value in said.items() if key != "StudioWebPortalSettings"},
        }
        for part, its in parts.items():
            found[f"{part}{name}"] = stack.to_json_string(its)
            longest = len(json.dumps(its, separators=(",", ":"))) + _REFERENCES
            if longest > _PARAMETER_BYTES:
                raise ValueError(
                    f"what the group {name} finds takes {longest:,} characters to say, CloudFormation hands"
                    f" {_PARAMETER_BYTES:,} to a nested stack: allow more instance types, or fewer images"
                )
    return found


def _startup(
    scope: Construct, tools: StudioTools, domain: StudioDomain, settings: StudioSettings
) -> Mapping[SpaceApplication, str]:
    """People's own configurations, also of the script that the domain has: what a profile names cannot be
    deleted, and whoever has left keeps naming it when the domain is long at another."""
    script = tools.startup or domain.startup
    return {
        "JupyterLab": settings.attach(scope, script, "JupyterLab"),
        "CodeEditor": settings.attach(scope, script, "CodeEditor"),
    }
