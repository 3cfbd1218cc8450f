"""Who comes, who goes and what changes for whom, in words, by what changes in templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clary.environment.membership import members
from clary.environment.model import Environment
from clary.environment.people import Member, profile_name, shared_name
from clary.templates import Action, Change
from clary.wording import count, listed

PROFILE, SPACE = "AWS::SageMaker::UserProfile", "AWS::SageMaker::Space"
_ROLE = "AWS::IAM::Role"
_SENT = ("Custom::StudioSettings", "Custom::StudioLeavers")
_NAMES = {"UserProfileNames", "Left"}
_REST = {"Ref": "RestRole"}
"""What a profile works as in a template when somebody has left."""

Told = tuple[str, list[Change]]


@dataclass
class _Person:
    """What changes of one profile."""

    name: str
    who: str
    team: str
    member: Member | None
    profile: Change | None = None
    spaces: list[Change] = field(default_factory=list)
    others: list[Change] = field(default_factory=list)
    """Their security group and role."""

    @property
    def theirs(self) -> list[Change]:
        return [*([self.profile] if self.profile else []), *self.spaces, *self.others]

    @property
    def persona(self) -> str:
        return "" if self.member is None else str(self.member.persona)


def people(changes: Sequence[Change], environment: Environment) -> Iterator[Told]:
    """A sentence for each person, with the changes that it tells."""
    found = _people(changes, environment)
    for person in found:
        profile = person.profile
        if profile is not None and profile.action is Action.ADD:
            before = None if person.member is None else _former_team(person, changes)
            if before is not None:
                yield f"{person.who} moves from {before}: files do not move with them, copy them first", []
            yield _joins(person), person.theirs
        elif profile is not None and profile.action is Action.REMOVE:
            yield f"{person.name} {_leaves(person)}", person.theirs
        else:
            yield from _changed(person)
    stacks = {change.stack for person in found for change in person.theirs}
    # whom a function is told of, because of those who come and go
    along = [each for each in changes if each.stack in stacks and _about_names(each)]
    if along:
        yield "", along


def renamed_teams(changes: Sequence[Change], environment: Environment) -> Mapping[str, str]:
    """New teams all of whose people were in one team that is no more, each with that one's name."""
    added, removed = (_profiles(changes, action) for action in (Action.ADD, Action.REMOVE))
    found = {}
    for team, each in environment.teams.items():
        if not each.members or not all(profile_name(team, name) in added for name in each.members):
            continue
        former = set.intersection(
            *(
                {old.removesuffix(f"-{name}") for old in removed if old.endswith(f"-{name}")}
                for name in each.members
            )
        )
        former -= {*environment.teams}
        if former:
            found[team] = min(former)
    return found


def refusals(changes: Sequence[Change], environment: Environment) -> Iterator[str]:
    """What would leave everybody with an empty home without anybody having asked for it."""
    for team, former in renamed_teams(changes, environment).items():
        yield (
            f"the team '{former}' would be called '{team}', which is another team to AWS: its people would"
            " get new profiles with empty homes, and new roles, and the old ones would go or stay behind; add"
            f" '{team}' beside '{former}', let people copy their files, then remove '{former}'"
        )
    added, removed = (_profiles(changes, action) for action in (Action.ADD, Action.REMOVE))
    moved = sorted({*added} & {*removed})
    if moved:
        first = moved[0]
        more = f", and so would {len(moved) - 1} others" if len(moved) > 1 else ""
        yield (
            f"the user profile '{first}' would move from {removed[first].stack} to {added[first].stack}"
            f"{more}: it would be made anew, with an empty home; 'own_stacks' cannot change while somebody is"
            " in a team, give it to a team that is new"
        )


def _profiles(changes: Sequence[Change], action: Action) -> dict[str, Change]:
    return {
        str(change.properties["UserProfileName"]): change
        for change in changes
        if change.type == PROFILE and change.action is action
    }


def _people(changes: Sequence[Change], environment: Environment) -> list[_Person]:
    known = {
        profile_name(team, name): _Person(profile_name(team, name), name, team, member)
        for _, team, name, member in members(environment)
    }
    known |= {
        shared_name(team): _Person(shared_name(team), "", team, None)
        for team, each in environment.teams.items()
        if each.shared_space is not None
    }
    found: dict[str, _Person] = {}

    def of(name: str) -> _Person:
        return found.setdefault(name, known.get(name, _Person(name, name, "", None)))

    roles = {environment.person_role_name(each.team, each.who): name for name, each in known.items()}
    stems: dict[str, str] = {}
    for change in changes:
        if change.type == PROFILE:
            name = str(change.properties["UserProfileName"])
            of(name).profile = change
            stems[change.logical_id.removeprefix("Profile")] = name
    for change in changes:
        if change.type == SPACE:
            of(str(change.properties.get("OwnershipSettings", {}).get("OwnerUserProfileName"))).spaces.append(
                change
            )
        elif change.type == _ROLE and change.properties.get("RoleName") in roles:
            of(roles[change.properties["RoleName"]]).others.append(change)
        elif change.type.startswith(("AWS::EC2::SecurityGroup", _ROLE)):
            stem = next((stem for stem in stems if change.logical_id.endswith(stem)), None)
            if stem is not None:
                of(stems[stem]).others.append(change)
    return list(found.values())


