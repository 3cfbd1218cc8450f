"""What an edit of an environment's file does, in words and before it is done, and what is refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.outputs import STACKS, pascal, stack_states
from clary.target import Target
from clary.templates import NESTED, Action, Change, Key, Template, Templates, compare

_PROFILE, _SPACE = "AWS::SageMaker::UserProfile", "AWS::SageMaker::Space"
_MODEL, _CONFIG, _ENDPOINT = (f"AWS::SageMaker::{each}" for each in ("Model", "EndpointConfig", "Endpoint"))

_BESIDE = (
    "give the environment another name and deploy it beside this one, move what is needed, destroy this one"
)
PROTECTED: Mapping[str, tuple[str, str, str]] = {
    "AWS::SageMaker::Domain": ("the Studio domain", "every home directory would be lost", _BESIDE),
    _PROFILE: (
        "a user profile",
        "the home directory would be lost",
        "add the person under another name, let them move their files, then remove the old name",
    ),
    _SPACE: (
        "a space",
        "its disk would be lost",
        "add the person under another name, let them move their files, then remove the old name",
    ),
    "AWS::S3::Bucket": (
        "a bucket",
        "its objects would stay behind in the old one, or be deleted",
        _BESIDE,
    ),
    "AWS::KMS::Key": (
        "a key",
        "what it has encrypted could not be read any more once it is deleted",
        _BESIDE,
    ),
    "AWS::SageMaker::FeatureGroup": (
        "a feature group",
        "its features would be lost",
        "make a feature group of another name and fill it anew; adding features needs no other one",
    ),
    "AWS::ECR::Repository": (
        "an image repository",
        "its images would stay behind in the old one, or be deleted",
        "add a repository of another name and push the images there",
    ),
    "AWS::EC2::VPC": (
        "the VPC",
        "everything lies in it, the Studio domain too, which cannot move",
        _BESIDE,
    ),
}
"""What is never replaced: as what it is told, what would be lost, and the way round."""

NEVER_REMOVED = {"AWS::SageMaker::Domain", "AWS::KMS::Key", "AWS::EC2::VPC"}
"""No edit of a file asks for their removal while the environment stays: something else was meant."""

_GONE = {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}
"""A stack in one of these has nothing that counts: CDK makes it anew."""


@dataclass(frozen=True)
class Difference:
    changes: Sequence[Change]
    sentences: Sequence[str]
    refusals: Sequence[str] = field(default=())

    @property
    def new_profiles(self) -> list[str]:
        return [
            str(change.properties["UserProfileName"])
            for change in self.changes
            if change.type == _PROFILE and change.action is Action.ADD
        ]

    def as_data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "sentences": list(self.sentences),
            "refusals": list(self.refusals),
            "changes": [
                {
                    "stack": change.stack,
                    "logical_id": change.logical_id,
                    "type": change.type,
                    "action": change.action.value,
                    "properties": list(change.changed),
                    "because": change.because,
                }
                for change in self.changes
            ],
        }


def difference(old: Templates, new: Templates, environment: Environment) -> Difference:
    """`environment` is the one that the new templates are of."""
    changes = [
        change for change in compare(old, new) if change.type != NESTED or change.action is Action.REPLACE
    ]
    return Difference(changes, list(_sentences(changes, old, new, environment)), list(_refusals(changes)))


def check_replacements(target: Target, assembly: Path) -> Difference:
    """What deploying the assembly does; raises ClaryError when it would replace what must not be."""
    found = difference(deployed(target), synthesised(assembly), target.environment)
    if found.refusals:
        raise ClaryError("this would lose data, nothing was changed:\n" + "\n".join(found.refusals))
    return found


# ------------------------------------------------------------------------------------ templates


def deployed(target: Target) -> dict[str, Template]:
    """The templates of the environment's stacks, as CloudFormation has them."""
    cloudformation = target.client("cloudformation")
    found: dict[str, Template] = {}
    for unit, status in stack_states(target).items():
        if status is not None and status not in _GONE:
            _add_deployed(cloudformation, pascal(unit), target.environment.stack_name(unit), found)
    return found


def _add_deployed(cloudformation: Any, stack: str, name: str, found: dict[str, Template]) -> None:
    body = cloudformation.get_template(StackName=name)["TemplateBody"]
    found[stack] = json.loads(body) if isinstance(body, str) else body
    nested = [key for key, each in found[stack].get("Resources", {}).items() if each["Type"] == NESTED]
    if not nested:
        return
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
        for resource in page["StackResourceSummaries"]:
            if resource["LogicalResourceId"] in nested and "PhysicalResourceId" in resource:
                child = f"{stack}/{resource['LogicalResourceId']}"
                _add_deployed(cloudformation, child, resource["PhysicalResourceId"], found)


