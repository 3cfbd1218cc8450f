"""The models of an environment file, and what serves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from clary.environment.container import Artifact, Contents, Image
from clary.environment.hosting import Endpoint
from clary.environment.model_api import ModelApi
from clary.environment.part import Part, Variable, VariableName, name_of
from clary.environment.people import TeamName

ModelName = Annotated[str, name_of("a model's name", "housing")]
MAIN = "main"
"""The variant that the model itself is."""
SHADOW = "shadow"


class Model(Part):
    """A model, and how it is served."""

    team: TeamName
    """The team that owns it: one of `teams`."""
    image: Image | None = None
    """The container that trains and serves it. A model package brings its own."""
    artifact: Artifact
    """What was learnt."""
    environment: Mapping[VariableName, Variable] = Field(default_factory=dict, max_length=100)
    """Environment variables of the serving container; numbers and `true` become text."""
    endpoint: Endpoint = Endpoint()
    """How it is served."""
    api: ModelApi = ModelApi()
    """How it appears in the API."""


@dataclass(frozen=True)
class ServedContainer:
    """One of the containers behind a model: the model's own, another variant's, or a pipeline's."""

    team: TeamName
    image: Image | None
    artifact: Artifact
    environment: Mapping[str, str]
    image_path: tuple[str | int, ...]
    """Where the file says it."""
    artifact_path: tuple[str | int, ...]


def containers_of(name: str, model: Model) -> Mapping[str, ServedContainer]:
    """By name: the model's own is called as the model, others `<model>.<name>`."""
    endpoint, at = model.endpoint, ("models", name, "endpoint")
    others: list[tuple[str, tuple[str | int, ...], Contents]] = [
        (key, (*at, "variants", key), variant) for key, variant in endpoint.variants.items()
    ]
    if endpoint.shadow is not None:
        others.append((SHADOW, (*at, "shadow"), endpoint.shadow))
    if endpoint.pipeline is not None:
        others += [
            (key, (*at, "pipeline", when, key), step)
            for when, steps in (("before", endpoint.pipeline.before), ("after", endpoint.pipeline.after))
            for key, step in steps.items()
        ]
    itself = ServedContainer(
        model.team,
        model.image,
        model.artifact,
        model.environment,
        ("models", name, "image"),
        ("models", name, "artifact"),
    )
    return {name: itself} | {
        f"{name}.{key}": ServedContainer(
            model.team,
            itself.image if contents.image is None else contents.image,
            itself.artifact if contents.artifact is None else contents.artifact,
            itself.environment if contents.environment is None else contents.environment,
            itself.image_path if contents.image is None else (*path, "image"),
            itself.artifact_path if contents.artifact is None else (*path, "artifact"),
        )
        for key, path, contents in others
    }