def _joins(person: _Person) -> str:
    made = f"{_what(person, 'a')} {'is' if not person.spaces else 'are'} made"
    if person.name == shared_name(person.team):
        return f"the team {person.team} gets a shared space"
    if person.member is not None and person.member.left:
        return f"{person.who} has left {person.team} already: {made}, without rights"
    return f"{person.who} joins {person.team} as {person.persona}: {made}"


def _leaves(person: _Person) -> str:
    assert person.profile is not None
    what, verb = _what(person, "the"), "are" if person.spaces else "is"
    if person.profile.kept:
        return (
            f"leaves the file: {what} {verb} kept outside of the stacks and without rights, because data is"
            f" retained, and the name is taken; with 'left: true' in the file they could come back"
        )
    if not person.spaces:
        return f"leaves: {what} {verb} deleted, and with it the way to its files"
    return f"leaves: {what} {verb} deleted, with {'its disk' if len(person.spaces) == 1 else 'their disks'}"


def _what(person: _Person, article: str) -> str:
    profile = f"{article} profile"
    if not person.spaces:
        return profile
    if len(person.spaces) == 1:
        return f"{profile} and {article} private space"
    the = "the " if article == "the" else ""
    return f"{profile} and {the}{count(len(person.spaces), 'private space')}"


def _former_team(person: _Person, changes: Sequence[Change]) -> str | None:
    """Whoever leaves one team and joins another at once."""
    for name in _profiles(changes, Action.REMOVE):
        former = name.removesuffix(f"-{person.who}")
        if former not in (name, person.team):
            return former
    return None


def _changed(person: _Person) -> Iterator[Told]:
    name, profile = person.name, person.profile
    if profile is not None:
        old, new = (_role(each) for each in (profile.old, profile.new))
        if profile.action is Action.REPLACE:
            yield f"the profile {name} would be replaced ({profile.because} cannot change)", [profile]
        elif old != new and new == _REST:
            stays = "its disk" if person.member is None or person.member.space else "its home"
            yield (
                f"{name} has left: the profile stays with {stays}, without rights, and what runs is stopped",
                [profile, *person.others],
            )
        elif old != new and old == _REST:
            sentence = f"{name} is back as {person.persona}: the profile gets its rights again, in place"
            yield sentence, [profile, *person.others]
        elif old != new and person.persona:
            sentence = f"{name} is a {person.persona} from now on: the profile gets another role, in place"
            yield sentence, [profile, *person.others]
        else:
            yield f"the profile {name} gets other {listed(profile.changed)}, in place", [profile]
    else:
        for role in person.others:
            if role.type == _ROLE and role.changed == ("ManagedPolicyArns",):
                yield (
                    f"{name} is a {person.persona} from now on: their role gets other rights, in place",
                    [role],
                )
    for space in person.spaces:
        called = "the private space" if space.properties["SpaceName"] == name else "the space"
        named = name if called == "the private space" else str(space.properties["SpaceName"])
        if space.action is Action.ADD:
            yield f"{name} gets a private space{'' if named == name else f', {named}'}", [space]
        elif space.action is Action.REMOVE:
            fate = "is kept, because data is retained" if space.kept else "is deleted, with its disk"
            yield f"{called} {'of ' if named == name else ''}{named} {fate}", [space]
        elif space.action is Action.REPLACE:
            yield f"the space {named} would be replaced ({space.because} cannot change)", [space]
        else:
            yield f"the space of {named} gets {_space_settings(space)}, in place", [space]


def _role(profile: Mapping[str, Any]) -> object:
    return profile.get("Properties", {}).get("UserSettings", {}).get("ExecutionRole")


def _about_names(change: Change) -> bool:
    """Whether it says no more than whom a function is told of."""
    if change.type not in _SENT:
        return False
    return change.action is not Action.UPDATE or {*change.changed} <= _NAMES


def _space_settings(space: Change) -> str:
    def said(resource: Mapping[str, Any]) -> dict[str, str]:
        settings = resource.get("Properties", {}).get("SpaceSettings", {})
        disk = settings.get("SpaceStorageSettings", {}).get("EbsStorageSettings", {}).get("EbsVolumeSizeInGb")
        application = settings.get(f"{settings.get('AppType', 'JupyterLab')}AppSettings", {})
        instance_type = application.get("DefaultResourceSpec", {}).get("InstanceType")
        return {"a disk": f"{disk} GiB", "an instance": str(instance_type)}

    old, new = said(space.old), said(space.new)
    changed = [f"{what} of {new[what]} (was {old[what]})" for what in new if new[what] != old[what]]
    return " and ".join(changed) or "other settings"