def synthesised(assembly: Path) -> dict[str, Template]:
    """The templates of an assembly, with those of nested stacks, which are assets of it."""
    found: dict[str, Template] = {}
    for unit in map(pascal, STACKS):
        path = assembly / f"{unit}.template.json"
        if path.is_file():
            _add_synthesised(assembly, unit, path, found)
    return found


def _add_synthesised(assembly: Path, stack: str, path: Path, found: dict[str, Template]) -> None:
    found[stack] = json.loads(path.read_text())
    for logical_id, resource in found[stack].get("Resources", {}).items():
        if resource["Type"] == NESTED:
            asset = assembly / resource["Metadata"]["aws:asset:path"]
            _add_synthesised(assembly, f"{stack}/{logical_id}", asset, found)


# ------------------------------------------------------------------------------------ refusals


def _refusals(changes: Sequence[Change]) -> Iterator[str]:
    """One for each cause: what is replaced along with it is told with it."""
    by_key = {change.key: change for change in changes}
    along: dict[Key, list[Change]] = {}
    for change in changes:
        if change.type in PROTECTED and change.action is Action.REPLACE:
            along.setdefault(change.root or change.key, []).append(change)
    for key, lost in along.items():
        cause = by_key[key]
        first, *others = sorted(lost, key=lambda change: change is not cause)
        what, loss, way = PROTECTED[first.type]
        reason = f"{cause.because} cannot change in place"
        if first is not cause:
            reason = f"{cause.logical_id} is replaced, for its {cause.because} cannot change in place"
        with_it = f"; so would {_kinds(others)}" if others else ""
        yield f"{what} {_called(first)} would be replaced: {reason}, and {loss}{with_it}; {way}"
    for change in changes:
        if change.action is Action.REMOVE and change.type in NEVER_REMOVED:
            what, loss, way = PROTECTED[change.type]
            yield f"{what} {_called(change)} would be removed: {loss}; {way}"


def _kinds(changes: Sequence[Change]) -> str:
    """`the Studio domain and 2 user profiles`."""
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.type] = counts.get(change.type, 0) + 1
    return _listed(
        [
            PROTECTED[type_][0] if count == 1 else _count(count, _kind(type_))
            for type_, count in counts.items()
        ]
    )


def _called(change: Change) -> str:
    """Its own name where the template has one, and where to find it in any case."""
    properties = change.old.get("Properties", {})
    names = (value for key, value in properties.items() if key.endswith("Name") and isinstance(value, str))
    name = next(names, None)
    where = f"{change.stack}/{change.logical_id}"
    return f"'{name}' ({where})" if name else f"({where})"


# ------------------------------------------------------------------------------------ words


def _sentences(
    changes: Sequence[Change], old: Templates, new: Templates, environment: Environment
) -> Iterator[str]:
    told: set[Key] = set()
    for stack in new:
        if stack not in old and "/" not in stack:
            count = sum(1 for change in changes if change.stack.split("/")[0] == stack)
            name = environment.stack_name(stack.lower())
            yield f"the stack {name} is made, with {_count(count, 'resource')}"
            told |= {c.key for c in changes if c.stack.split("/")[0] == stack}
    for stack in old:
        if stack not in new and "/" not in stack:
            why = "" if environment.models else ": the file has no models any more"
            yield f"the stack {environment.stack_name(stack.lower())} is deleted{why}"
            told |= {c.key for c in changes if c.stack.split("/")[0] == stack}
    rest = [change for change in changes if change.key not in told and change.root is None]
    people = list(_people(rest, environment))
    models = list(_models(rest, environment))
    for sentence, explained in [*people, *models]:
        yield sentence
        told |= {change.key for change in explained}
    along = Counter(change.root for change in changes if change.root is not None)
    yield from _others([change for change in rest if change.key not in told], along)


_Told = tuple[str, list[Change]]


