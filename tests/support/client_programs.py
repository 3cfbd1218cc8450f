"""Clients with pins of their own (`requirements-clients.txt`, `requirements-sagemaker.txt`), each list in an
environment of its own."""

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

CLIENTS = "clients"
SDK_2 = "sagemaker"


class NotInstalled(Exception):
    """What pip said."""


@cache
def folder(which: str = CLIENTS) -> Path:
    """Where the clients' programs are: `aws`, `python`. The first caller waits while they are installed."""
    requirements = ROOT / f"requirements-{which}.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    all_pins = ROOT / ".clary" / which
    home = all_pins / wanted
    all_pins.mkdir(parents=True, exist_ok=True)
    with (all_pins / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "ready").exists():
            for other in all_pins.iterdir():
                if other.is_dir():
                    shutil.rmtree(other)  # of earlier pins
            _install(requirements, home)
    return home / "bin"


def _install(requirements: Path, home: Path) -> None:
    venv.create(home, with_pip=True)
    pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # What is used is compiled when it is: that halves the time.
    done = subprocess.run(
        [*pip, "--no-compile", "--no-deps", "--requirement", requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NotInstalled(f"{requirements.name} cannot be installed:\n{done.stdout}{done.stderr}")
    (home / "ready").touch()


def run(
    program: str,
    *arguments: str | Path,
    environment: dict[str, str],
    at: Path,
    timeout: float = 120,
    which: str = CLIENTS,
) -> subprocess.CompletedProcess[str]:
    """One of the clients' programs, with nothing of this process but what `environment` says."""
    path = f"{folder(which)}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return subprocess.run(
        [folder(which) / program, *arguments],
        cwd=at,
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
