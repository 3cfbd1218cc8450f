"""What people cost to synthesise: an environment of ten beside larger ones, each in a fresh process.

Each run validates the environment, builds its stacks, synthesises them and checks them against
CloudFormation's limits, as `app.py` does, without CDK's own validation. Time is the clock's, and besides
that of the processors, which depends less on what else the machine does; rounds go through all sizes in
turn. Memory is the sum of the peaks of Python and of Node. What a size costs is the median of what it
takes above ten people.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from clary import cdk, toolchain

ROOT = Path(__file__).resolve().parents[1]
SIZES = (10, 100, 1_000, 10_000)
PEOPLE_IN_A_STACK = 313
LIMIT_SECONDS = 2.0
LIMIT_MB = 300.0


def environment(people: int, role: str) -> dict[str, Any]:
    members = {f"person-{number:05}": "data-scientist" for number in range(people)}
    stacks = -(-people // PEOPLE_IN_A_STACK) if people > PEOPLE_IN_A_STACK else 0
    return {
        "name": "dev",
        "account": "111122223333",
        "region": "eu-west-1",
        "teams": {"research": {"own_stacks": stacks, "role": role, "members": members}},
    }


def synthesise(people: int, role: str, folder: Path) -> None:
    """In a process of its own: prints what it took."""
    from clary.environment.model import Environment
    from stacks.environment_app import add_stacks, new_app
    from stacks.limits import check_limits
    from stacks.policy_limits import check_policies

    started, began = time.perf_counter(), time.process_time()
    app = new_app(ROOT, folder)
    add_stacks(app, Environment.model_validate(environment(people, role)), ROOT)
    assembly = app.synth()
    check_limits(assembly)
    check_policies(assembly)
    seconds = time.perf_counter() - started
    processor = time.process_time() - began + sum(each.processor for each in _children())
    python = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    templates = list(folder.glob("*.template.json"))
    largest = max(path.stat().st_size for path in templates)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "processor": processor,
                "mb": python + sum(each.peak_mb for each in _children()),
                "templates": len(templates),
                "largest": largest,
            }
        )
    )


class _Child(NamedTuple):
    """Node, while it is still there."""

    peak_mb: float
    processor: float
    """Seconds, since it began."""


def _children() -> list[_Child]:
    """As Linux tells of them: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(status["PPid"]) == os.getpid() and "VmHWM" in status:
            ticks = int(fields[11]) + int(fields[12])
            found.append(_Child(float(status["VmHWM"].split()[0]) / 1024, ticks / os.sysconf("SC_CLK_TCK")))
    return found


def measure(people: int, role: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join([str(cdk.node().parent), os.environ.get("PATH", os.defpath)])
        words = [sys.executable, "-m", "benchmarks.people", "--one", str(people), role, folder]
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=os.environ | {"PATH": path, "CDK_VALIDATION": "false"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", nargs=3, metavar=("PEOPLE", "ROLE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        synthesise(int(given.one[0]), given.one[1], Path(given.one[2]))
        return
    cases = [*((size, "persona") for size in SIZES), (2_000, "person")]
    with toolchain.warm_jsii():
        measure(10, "persona")
    rounds = [{case: measure(*case) for case in cases} for _ in range(given.rounds)]
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()};", end=" ")
    print(f"load {os.getloadavg()[0]:.1f}, {given.rounds} rounds")
    print("| people | s | s above ten | processor s above ten | MB above ten | templates | largest, KB |")
    print("|---|---|---|---|---|---|---|")
    above: dict[tuple[int, str], tuple[float, float]] = {}
    for case in cases:
        ten = cases[0]
        seconds = statistics.median(each[case]["seconds"] for each in rounds)
        more = statistics.median(each[case]["seconds"] - each[ten]["seconds"] for each in rounds)
        worked = statistics.median(each[case]["processor"] - each[ten]["processor"] for each in rounds)
        mb = statistics.median(each[case]["mb"] - each[ten]["mb"] for each in rounds)
        above[case] = more, mb
        last = rounds[-1][case]
        name = f"{case[0]:,}{', a role each' if case[1] == 'person' else ''}"
        print(
            f"| {name} | {seconds:.2f} | {more:.2f} | {worked:.2f} | {mb:.0f} | {last['templates']} |"
            f" {last['largest'] / 1024:.0f} |"
        )
    more, mb = above[SIZES[-1], "persona"]
    if more > LIMIT_SECONDS or mb > LIMIT_MB:
        sys.exit(f"{SIZES[-1]:,} people take more than {LIMIT_SECONDS} s or {LIMIT_MB} MB above ten")


if __name__ == "__main__":
    main()