def _people(changes: Sequence[Change], environment: Environment) -> Iterator[_Told]:
    members = {
        f"{team}-{member}": (member, team, str(entry.persona))
        for team, each in environment.teams.items()
        for member, entry in each.members.items()
    }
    profiles = {
        str(change.properties["UserProfileName"]): change for change in changes if change.type == _PROFILE
    }
    spaces: dict[str, list[Change]] = {}
    for change in changes:
        if change.type == _SPACE:
            owner = change.properties.get("OwnershipSettings", {}).get("OwnerUserProfileName")
            spaces.setdefault(str(owner), []).append(change)
    stems = {name: re.sub(r"Profile[0-9A-F]{8}$", "", each.logical_id) for name, each in profiles.items()}
    for name in dict.fromkeys([*profiles, *spaces]):
        profile, own = profiles.get(name), spaces.get(name, [])
        theirs = [*([profile] if profile else []), *own]
        who, team, persona = members.get(name, (name, "", ""))
        if profile is not None and profile.action in (Action.ADD, Action.REMOVE):
            theirs += [
                change
                for change in changes
                if change.action is profile.action and _stem(change.logical_id, stems) == name
            ]
        if profile is not None and profile.action is Action.ADD:
            before = _former_team(who, team, profiles)
            if before is not None:
                yield f"{who} moves from {before}: files do not move with them, copy them first", []
            made = "a profile is made" if not own else "a profile and a private space are made"
            yield f"{who} joins {team} as {persona}: {made}", theirs
        elif profile is not None and profile.action is Action.REMOVE:
            what = "the profile" if not own else "the profile and the private space"
            verb = "are" if own else "is"
            fate = (
                f"{verb} kept, because data is retained: delete {'them' if own else 'it'} by hand"
                if profile.kept
                else (
                    f"{verb} deleted, and with it the way to its files"
                    if not own
                    else f"{verb} deleted, with its disk"
                )
            )
            yield f"{name} leaves: {what} {fate}", theirs
        else:
            yield from _person_changed(name, profile, own, persona)


def _former_team(who: str, team: str, profiles: Mapping[str, Change]) -> str | None:
    """Whoever leaves one team and joins another at once, as everybody does whose team is renamed."""
    for name, change in profiles.items():
        former = name.removesuffix(f"-{who}")
        if change.action is Action.REMOVE and former not in (name, team):
            return former
    return None


def _stem(logical_id: str, stems: Mapping[str, str]) -> str | None:
    """Whose resource it is: the longest beginning decides, `Ada` is not `AdaMarie`."""
    fitting = [name for name, stem in stems.items() if logical_id.startswith(stem)]
    return max(fitting, key=lambda name: len(stems[name]), default=None)


def _person_changed(
    name: str, profile: Change | None, spaces: Sequence[Change], persona: str
) -> Iterator[_Told]:
    if profile is not None:
        if profile.action is Action.REPLACE:
            yield f"the profile {name} would be replaced ({profile.because} cannot change)", [profile]
        else:
            old, new = (
                each.get("Properties", {}).get("UserSettings", {}).get("ExecutionRole")
                for each in (profile.old, profile.new)
            )
            if old != new and persona:
                yield f"{name} is a {persona} from now on: the profile gets another role, in place", [profile]
            else:
                yield f"the profile {name} gets other {_listed(profile.changed)}, in place", [profile]
    for space in spaces:
        if space.action is Action.ADD:
            yield f"{name} gets a private space", [space]
        elif space.action is Action.REMOVE:
            fate = "is kept, because data is retained" if space.kept else "is deleted, with its disk"
            yield f"the private space of {name} {fate}", [space]
        elif space.action is Action.REPLACE:
            yield f"the space of {name} would be replaced ({space.because} cannot change)", [space]
        else:
            yield f"the space of {name} gets {_space_settings(space)}, in place", [space]


def _space_settings(space: Change) -> str:
    def said(resource: Mapping[str, Any]) -> dict[str, str]:
        settings = resource.get("Properties", {}).get("SpaceSettings", {})
        disk = settings.get("SpaceStorageSettings", {}).get("EbsStorageSettings", {}).get("EbsVolumeSizeInGb")
        spec = settings.get("JupyterLabAppSettings", {}).get("DefaultResourceSpec", {}).get("InstanceType")
        return {"a disk": f"{disk} GiB", "an instance": str(spec)}

    old, new = said(space.old), said(space.new)
    changed = [f"{what} of {new[what]} (was {old[what]})" for what in new if new[what] != old[what]]
    return " and ".join(changed) or "other settings"


