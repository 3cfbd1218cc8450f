"""What is checked between people and the rest of an environment file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from clary.environment.part import Complaint, no_such
from clary.environment.people import Member, Space, profile_name, space_name

if TYPE_CHECKING:
    from clary.environment.model import Environment

_LONGEST_NAME = 63
"""Of profiles and spaces: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateSpace.html"""
_LONGEST_ROLE_NAME = 64
_MOST_ROLES = 5000
"""The most that AWS agrees to: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

Path = tuple[str | int, ...]


def members(environment: Environment) -> Iterator[tuple[Path, str, str, Member]]:
    """Everybody: where in the file, and the names of the team and of the member."""
    for team_name, team in environment.teams.items():
        for name, member in team.members.items():
            yield ("teams", team_name, "members", name), team_name, name, member


def instance_types(environment: Environment) -> Iterator[tuple[Path, str]]:
    """What people's spaces run on, and where the file says so."""
    for path, _, _, member in members(environment):
        for place, space in member.private_spaces():
            yield (*path, *_said(place, space, "instance_type")), space.instance_type
    for name, team in environment.teams.items():
        if team.shared_space is not None:
            given = "instance_type" in team.shared_space.model_fields_set
            path = ("teams", name, "shared_space", *(("instance_type",) if given else ()))
            yield path, team.shared_space.instance_type


def complaints(environment: Environment) -> Iterator[Complaint]:
    yield from _spaces(environment)
    yield from _sign_in(environment)
    yield from _roles(environment)
    yield from _images(environment)


def _spaces(environment: Environment) -> Iterator[Complaint]:
    shared = environment.studio.shared_spaces
    for path, team, name, member in members(environment):
        tools = environment.tools(member.persona)
        allowed, shown = tools.instance_types.allowed, tools.applications
        for place, space in member.private_spaces():
            if allowed is not None and space.instance_type not in allowed:
                message = f"the space runs on '{space.instance_type}', which 'personas' does not allow"
                message = f"{message} {member.persona}s, choose one of: {', '.join(allowed)}"
                yield Complaint((*path, *_said(place, space, "instance_type")), message)
            if shown is not None and space.application not in shown and "application" in _given(space):
                message = f"{member.persona}s do not find '{space.application}' in Studio, add it to the"
                message = f"{message} persona's 'applications', or choose one of: {', '.join(shown)}"
                yield Complaint((*path, *place, "application"), message)
            called = space_name(profile_name(team, name), place)
            if len(called) > _LONGEST_NAME:
                message = f"the space would be called '{called}', with {len(called)} characters, SageMaker"
                yield Complaint((*path, *place), f"{message} takes {_LONGEST_NAME}: give a shorter name")
    for team, each in environment.teams.items():
        if each.shared_space is None:
            continue
        at: Path = ("teams", team, "shared_space")
        if each.shared_space.storage_gib > shared.most_storage_gib:
            message = f"{each.shared_space.storage_gib} is more than 'studio.shared_spaces.most_storage_gib'"
            message = f"{message}, {shared.most_storage_gib}, give less or raise that"
            yield Complaint((*at, "storage_gib"), message)
        if environment.studio.authentication == "identity-center":
            message = "belongs to a profile that nobody signs in with, which IAM Identity Center does not"
            yield Complaint(at, f"{message} take: remove it, and let people make shared spaces in Studio")


def _sign_in(environment: Environment) -> Iterator[Complaint]:
    center = environment.studio.authentication == "identity-center"
    first: dict[str, str] = {}
    for path, team, name, member in members(environment):
        profile = profile_name(team, name)
        if member.user_name is None:
            if center:
                message = "signs in with IAM Identity Center, give the 'user_name' that they have there"
                yield Complaint(path, message)
            continue
        if not center:
            message = "is for IAM Identity Center but 'studio.authentication' is 'iam', remove it"
            yield Complaint((*path, "user_name"), message)
        elif member.user_name.lower() in first:
            other = first[member.user_name.lower()]
            message = f"'{member.user_name}' is {other}, too: IAM Identity Center opens one profile for each"
            yield Complaint((*path, "user_name"), f"{message} user, remove one of the two")
        first.setdefault(member.user_name.lower(), profile)
    for team, each in environment.teams.items():
        if each.identity_center_groups and not center:
            message = "is for IAM Identity Center but 'studio.authentication' is 'iam', remove it"
            yield Complaint(("teams", team, "identity_center_groups"), message)


def _roles(environment: Environment) -> Iterator[Complaint]:
    own = [each for each in members(environment) if environment.teams[each[1]].role == "person"]
    for path, team, name, _ in own:
        role = environment.person_role_name(team, name)
        if len(role) > _LONGEST_ROLE_NAME:
            message = f"their role would be called '{role}', with {len(role)} characters, IAM takes"
            yield Complaint(path, f"{message} {_LONGEST_ROLE_NAME}: give a shorter name, or 'role: persona'")
    if len(own) > _MOST_ROLES:
        message = f"{len(own):,} people would have a role each, an account has at most {_MOST_ROLES:,}"
        yield Complaint(("teams", own[0][1], "role"), f"{message}: give 'persona' where it will do")


def _images(environment: Environment) -> Iterator[Complaint]:
    images = environment.studio.images
    for persona, settings in environment.personas.items():
        for index, name in enumerate(settings.tools.images):
            path = ("personas", persona, "tools", "images", index)
            if name not in images:
                yield Complaint(path, no_such("image", name, list(images)))
            elif images[name].for_everybody:
                message = f"'{name}' is everybody's, give it 'for_everybody: false' or remove it here"
                yield Complaint(path, message)


def _given(space: Space) -> set[str]:
    return space.model_fields_set


def _said(place: tuple[str, ...], space: Space, key: str) -> tuple[str, ...]:
    """Where a space's key is in the member's entry, or where it would be if it were."""
    if key in space.model_fields_set:
        return (*place, key)
    return place if len(place) > 1 else ()
