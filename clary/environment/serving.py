"""The models of an environment file, and what serves them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from clary.environment.form import Form
from clary.environment.part import (
    DIFFERENT,
    FROM_LIST,
    TEXT_OR_NUMBER,
    Complaint,
    ImageTag,
    InstanceType,
    Part,
    RepositoryName,
    Variable,
    VariableName,
    as_text,
    name_of,
    refusal,
)
from clary.environment.people import TeamName

ModelName = Annotated[str, name_of("a model's name", "housing")]
ContentType = Annotated[str, Form("a media type", "text/csv", "[a-z]+/[a-z0-9.+-]+")]
ArtifactKey = Annotated[
    str,
    Form(
        "the key of a .tar.gz in the models bucket",
        "research/housing/model.tar.gz",
        r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\.tar\.gz",
        longest=900,
    ),
]
Folder = Annotated[
    str,
    Form(
        "a folder, relative to the repository's root",
        "workloads/housing/data",
        "[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?",
        longest=200,
    ),
]
HyperparameterName = Annotated[str, Field(min_length=1, max_length=256)]
Hyperparameter = Annotated[
    str, Field(max_length=2500), BeforeValidator(as_text), WithJsonSchema(TEXT_OR_NUMBER)
]


class Image(Part):
    """A container image in one of the environment's repositories.

    Either `tag` names one that is there, or `source` is the folder it is built from, and the tag is
    a hash of that folder's content.
    """

    repository: RepositoryName
    """One of the environment's `repositories`."""
    tag: ImageTag | None = None
    """The tag of an image that somebody pushed."""
    source: Folder | None = None
    """The folder that the image is built from, relative to the repository's root."""

    @field_validator("source")
    @classmethod
    def _stays_inside(cls, value: str | None) -> str | None:
        return None if value is None else _folder(value)

    @model_validator(mode="after")
    def _tag_or_source(self) -> Self:
        _exactly_one(
            self, "tag", "source", "'tag', for an image that is there, or 'source', for a folder to build"
        )
        return self


class Training(Part):
    """The training job that makes the model. Its name is a hash of all that goes into it."""

    data: Folder
    """The folder of the training channel, uploaded to the team's part of the data bucket."""
    instance_type: InstanceType = "ml.m5.large"
    """What the job runs on."""
    volume_gib: int = Field(default=10, ge=1, le=16384)
    """The size of the job's disk, in GiB."""
    max_runtime_minutes: int = Field(default=60, ge=1, le=28 * 24 * 60)
    """When the job is stopped, at the latest."""
    hyperparameters: Mapping[HyperparameterName, Hyperparameter] = Field(default_factory=dict, max_length=100)
    """What the program is told. SageMaker hands on text: `0.1` arrives as "0.1", `true` as "true"."""
    attempt: int = Field(default=1, ge=1, le=1000)
    """Raise it to train once more with the same input: SageMaker never lets a job's name be used again."""

    @field_validator("data")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        return _folder(value)


class Artifact(Part):
    """Where model.tar.gz comes from: a key in the models bucket, or a training job's output."""

    key: ArtifactKey | None = None
    """An object of the models bucket."""
    training: Training | None = None
    """A job that makes it."""

    @model_validator(mode="after")
    def _key_or_training(self) -> Self:
        _exactly_one(
            self,
            "key",
            "training",
            "'key', for an object of the models bucket, or 'training', for a job that makes it",
        )
        return self


class Endpoint(Part):
    """A real-time endpoint."""

    instance_type: InstanceType = "ml.m5.large"
    """What the model runs on."""
    instance_count: int = Field(default=1, ge=1, le=100)
    """How many of them: two or more are spread over availability zones."""


class ModelApi(Part):
    """What the gateway lets through to the model."""

    content_types: Annotated[tuple[ContentType, ...], FROM_LIST, DIFFERENT] = Field(
        default=("application/json",), min_length=1
    )
    """The media types that the model takes."""
    example: str | None = None
    """A request body that the model answers; `clary predict` sends it, and the API shows it."""


class Model(Part):
    """A model behind an endpoint of its own."""

    team: TeamName
    """The team that owns it: one of `teams`."""
    image: Image
    """The container that trains and serves it."""
    artifact: Artifact
    """What was learnt."""
    environment: Mapping[VariableName, Variable] = Field(default_factory=dict, max_length=100)
    """Environment variables of the serving container; numbers and `true` become text."""
    endpoint: Endpoint = Endpoint()
    """What it runs on."""
    api: ModelApi = ModelApi()
    """How it appears in the API."""


def _exactly_one(part: Part, first: str, second: str, choice: str) -> None:
    given = [key for key in (first, second) if getattr(part, key) is not None]
    if not given:
        raise refusal(Complaint((), f"lacks one key, give either {choice}"))
    if len(given) == 2:
        raise refusal(Complaint((second,), f"cannot stand beside '{first}', give either {choice}"))


def _folder(value: str) -> str:
    parts = PurePosixPath(value).parts
    if ".." in parts or not parts:
        raise ValueError("is not below the repository's root, give a folder of its own")
    return value
