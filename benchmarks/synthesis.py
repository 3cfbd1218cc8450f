"""What it takes to synthesise an environment: time and memory, each in a fresh process.

`python app.py` as the CDK command line starts it, with and without CDK's built-in validation, beside an
app that is empty and one that has a single bucket. Rounds go through all cases in turn, so that what
else the machine does falls on all of them. Memory is that of the largest process, which is Node. The
index that jsii keeps of its libraries is warm: where it is not there yet, a process is kept alive until
it is.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clary import cdk, toolchain

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ("local", "dev", "prod")

EMPTY = "import aws_cdk as cdk; cdk.App().synth()"
ONE_BUCKET = """
import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

app = cdk.App()
s3.Bucket(cdk.Stack(app, "Stack"), "Bucket")
app.synth()
"""


@dataclass(frozen=True)
class Case:
    name: str
    arguments: Sequence[str]
    validation: bool
    environment: str = "local"

    @property
    def variables(self) -> dict[str, str]:
        return os.environ | {
            "PATH": os.pathsep.join([str(cdk.node().parent), os.environ.get("PATH", os.defpath)]),
            "CDK_VALIDATION": "true" if self.validation else "false",
            "CDK_CONTEXT_JSON": json.dumps({"environment": self.environment}),
        }


CASES = [
    Case("an empty app", ["-c", EMPTY], False),
    Case("one bucket", ["-c", ONE_BUCKET], False),
    *(
        Case(f"{name}, {'with' if validation else 'without'} validation", ["app.py"], validation, name)
        for name in ENVIRONMENTS
        for validation in (False, True)
    ),
]


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mb: float


def measure(case: Case) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *case.arguments],
            cwd=ROOT,
            env=case.variables | {"CDK_OUTDIR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # of the process and of those it waited for: Python's and Node's, the larger of the two
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{case.name} ended with {process.returncode}: run it by itself to see why")
    unit = 1 if platform.system() == "Darwin" else 1024
    return Run(seconds, usage.ru_maxrss * unit / 1e6)


def table(runs: Mapping[str, Sequence[Run]]) -> str:
    lines = ["| synthesis | median, s | fastest, s | peak memory, MB |", "|---|---:|---:|---:|"]
    for name, of_case in runs.items():
        seconds = [run.seconds for run in of_case]
        memory = statistics.median(run.peak_mb for run in of_case)
        lines.append(f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {memory:.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="runs of each case (default: 7)")
    arguments = parser.parse_args()
    with toolchain.warm_jsii():
        pass
    runs: dict[str, list[Run]] = {case.name: [] for case in CASES}
    for _ in range(arguments.rounds):
        for case in CASES:
            runs[case.name].append(measure(case))
    print(
        f"{arguments.rounds} rounds, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" {platform.system()}\n"
    )
    print(table(runs))


if __name__ == "__main__":
    main()
