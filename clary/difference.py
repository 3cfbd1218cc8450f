"""What an edit of an environment's file does, in words and before it is done, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clary.environment.catalog import CATALOG, OWNER_TAG
from clary.environment.model import Environment
from clary.environment.people import construct_id
from clary.errors import ClaryError
from clary.feature_evolution import GROUP
from clary.feature_evolution import refusals as refusals_of_features
from clary.feature_evolution import sentences as sentences_of_features
from clary.outputs import STACKS, stack_outputs, stack_states
from clary.personnel import PROFILE, SPACE, Told, people
from clary.personnel import refusals as refusals_of_people
from clary.target import Target
from clary.templates import NESTED, Action, Change, Key, Template, Templates, compare
from clary.wording import count, kind_of, listed

_MODEL, _CONFIG, _ENDPOINT = (f"AWS::SageMaker::{each}" for each in ("Model", "EndpointConfig", "Endpoint"))

_BESIDE = (
    "give the environment another name and deploy it beside this one, move what is needed, destroy this one"
)
PROTECTED: Mapping[str, tuple[str, str, str]] = {
    "AWS::SageMaker::Domain": ("the Studio domain", "every home directory would be lost", _BESIDE),
    PROFILE: (
        "a user profile",
        "the home directory would be lost",
        "add the person under another name, let them move their files, then remove the old name",
    ),
    SPACE: (
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

_PEOPLE = "People-*-*.template.json"
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
            if change.type == PROFILE and change.action is Action.ADD
        ]

    @property
    def new_feature_groups(self) -> list[str]:
        return [
            str(change.properties["FeatureGroupName"])
            for change in self.changes
            if change.type == GROUP and change.action is Action.ADD
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
    return Difference(
        changes,
        list(_sentences(changes, old, new, environment)),
        [
            *_refusals(changes),
            *refusals_of_features(changes),
            *refusals_of_people(changes, environment),
        ],
    )


def check_replacements(target: Target, assembly: Path) -> Difference:
    """What deploying the assembly does; raises ClaryError when it would replace what must not be."""
    found = difference(deployed(target), synthesised(assembly), target.environment)
    if found.refusals:
        raise ClaryError("this would lose data, nothing was changed:\n" + "\n".join(found.refusals))
    _check_names(target, found.new_profiles)
    check_feature_groups(target, found.new_feature_groups)
    return found


def _check_names(target: Target, profiles: Sequence[str]) -> None:
    """Raises ClaryError when a profile is there already that CloudFormation would make."""
    domain_id = stack_outputs(target, "studio").get("DomainId")
    if domain_id is None or not profiles:
        return
    pages = target.client("sagemaker").get_paginator("list_user_profiles").paginate(DomainIdEquals=domain_id)
    there = {each["UserProfileName"] for page in pages for each in page["UserProfiles"]}
    taken = sorted(there.intersection(profiles))
    if taken and _owner(target, domain_id, taken[0]) == CATALOG:
        raise ClaryError(
            f"Studio has a user profile '{taken[0]}' already, nothing was changed: somebody launched it from"
            " Service Catalog; let them terminate it first (and delete what is kept then, docs/people.md says"
            " how), or take another name"
        )
    if taken:
        raise ClaryError(
            f"Studio has a user profile '{taken[0]}' already, which is in no stack, nothing was changed: it"
            " was kept when somebody left the file, or made by hand; delete it and its spaces to free the"
            " name (docs/people.md says how), or take another one"
        )


def _owner(target: Target, domain_id: str, profile: str) -> str | None:
    sagemaker = target.client("sagemaker")
    arn = sagemaker.describe_user_profile(DomainId=domain_id, UserProfileName=profile)["UserProfileArn"]
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    return tags.get(OWNER_TAG)


def check_feature_groups(target: Target, names: Sequence[str]) -> None:
    """Raises ClaryError when a feature group is there already that CloudFormation would make."""
    if not names:
        return
    pages = target.client("sagemaker").get_paginator("list_feature_groups").paginate()
    there = {each["FeatureGroupName"] for page in pages for each in page["FeatureGroupSummaries"]}
    taken = sorted(there.intersection(names))
    if taken:
        raise ClaryError(
            f"SageMaker has a feature group '{taken[0]}' already, which is in no stack, nothing was changed:"
            " it was kept when it left the file or with an environment that is gone, or was made by hand;"
            " take another name, have CloudFormation import it, or delete it (docs/features.md says how)"
        )


# ------------------------------------------------------------------------------------ templates


def deployed(target: Target) -> dict[str, Template]:
    """The templates of the environment's stacks, as CloudFormation has them."""
    cloudformation = target.client("cloudformation")
    found: dict[str, Template] = {}
    for unit, status in stack_states(target).items():
        if status is not None and status not in _GONE:
            _add_deployed(cloudformation, construct_id(unit), target.environment.stack_name(unit), found)
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
    units = [*map(construct_id, STACKS), *sorted(path.name.split(".")[0] for path in assembly.glob(_PEOPLE))]
    for unit in units:
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
    return listed(
        [
            PROTECTED[type_][0] if number == 1 else count(number, kind_of(type_))
            for type_, number in counts.items()
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


_WHY_GONE = {
    "Catalog": "the file has no portfolios any more",
    "Features": "the file has no feature groups any more",
    "Gateway": "the file has nothing any more that an API could lead to",
    "People": "its team has it no more, and whoever is in it leaves",
    "Serving": "the file has no models any more",
}
"""Of stacks that come and go, what has to go first."""


def _sentences(
    changes: Sequence[Change], old: Templates, new: Templates, environment: Environment
) -> Iterator[str]:
    told: set[Key] = set()
    for stack in new:
        if stack not in old and "/" not in stack:
            resources = sum(1 for change in changes if change.stack.split("/")[0] == stack)
            name = environment.stack_name(stack.lower())
            yield f"the stack {name} is made, with {count(resources, 'resource')}"
            told |= {c.key for c in changes if c.stack.split("/")[0] == stack}
    for stack in old:
        if stack not in new and "/" not in stack:
            why = _WHY_GONE.get(stack.partition("-")[0])
            told_why = "" if why is None else f": {why}"
            yield f"the stack {environment.stack_name(stack.lower())} is deleted{told_why}"
            told |= {c.key for c in changes if c.stack.split("/")[0] == stack}
    rest = [change for change in changes if change.key not in told and change.root is None]
    told_of_people = list(people(rest, environment))
    models = list(_models(rest, environment))
    features = list(sentences_of_features(rest))
    for sentence, explained in [*told_of_people, *features, *models]:
        if sentence:
            yield sentence
        told |= {change.key for change in explained}
    along = Counter(change.root for change in changes if change.root is not None)
    yield from _others([change for change in rest if change.key not in told], along)


def _models(changes: Sequence[Change], environment: Environment) -> Iterator[Told]:
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
            what = f"{change.stack}: the {kind_of(change.type)} {change.logical_id}"
            more = along.get(change.key, 0)
            with_it = f", and with it {count(more, 'resource')} made with its id" if more else ""
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
            yield f"{count(len(ids), 'resource')} {'gets' if len(ids) == 1 else 'get'} other tags, in place"
            continue
        one = len(ids) == 1
        what = f"{stack}: {f'the {kind_of(type_)} {ids[0]}' if one else count(len(ids), kind_of(type_))}"
        are = "is" if one else "are"
        if action is Action.ADD:
            yield f"{what} {are} made"
        elif action is Action.REMOVE:
            stay = "stays" if one else "stay"
            yield f"{what} {f'{stay}, outside of the stack' if kept else f'{are} deleted'}"
        else:
            yield f"{what} {are} updated in place ({listed(changed)})"
