"""Names that come from content: the same bytes give the same name, in every checkout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clary.environment.model import Environment
from clary.environment.serving import Model

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
    """The names of what a model of the file is made of.

    `training_job` is None, and `artifact_key` the file's own, when no job is asked for. `data_prefix`
    is where the training channel lies in the data bucket.
    """

    image_tag: str
    artifact_key: str
    training_job: str | None = None
    data_prefix: str | None = None


def content_of(environment: Environment, name: str, root: Path) -> ModelContent:
    """Reads the files that the model `name` refers to, below `root`, and names what comes of them."""
    model = environment.models[name]
    tag = model.image.tag or digest(root / str(model.image.source))[:16]
    training = model.artifact.training
    if training is None:
        return ModelContent(image_tag=tag, artifact_key=str(model.artifact.key))
    data = digest(root / training.data)
    ingredients = json.dumps(
        [tag, data, training.model_dump(mode="json"), model.image.repository], sort_keys=True
    )
    job = f"{environment.name}-{name}-{hashlib.sha256(ingredients.encode()).hexdigest()[:12]}"
    return ModelContent(
        image_tag=tag,
        artifact_key=f"{artifact_prefix(model, name)}/{job}/output/model.tar.gz",
        training_job=job,
        data_prefix=f"{model.team}/{name}/{data[:16]}",
    )


def artifact_prefix(model: Model, name: str) -> str:
    """Where the training jobs of a model write, in the models bucket."""
    return f"{model.team}/{name}"


def contents(environment: Environment, root: Path) -> Mapping[str, ModelContent]:
    return {name: content_of(environment, name, root) for name in environment.models}
