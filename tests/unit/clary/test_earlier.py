"""Another version of an environment's file, from beside it or from git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from clary import earlier
from clary.errors import ClaryError

_TEXT = 'name: dev\naccount: "111122223333"\nregion: eu-west-1\nteams: {research: {}}\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("git") is None:
        pytest.skip("there is no git on this machine")
    file = tmp_path / "environments" / "dev.yaml"
    file.parent.mkdir()
    file.write_text(_TEXT)
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    file.write_text(_TEXT.replace("research", "platform"))
    monkeypatch.setattr(earlier, "ROOT", tmp_path)
    return tmp_path


def test_reads_the_file_as_it_was_in_a_revision(repository: Path) -> None:
    with earlier.earlier_version("dev", "HEAD") as file:
        assert file.name == "dev.yaml"
        assert file.read_text() == _TEXT


def test_reads_another_file_under_the_environments_name(repository: Path) -> None:
    other = repository / "other.yaml"
    other.write_text(_TEXT)

    with earlier.earlier_version("dev", str(other)) as file:
        assert (file.name, file.read_text()) == ("dev.yaml", _TEXT)

    assert not file.exists()


@pytest.mark.parametrize("which", ["no-such-branch", "--output=somewhere"])
def test_says_that_there_is_neither(repository: Path, which: str) -> None:
    with (
        pytest.raises(ClaryError, match=f"no file.*'{which}'|no file and no git revision"),
        earlier.earlier_version("dev", which),
    ):
        pass


def test_refuses_a_version_that_is_no_environment(repository: Path) -> None:
    other = repository / "other.yaml"
    other.write_text("name: dev\n")

    with (
        pytest.raises(ClaryError, match="has no valid environment"),
        earlier.earlier_version("dev", str(other)),
    ):
        pass
