"""Another version of an environment's file: beside it, or in git."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clary.environment.loader import FOLDER, EnvironmentFileError, load
from clary.errors import ClaryError
from clary.workspace import ROOT


@contextmanager
def earlier_version(name: str, which: str) -> Iterator[Path]:
    """The file of the environment `name` as it is in the file or the git revision `which`."""
    path = Path(which)
    content = path.read_bytes() if path.is_file() else _of_revision(name, which)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"  # a file is called as its environment is
        file.write_bytes(content)
        try:
            load(file)
        except EnvironmentFileError as error:
            raise ClaryError(f"'{which}' has no valid environment:\n{error}") from error
        yield file


def _of_revision(name: str, revision: str) -> bytes:
    if revision.startswith("-"):
        raise ClaryError(f"no file and no git revision '{revision}'")
    words = ["git", "-C", str(ROOT), "show", f"{revision}:./{FOLDER}/{name}.yaml"]
    try:
        done = subprocess.run(words, capture_output=True, check=False)  # noqa: S603 - no shell, no option
    except FileNotFoundError as error:
        raise ClaryError(f"no file '{revision}', and there is no git to look for a revision") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise ClaryError(f"no file '{revision}', and git has no such file either: {said}")
    return done.stdout
