"""Pages of `docs` whose commands and programs run, so that they cannot rot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from support.checkout import Checkout
from support.identity import Somebody
from support.outside import CLARY, ROOT

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    return [body for said, body in _BLOCK.findall(page) if said == language]


def run_in(checkout: Checkout, words: Sequence[str], more: Mapping[str, str]) -> str:
    """What a program says that runs in somebody's checkout, with their `clary`."""
    path = os.pathsep.join([str(CLARY.parent), os.environ["PATH"]])
    done = subprocess.run(
        words,
        cwd=checkout.root,
        env={**checkout.environment, "PATH": path, **more},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Guide:
    """A page, and a checkout in which it is followed, section by section, in an environment called local."""

    name: str
    checkout: Checkout

    def shell(self, title: str, who: Somebody) -> str:
        (script,) = self._blocks(title, "sh")
        mine = re.sub(r"^(clary \w+ \w+) dev\b", r"\1 local", script, flags=re.MULTILINE)
        return run_in(self.checkout, ["bash", "-eu", "-c", mine], who.environment)

    def python(self, title: str, who: Somebody, **more: str) -> str:
        (program,) = self._blocks(title, "python")
        return run_in(self.checkout, [sys.executable, "-c", program], {**who.environment, **more})

    def _blocks(self, title: str, language: str) -> list[str]:
        page = (ROOT / "docs" / self.name).read_text()
        _, _, rest = page.partition(f"\n## {title}\n")
        return blocks(rest.partition("\n## ")[0], language)


def told_by(text: str) -> Mapping[str, str]:
    """What a launch by `clary catalog` tells: an output a line."""
    return dict(line.strip().split(": ", 1) for line in text.splitlines() if line.startswith("  "))
