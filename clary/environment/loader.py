"""Reads an environment file, and says everything that is wrong with it at once, each with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from clary.environment import document, wording
from clary.environment.document import Document, Place, Problem
from clary.environment.model import Environment
from clary.environment.part import no_such

FOLDER = "environments"


class EnvironmentFileError(Exception):
    """A file that is no environment. Its text is for the person who wrote the file."""

    def __init__(self, message: str, path: Path | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.path = path
        self.problems = problems
        """In the order of the file; empty when there was no file to read."""


def find(name: str, root: Path) -> Path:
    """The file of an environment's name, in the folder `environments` below `root`."""
    folder = root / FOLDER
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        where = f" in '{_near(folder)}'" if not known else ""
        raise EnvironmentFileError(f"{no_such('environment', name, known)}{where}")
    return folder / f"{name}.yaml"


def load(path: Path) -> Environment:
    """Reads a file; raises EnvironmentFileError with every problem that could be found."""
    return _loaded(_read(path), path)


def load_content(content: bytes, path: Path) -> Environment:
    """Reads what may become the content of the file; raises EnvironmentFileError as if it were there."""
    return _loaded(document.read(content), path)


def _loaded(text: Document, path: Path) -> Environment:
    environment, problems = _parse(text, path.stem)
    if environment is None or problems:
        raise _error(path, problems)
    return environment


def check_folders(environment: Environment, root: Path) -> None:
    """Refuses folders that the file names and that are not below `root`; the model cannot look there."""
    path = root / FOLDER / f"{environment.name}.yaml"
    text = document.read(path.read_bytes()) if path.is_file() else Document(None, {}, ())
    problems = tuple(_folder_problems(environment, root, text))
    if problems:
        raise _error(path, problems)


def _read(path: Path) -> Document:
    try:
        return document.read(path.read_bytes())
    except FileNotFoundError:
        raise EnvironmentFileError(f"no file '{_near(path)}', give the path of an environment file") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentFileError(f"'{_near(path)}' cannot be read ({reason.lower()})") from error


def _parse(text: Document, stem: str) -> tuple[Environment | None, tuple[Problem, ...]]:
    if text.value is None and text.problems:
        return None, text.problems
    if not isinstance(text.value, dict):
        given = "a list" if isinstance(text.value, list) else "a single value"
        message = f"{given} at the top, give a mapping that begins with 'name: {stem}'"
        return None, (*text.problems, Problem(Place(1, 1), message))
    environment, problems = None, list[Problem]()
    try:
        environment = Environment.model_validate(text.value)
    except ValidationError as error:
        problems = [wording.problem(each, text, Environment) for each in error.errors(include_url=False)]
    problems = [*_not_told_better(text, problems), *problems]
    name = text.value.get("name")
    if isinstance(name, str) and name != stem:
        sentence = (
            f"'{document.shown(name)}' is in the file {stem}.yaml, write name: {stem} or rename the file"
        )
        problems.append(Problem(text.nearest(("name",)).place, sentence, ("name",)))
    return environment, tuple(problems)


def _not_told_better(text: Document, problems: list[Problem]) -> list[Problem]:
    """The text's own problems, without what has to become something else anyway, however it is written."""
    scalars = {entry.value for entry in text.entries.values() if entry.written is not None}
    better = scalars & {each.place for each in problems}
    return [each for each in text.problems if each.place not in better]


def _folder_problems(environment: Environment, root: Path, text: Document) -> Iterator[Problem]:
    folders: dict[document.KeyPath, str] = {}
    for container in environment.containers.values():
        if container.image is not None and container.image.source is not None:
            folders[*container.image_path, "source"] = container.image.source
        if container.artifact.training is not None:
            folders[*container.artifact_path, "training", "data"] = container.artifact.training.data
    for path, folder in folders.items():
        if not (root / folder).is_dir():
            sentence = f"no folder '{folder}' here, give one relative to the repository's root"
            yield Problem(text.nearest(path).place, sentence, path)


def _error(path: Path, problems: Iterable[Problem]) -> EnvironmentFileError:
    once = {(each.place, each.sentence): each for each in reversed(list(problems))}
    """What an anchor holds is told once, however often it is used."""
    in_order = tuple(sorted(once.values(), key=lambda each: (each.place, each.message)))
    lines = [f"{_near(path)}:{each.place.line}:{each.place.column}: {each.message}" for each in in_order]
    return EnvironmentFileError("\n".join(lines), path, in_order)


def _near(path: Path) -> str:
    """A path as somebody in the current folder would type it."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
