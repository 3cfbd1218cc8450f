"""Clients with pins of their own (`requirements-clients.txt`), in an environment of their own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

from support.outside import ROOT

_REQUIREMENTS = ROOT / "requirements-clients.txt"
_HOME = ROOT / ".clary" / "clients"


class NotInstalled(Exception):
    """What pip said."""


@cache
def folder() -> Path:
    """Where the clients' programs are: `aws`, `python`. The first caller waits while they are installed."""
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    home = _HOME / wanted
    _HOME.mkdir(parents=True, exist_ok=True)
    with (_HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "ready").exists():
            _install(home)
    return home / "bin"


def _install(home: Path) -> None:
    for other in _HOME.iterdir():
        if other.is_dir():
            shutil.rmtree(other)  # of earlier pins
    venv.create(home, with_pip=True)
    pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # What is used is compiled when it is: that halves the time.
    done = subprocess.run(
        [*pip, "--no-compile", "--no-deps", "--requirement", _REQUIREMENTS],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NotInstalled(f"{_REQUIREMENTS.name} cannot be installed:\n{done.stdout}{done.stderr}")
    (home / "ready").touch()


def run(
    program: str,
    *arguments: str | Path,
    environment: dict[str, str],
    at: Path,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """One of the clients' programs, with nothing of this process but what `environment` says."""
    path = f"{folder()}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return subprocess.run(
        [folder() / program, *arguments],
        cwd=at,
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
