"""What runs, and what it has learnt: the images and artifacts of an environment file's models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from clary.environment.form import Form
from clary.environment.part import (
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

ArtifactKey = Annotated[
    str,
    Form(
        "the key of a .tar.gz in the models bucket",
        "research/housing/model.tar.gz",
        r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\.tar\.gz",
        longest=900,
    ),
]
Prefix = Annotated[
    str,
    Form(
        "a folder of a bucket, without slashes around it",
        "research/customers",
        "[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*",
        longest=500,
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
AwsImageName = Annotated[
    str, Form("the name of one of AWS's images", "xgboost", "[a-z0-9]+(-[a-z0-9]+)*", longest=50)
]
AwsImageVersion = Annotated[
    str, Form("a version, in quotes", "1.7-1", "[A-Za-z0-9][A-Za-z0-9._-]*", longest=40)
]
GroupName = Annotated[str, name_of("a model package group's name", "housing")]
HyperparameterName = Annotated[str, Field(min_length=1, max_length=256)]
Hyperparameter = Annotated[
    str, Field(max_length=2500), BeforeValidator(as_text), WithJsonSchema(TEXT_OR_NUMBER)
]


class Image(Part):
    """A container image: the environment's own, or one of AWS's.

    In a `repository` of the environment, either `tag` names one that is there, or `source` is the folder
    it is built from, and the tag is a hash of that folder's content. AWS's own are named by `framework`
    or `algorithm`, and a `version`.
    """

    repository: RepositoryName | None = None
    """One of the environment's `repositories`."""
    tag: ImageTag | None = None
    """The tag of an image that somebody pushed."""
    source: Folder | None = None
    """The folder that the image is built from, relative to the repository's root."""
    framework: AwsImageName | None = None
    """One of AWS's containers for a framework: sklearn, pytorch and so on."""
    algorithm: AwsImageName | None = None
    """One of SageMaker's built-in algorithms: xgboost, knn and so on."""
    version: AwsImageVersion | None = None
    """Of the framework or the algorithm, as AWS writes it."""

    @field_validator("source")
    @classmethod
    def _stays_inside(cls, value: str | None) -> str | None:
        return None if value is None else _folder(value)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        _exactly_one(
            self,
            ("repository", "framework", "algorithm"),
            "'repository', for an image of the environment's own, or 'framework' or 'algorithm', for one of"
            " AWS's",
        )
        if self.repository is not None:
            _exactly_one(
                self,
                ("tag", "source"),
                "'tag', for an image that is there, or 'source', for a folder to build",
            )
            _none_of(self, ("version",), "repository")
        else:
            of = "framework" if self.framework is not None else "algorithm"
            _none_of(self, ("tag", "source"), of)
            if self.version is None:
                raise refusal(Complaint((), f"lacks 'version': AWS keeps several of each {of}, choose one"))
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


class Package(Part):
    """The latest approved version of a model package group: an approval brings it into service, and a
    rejection brings back the one before. It says its own image."""

    group: GroupName
    """The environment makes the group; the team's name is put in front of this one, and `--`."""


class Artifact(Part):
    """Where the model comes from: a key in the models bucket, a training job's output, a registry, or a
    folder of many models."""

    key: ArtifactKey | None = None
    """An object of the models bucket."""
    training: Training | None = None
    """A job that makes it."""
    package: Package | None = None
    """Whatever was approved last."""
    folder: Prefix | None = None
    """A folder of the models bucket with many models: a request says which, and each is loaded when it is
    first asked for (a multi-model endpoint)."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _exactly_one(
            self,
            ("key", "training", "package", "folder"),
            "'key', for an object of the models bucket, or 'training', for a job that makes it, or 'package',"
            " for what is approved in a model registry, or 'folder', for many models",
        )
        return self


class Contents(Part):
    """What is put into a container. What is left out is as the model itself has it."""

    image: Image | None = None
    """The container."""
    artifact: Artifact | None = None
    """What was learnt."""
    environment: Mapping[VariableName, Variable] | None = Field(default=None, max_length=100)
    """Environment variables of the container; numbers and `true` become text."""


def _exactly_one(part: Part, names: tuple[str, ...], choice: str) -> None:
    given = [key for key in names if getattr(part, key) is not None]
    if not given:
        raise refusal(Complaint((), f"lacks one key, give either {choice}"))
    if len(given) > 1:
        raise refusal(
            *(
                Complaint((key,), f"cannot stand beside '{given[0]}', give either {choice}")
                for key in given[1:]
            )
        )


def _none_of(part: Part, names: tuple[str, ...], of: str) -> None:
    wrong = [key for key in names if getattr(part, key) is not None]
    if wrong:
        raise refusal(
            *(Complaint((key,), f"does not go with '{of}', remove one of the two") for key in wrong)
        )


def _folder(value: str) -> str:
    parts = PurePosixPath(value).parts
    if ".." in parts or not parts:
        raise ValueError("is not below the repository's root, give a folder of its own")
    return value
