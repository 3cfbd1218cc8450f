"""Names that come from content: the same bytes give the same name, in every checkout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clary.environment.model import Environment

_LEFT_OUT = {"__pycache__", ".DS_Store"}


def files_in(folder: Path) -> Iterator[Path]:
    """The files of a folder that make up its content, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not _LEFT_OUT.intersection(relative.parts) and path.suffix != ".pyc":
            yield path


def digest(folder: Path) -> str:
    """A hash of the names, the executable bits and the bytes of a folder's files, in hexadecimal."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder '{folder}'")
    total = hashlib.sha256()
    for path in files_in(folder):
        executable = bool(path.stat().st_mode & 0o100)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\0{executable}\0{content}\n".encode())
    return total.hexdigest()


@dataclass(frozen=True)
class ModelContent:
    """The names of what a container of the file is made of.

    `image_tag` is None for one of AWS's images. `training_job` is None when no job is asked for, and
    `artifact_key` is the file's own then, or None where there is none to name: many models in a folder, or
    a package of a registry. `data_prefix` is where the training channel lies in the data bucket.
    """

    image_tag: str | None
    artifact_key: str | None
    training_job: str | None = None
    data_prefix: str | None = None


def content_of(environment: Environment, name: str, root: Path) -> ModelContent:
    """Reads the files that the container `name` refers to, below `root`, and names what comes of them."""
    container = environment.containers[name]
    image, training = container.image, container.artifact.training
    tag = None if image is None else image.tag
    if image is not None and image.source is not None:
        tag = digest(root / image.source)[:16]
    if training is None:
        return ModelContent(image_tag=tag, artifact_key=container.artifact.key)
    if image is None:
        raise ValueError(f"nothing trains '{name}': it has no image")
    data = digest(root / training.data)
    ingredients = json.dumps([tag, data, training.model_dump(mode="json"), image.repository], sort_keys=True)
    # a variant that is trained with the same is the same model
    model = name.partition(".")[0]
    job = f"{environment.name}-{model}-{hashlib.sha256(ingredients.encode()).hexdigest()[:12]}"
    return ModelContent(
        image_tag=tag,
        artifact_key=f"{artifact_prefix(container.team, model)}/{job}/output/model.tar.gz",
        training_job=job,
        data_prefix=f"{container.team}/{model}/{data[:16]}",
    )


def artifact_prefix(team: str, model: str) -> str:
    """Where the training jobs of a model write, in the models bucket."""
    return f"{team}/{model}"


def contents(environment: Environment, root: Path) -> Mapping[str, ModelContent]:
    """Of every container behind a model, by its name in `Environment.containers`."""
    return {name: content_of(environment, name, root) for name in environment.containers}
