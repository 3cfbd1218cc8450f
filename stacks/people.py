"""The people of an environment, in the stacks that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk

from clary.environment.model import Environment
from clary.environment.people import Member, people_unit, profile_name, shared_name, space_name
from clary.environment.studio import Tools
from clary_constructs import (
    StudioDomain,
    StudioImage,
    StudioLeavers,
    StudioSettings,
    StudioSpace,
    StudioUser,
    UserGroup,
    UserProfiles,
    part_of,
)
from constructs import Construct
from stacks import studio_tools
from stacks.access import AccessStack
from stacks.clusters import group_of_apps
from stacks.data import DataStack
from stacks.naming import pascal

_TEAM = "Teams"
"""The group of those profiles that own the teams' shared spaces, and may do nothing else."""


@dataclass(frozen=True)
class Studio:
    """What everybody's profile hangs on."""

    domain: StudioDomain
    settings: StudioSettings
    leavers: StudioLeavers
    images: Mapping[str, StudioImage]
    """All that there are, by name."""

    @property
    def shared_values(self) -> Sequence[str]:
        """What is written into people's templates."""
        return [
            self.domain.domain_id,
            self.domain.rest_role.role_arn,
            self.settings.service_token,
            self.leavers.service_token,
        ]


class PeopleStack(cdk.Stack):
    """Some of the people of a team that is too large for the environment's own stack."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        users: Sequence[StudioUser],
        studio: Studio,
        data: DataStack,
        access: AccessStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.add_stack_dependency(access, "profiles name their roles")
        add_people(self, environment, users, studio=studio, data=data, access=access)
        # a stack has at least one resource, and this one stays when its last member leaves
        cdk.CfnWaitConditionHandle(self, "Nobody")


def people_of(environment: Environment) -> Mapping[str, Sequence[StudioUser]]:
    """Everybody, by the unit of deployment that holds them: `studio`, or one of a team's own."""
    found: dict[str, list[StudioUser]] = {unit: [] for unit in ("studio", *environment.people_units)}
    for name, team in environment.teams.items():
        for user in _users(environment, name):
            unit = "studio"
            if team.own_stacks:
                unit = people_unit(name, part_of(user.name, team.own_stacks) + 1)
            found[unit].append(user)
    return found


def add_people(
    stack: cdk.Stack,
    environment: Environment,
    users: Sequence[StudioUser],
    *,
    studio: Studio,
    data: DataStack,
    access: AccessStack,
) -> UserProfiles:
    """Profiles and spaces for `users`: those of one persona of a team work as one role, and find the same."""
    wanted = {user.group for user in users}
    groups = [
        user_group(environment, team, persona, studio=studio, data=data, access=access)
        for team, persona in access.persona_roles
    ]
    nobody = studio_tools.tools_of(Tools(), team="", environment=environment, data=data, images=studio.images)
    groups.append(UserGroup(_TEAM, execution_role=studio.domain.rest_role, tools=nobody))
    return UserProfiles(
        stack,
        "People",
        domain=studio.domain,
        groups=[group for group in groups if group.name in wanted],
        users=users,
        settings=studio.settings,
        leavers=studio.leavers,
    )


def user_group(
    environment: Environment,
    team: str,
    persona: str,
    *,
    studio: Studio,
    data: DataStack,
    access: AccessStack,
) -> UserGroup:
    """What those of one persona of a team have in common."""
    return UserGroup(
        _group(team, persona),
        execution_role=access.persona_roles[team, persona],
        tools=studio_tools.tools_of(
            environment.tools(persona), team=team, environment=environment, data=data, images=studio.images
        ),
        apps_group=group_of_apps(environment, team, persona),
    )


def _users(environment: Environment, team: str) -> Iterator[StudioUser]:
    said = environment.teams[team]
    for name, member in said.members.items():
        yield _user(environment, team, name, member)
    if said.shared_space is not None:
        name = shared_name(team)
        space = StudioSpace(
            name,
            instance_type=said.shared_space.instance_type,
            storage_gib=said.shared_space.storage_gib,
            shared=True,
        )
        yield StudioUser(name, _TEAM, spaces=[space], tags=environment.cost_tags(team))


def _user(environment: Environment, team: str, name: str, member: Member) -> StudioUser:
    profile = profile_name(team, name)
    return StudioUser(
        profile,
        _group(team, member.persona),
        spaces=[
            StudioSpace(
                space_name(profile, place),
                application=studio_tools.SPACE_APPLICATIONS[space.application],
                instance_type=space.instance_type,
                storage_gib=space.storage_gib,
            )
            for place, space in member.private_spaces()
        ],
        single_sign_on_name=member.user_name,
        own_role=(
            f"{environment.role_path}{environment.person_role_name(team, name)}"
            if environment.teams[team].role == "person"
            else None
        ),
        left=member.left,
        tags=environment.cost_tags(team),
        in_apps_group=not member.left and group_of_apps(environment, team, member.persona) is not None,
    )


def _group(team: str, persona: str) -> str:
    return f"{pascal(team)}{pascal(persona)}"