def _models(changes: Sequence[Change], environment: Environment) -> Iterator[_Told]:
    serving = [
        change
        for change in changes
        if change.type in (_MODEL, _CONFIG, _ENDPOINT) and change.changed != ("Tags",)
    ]
    prefix = f"clary-{environment.name}-"
    by_model: dict[str, list[Change]] = {}
    endpoints = {
        str(change.properties["EndpointName"]): change for change in serving if change.type == _ENDPOINT
    }
    for change in serving:
        keys = {_MODEL: "ModelName", _CONFIG: "EndpointConfigName", _ENDPOINT: "EndpointName"}
        name = str(change.properties.get(keys[change.type], change.logical_id))
        fitting = [endpoint for endpoint in endpoints if name == endpoint or name.startswith(f"{endpoint}-")]
        by_model.setdefault(max(fitting, key=len, default=name), []).append(change)
    for endpoint, parts in by_model.items():
        name, itself = endpoint.removeprefix(prefix), endpoints.get(endpoint)
        if itself is not None and itself.action is Action.ADD:
            yield f"the model {name} comes into service: the endpoint {endpoint} is made", parts
        elif itself is not None and itself.action is Action.REMOVE:
            yield f"the model {name} goes out of service: the endpoint {endpoint} is deleted", parts
        elif itself is not None and itself.action is Action.REPLACE:
            yield f"the endpoint {endpoint} is replaced ({itself.because}): it is away meanwhile", parts
        else:
            made = [
                word
                for type_, word in ((_MODEL, "model"), (_CONFIG, "configuration"))
                if any(part.type == type_ and part.action is Action.REPLACE for part in parts)
            ]
            what = " and ".join(sorted(_model_news(parts))) or "other settings"
            consequences = [f"a new {' and '.join(made)}"] if made else []
            if itself is not None:
                consequences.append("the endpoint is updated in place")
            yield f"the model {name} gets {what}: {', '.join(consequences) or 'in place'}", parts


def _model_news(parts: Sequence[Change]) -> Iterator[str]:
    said = {"Image": "a new image", "ModelDataUrl": "a new artifact", "Environment": "other variables"}
    for part in parts:
        old, new = part.old.get("Properties", {}), part.new.get("Properties", {})
        if part.type == _MODEL:
            before, after = old.get("PrimaryContainer", {}), new.get("PrimaryContainer", {})
            yield from (words for key, words in said.items() if before.get(key) != after.get(key))
        elif part.type == _CONFIG:
            before, after = _fleet(old), _fleet(new)
            if before != after:
                yield f"{after} (was {before})"


def _fleet(config: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{variant.get('InitialInstanceCount', '?')} of {variant.get('InstanceType', 'serverless')}"
        for variant in config.get("ProductionVariants", [])
    )


def _others(changes: Sequence[Change], along: Mapping[Key, int]) -> Iterator[str]:
    """All that has no sentence of its own: what is replaced one by one, the rest by its kind."""
    for change in changes:
        if change.action is Action.REPLACE:
            verb = "would be" if change.type in PROTECTED else "is"
            what = f"{change.stack}: the {_kind(change.type)} {change.logical_id}"
            more = along.get(change.key, 0)
            with_it = f", and with it {_count(more, 'resource')} made with its id" if more else ""
            yield f"{what} {verb} replaced ({change.because} cannot change in place){with_it}"
    groups: dict[tuple[Action, bool, str, str, tuple[str, ...]], list[str]] = {}
    for change in changes:
        if change.action is Action.REPLACE:
            continue
        tags = change.action is Action.UPDATE and change.changed == ("Tags",)
        key = (
            change.action,
            change.kept,
            "" if tags else change.stack,
            "" if tags else change.type,
            change.changed,
        )
        groups.setdefault(key, []).append(change.logical_id)
    for (action, kept, stack, type_, changed), ids in groups.items():
        if not type_:
            yield f"{_count(len(ids), 'resource')} {'gets' if len(ids) == 1 else 'get'} other tags, in place"
            continue
        one = len(ids) == 1
        what = f"{stack}: {f'the {_kind(type_)} {ids[0]}' if one else _count(len(ids), _kind(type_))}"
        are = "is" if one else "are"
        if action is Action.ADD:
            yield f"{what} {are} made"
        elif action is Action.REMOVE:
            stay = "stays" if one else "stay"
            yield f"{what} {f'{stay}, outside of the stack' if kept else f'{are} deleted'}"
        else:
            yield f"{what} {are} updated in place ({_listed(changed)})"


def _kind(type_name: str) -> str:
    """`AWS::EC2::SecurityGroup` as `security group`, abbreviations as they are."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z]|\b|\d)|[A-Z][a-z0-9]*", type_name.rsplit("::", 1)[-1])
    return " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return (
        f"{number} {noun[:-1]}ies"
        if noun.endswith("y")
        else f"{number} {noun}{'' if noun.endswith('s') else 's'}"
    )
