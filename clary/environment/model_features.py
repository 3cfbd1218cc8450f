"""What a model of an environment file is asked with besides what a client sends: features, by their key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from clary.environment.features import FeatureGroup, FeatureGroupName, FeatureName
from clary.environment.part import FROM_LIST, SOME, Complaint, Part, no_such
from inference_gateway.payload import is_json, is_json_lines

if TYPE_CHECKING:
    from clary.environment.serving import Model

_CSV = "text/csv"
_AT_ONCE = ("real-time", "serverless")


class ModelFeatures(Part):
    """What is looked up in a feature group by the key in each row, and put in its place."""

    group: FeatureGroupName
    """The group: one of `features`, with an online store, of the model's team or shared with all of it."""
    names: Annotated[tuple[FeatureName, ...], FROM_LIST, SOME] = Field(max_length=200)
    """Which features the model gets, in this order. With the identifier among them, it gets the key, too."""
    member: FeatureName | None = None
    """Which member of a row in JSON is its key. By default, it is called as the group's identifier."""
    column: int | None = Field(default=None, ge=1, le=10_000)
    """Which column of a row in CSV is its key. By default, the first."""


def carries(content_type: str) -> bool:
    """Whether there are rows in it that can be read, and have keys."""
    return is_json(content_type) or is_json_lines(content_type) or content_type == _CSV


def of_body(wanted: ModelFeatures, content_types: tuple[str, ...]) -> Iterator[Complaint]:
    """Where it contradicts what the model takes; the paths are those below `api`."""
    for index, each in enumerate(content_types):
        if not carries(each):
            message = f"'{each}' has no rows with a key for 'features', give JSON, JSON Lines or {_CSV}"
            yield Complaint(("content_types", index), message)
    if wanted.member is not None and all(each == _CSV for each in content_types):
        yield Complaint(("features", "member"), "is for JSON, which the model does not take, remove it")
    if wanted.column is not None and _CSV not in content_types:
        yield Complaint(("features", "column"), f"is for {_CSV}, which the model does not take, remove it")


def misfits(
    models: Mapping[str, Model], groups: Mapping[FeatureGroupName, FeatureGroup]
) -> Iterator[Complaint]:
    """What does not go together with the file's feature groups, and with how a model is served."""
    for name, model in models.items():
        wanted = model.api.features
        if wanted is not None:
            for path, message in _misfits(model, wanted, groups):
                yield Complaint(("models", name, "api", "features", *path), message)


def _misfits(
    model: Model, wanted: ModelFeatures, groups: Mapping[FeatureGroupName, FeatureGroup]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if model.endpoint.mode not in _AT_ONCE:
        message = f"are looked up for what is answered at once, and the mode is '{model.endpoint.mode}'"
        yield (), f"{message}: change it, or remove them"
    if wanted.group not in groups:
        yield ("group",), no_such("feature group", wanted.group, list(groups))
        return
    group = groups[wanted.group]
    if group.online is None:
        message = f"'{wanted.group}' has no online store to read from, give it 'online: {{}}'"
        yield ("group",), message
    if model.team != group.team and not group.shared_with(model.team, None, to_write=False):
        message = f"'{wanted.group}' is not shared with the model's team, add '{model.team}' to its 'readers'"
        yield ("group",), message
    for index, feature in enumerate(wanted.names):
        if feature not in group.features:
            yield ("names", index), no_such("feature", feature, list(group.features))
        elif group.features[feature].collection is not None and _CSV in model.api.content_types:
            message = f"'{feature}' is a {group.features[feature].collection}, and no column of {_CSV} can be"
            yield ("names", index), f"{message}: leave one of the two out"
