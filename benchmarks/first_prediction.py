"""How long it takes from nothing to the first prediction, with everything installed.

Runs `clary up` in a fresh state folder on a free port, with the times of its steps, then `clary up`
once more with nothing to do, then `clary down`. Prints medians in seconds over --runs of the three.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_STEP = re.compile(r"✓ (?P<title>.+?) (?P<seconds>[\d.]+) s$", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    taken: dict[str, list[float]] = defaultdict(list)
    for run in range(1, runs + 1):
        for title, seconds in _one_run().items():
            taken[title].append(seconds)
        print(f"run {run} of {runs}: {taken['clary up, from nothing'][-1]:.1f} s", file=sys.stderr)
    for title, seconds in taken.items():
        print(f"{title:60} {statistics.median(seconds):6.1f} s  ({min(seconds):.1f} to {max(seconds):.1f})")


def _one_run() -> dict[str, float]:
    taken = {}
    with tempfile.TemporaryDirectory(prefix="clary-benchmark-") as state:
        environment = {**os.environ, "CLARY_STATE": state, "COLUMNS": "200"}
        try:
            taken["clary up, from nothing"], said = _timed(environment, "up", "--port", str(_free_port()))
            for step in _STEP.finditer(said):
                title = re.sub(r"[0-9a-f]{12,}", "…", step["title"])
                taken[f"  {title}"] = float(step["seconds"])
            taken["clary up, with nothing to do"], _ = _timed(environment, "up")
        finally:
            taken["clary down"], _ = _timed(environment, "down")
    return taken


def _timed(environment: dict[str, str], *arguments: str) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "clary", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"clary {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started, done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
