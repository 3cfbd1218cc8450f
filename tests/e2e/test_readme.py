"""The README's commands run, in its order, so that they cannot rot."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from clary.environment.loader import load
from support.outside import ROOT, Command
from support.processes import free_port, left_of, processes_of

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_README = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return [body for said, body in _BLOCK.findall(_README) if said == language]


def test_every_command_works(tmp_path: Path) -> None:
    """In one shell, as somebody who types them would; but for `make test`, which is running now."""
    script = "\n".join(_blocks("sh")).replace("make test\n", "").replace("make up", "make up PORT=$PORT")
    command = Command(tmp_path, free_port())

    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=ROOT,
        env={**command.environment(), "PORT": str(command.port), "CDK_OUTDIR": str(tmp_path / "cdk.out")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "research-ada" in done.stdout
    assert left_of(processes_of(tmp_path)) == []


def test_the_smallest_file_is_valid(tmp_path: Path) -> None:
    (smallest,) = (text for text in _blocks("yaml") if text.startswith("name:"))
    assert len(smallest.splitlines()) == 5
    file = tmp_path / f"{yaml.safe_load(smallest)['name']}.yaml"
    file.write_text(smallest)

    assert load(file).retain_data


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", _README)

    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
