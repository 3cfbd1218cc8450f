"""What an edit does to feature groups, and what of it SageMaker could not do.

Features are added in place, and none is removed or retyped
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateFeatureGroup.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.personnel import Told
from clary.templates import Action, Change
from clary.wording import listed

GROUP = "AWS::SageMaker::FeatureGroup"
SETTINGS = "Custom::FeatureSettings"
_TABLE = "AWS::Glue::Table"

_WAY = "make a feature group of another name and fill it anew, then move to it what reads this one"


@dataclass(frozen=True)
class _Evolution:
    """The features of a group before and after, by name, as what they are in words."""

    name: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    changes: Sequence[Change]

    @property
    def added(self) -> list[str]:
        return [name for name in self.after if name not in self.before]

    @property
    def refused(self) -> bool:
        return any(self.after.get(name) != was for name, was in self.before.items())


def refusals(changes: Sequence[Change]) -> Iterator[str]:
    """What could not be done; a group that is replaced, or goes, is told elsewhere."""
    for evolution in _evolutions(changes):
        for name, was in evolution.before.items():
            becomes = evolution.after.get(name)
            where = f"the feature '{name}' of the feature group '{evolution.name}'"
            if becomes is None:
                yield (
                    f"{where} would be removed: SageMaker removes none, and what reads it would fail; leave"
                    f" it in the file and write no values of it, or {_WAY}"
                )
            elif becomes != was:
                yield (
                    f"{where} would become {becomes}, it is {was}: SageMaker retypes none, and its history"
                    f" could not be read any more; add a feature of another name, or {_WAY}"
                )


def sentences(changes: Sequence[Change]) -> Iterator[Told]:
    """What would be done; nothing of a group that is left as it is because something of it is refused."""
    for evolution in _evolutions(changes):
        said = ""
        if evolution.added:
            names = listed([f"'{name}'" for name in evolution.added])
            said = (
                f"the feature group {evolution.name} gets {names}, in place: records that are there have no"
                " value of it yet"
            )
        if said or evolution.refused:
            told = [change for change in evolution.changes if set(change.changed) <= _SAID]
            yield "" if evolution.refused else said, told


_SAID = {"FeatureDefinitions", "Collections", "TableInput"}


def _evolutions(changes: Sequence[Change]) -> Iterator[_Evolution]:
    """A group's own features and its collections are two resources, of which one may not change; the view of
    its history has what it has."""
    by_name: dict[str, list[Change]] = {}
    for change in changes:
        if change.type in (GROUP, SETTINGS):
            by_name.setdefault(str(change.properties.get("FeatureGroupName")), []).append(change)
    for name, its in by_name.items():
        group = next((each for each in its if each.type == GROUP), None)
        if group is not None and group.action is not Action.UPDATE:
            continue
        yield _Evolution(
            name,
            {key: what for each in its for key, what in _features(each.old).items()},
            {key: what for each in its for key, what in _features(each.new).items()},
            [*its, *_views(group, changes)],
        )


def _views(group: Change | None, changes: Sequence[Change]) -> Iterator[Change]:
    """Of a group's history: called as its table, and something after two underscores."""
    if group is None or "OfflineStoreConfig" not in group.properties:
        return
    table = group.properties["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    for change in changes:
        name = str(change.properties.get("TableInput", {}).get("Name"))
        if change.type == _TABLE and name.rpartition("__")[0] == table:
            yield change


def _features(resource: Mapping[str, Any]) -> dict[str, str]:
    properties = resource.get("Properties", {})
    said = [*properties.get("FeatureDefinitions", ()), *properties.get("Collections", ())]
    return {each["FeatureName"]: _words(each) for each in said}


def _words(definition: Mapping[str, Any]) -> str:
    type_ = str(definition["FeatureType"]).lower()
    kind = definition.get("CollectionType")
    if kind is None:
        return f"'{type_}'"
    dimension = definition.get("Dimension")
    return f"a {str(kind).lower()} of {f'{dimension} ' if dimension else ''}'{type_}'"
