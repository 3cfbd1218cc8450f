"""Whether an environment goes, whole, whoever is at work in it and whatever interrupts it.

Each round deploys an environment with a random number of people to a local AWS, lets them open spaces and
apps that take their time to stop (longer than a call of the function that removes the domain), and destroys
it while the destroying is interrupted in one way of:

  -           `clary destroy`, in peace
  cdk         plain `cdk destroy --all`, which knows nothing of apps
  apps        `clary` is killed while it stops apps, its children with it; run again
  stack       `clary` and its CDK are killed while CloudFormation deletes Studio; run again
  Ctrl-C      the same by a person at a terminal
  orphan      `clary` alone is killed: its CDK goes on, the next one waits for it
  opened      somebody opens an app in every space while Studio goes

Then it counts what is left: apps, spaces, profiles, domains, file systems, VPCs, security groups, buckets,
repositories, roles, functions, stacks; and the resources that CloudFormation could not delete meanwhile.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.checkout import Checkout  # noqa: E402 - the path comes first
from support.outside import free_port  # noqa: E402 - the same
from support.teardown import (  # noqa: E402 - the same
    Crowd,
    apps_are,
    call_briefly,
    file_of,
    interrupt,
    left_behind,
    settle,
    stack_failures,
    stack_is,
    until,
)

WAYS = ("-", "cdk", "apps", "stack", "Ctrl-C", "orphan", "opened")
NAMES = ("ada", "grace", "emmy", "katherine", "linus", "mary")
STUDIO = "clary-local-studio"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    random = Random(given.seed)
    print(
        f"{'round':>5} {'people':>6} {'apps':>4}  {'interrupted':<11} {'s':>5} {'failed':>6}  left",
        flush=True,
    )
    whole = 0
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout.made(Path(folder) / "checkout", Path(folder) / "state", free_port())
        for number in range(1, given.rounds + 1):
            # one for each: what a round leaves is nobody else's
            _run(checkout, "local", "start", "--port", str(checkout.port))
            try:
                whole += _round(checkout, number, WAYS[(number - 1) % len(WAYS)], random)
            finally:
                _run(checkout, "local", "stop")
    print(f"{whole} of {given.rounds} left nothing")


def _round(checkout: Checkout, number: int, way: str, random: Random) -> bool:
    people = random.sample(NAMES, random.randint(1, len(NAMES)))
    checkout.file.write_text(file_of(people))
    _run(checkout, "deploy", "local")
    broken = [{"family": "App", "name": "broken", "reason": "out of capacity"}]
    stopping = {"App": random.uniform(1, 8)}
    settle(checkout, state_seconds_of=stopping, failures=broken)
    crowd = Crowd(checkout, random)
    apps = crowd.at_work(spaces=random.randint(0, 6))
    settle(checkout, state_seconds_of={**stopping, "Space": random.random()}, failures=broken)
    call_briefly(checkout, 3)
    started = time.monotonic()
    _destroy(checkout, way, crowd)
    took = time.monotonic() - started
    left, failed = left_behind(checkout), stack_failures(checkout)
    told = ", ".join([*left, *failed]) or "nothing"
    print(
        f"{number:>5} {len(people):>6} {apps:>4}  {way:<11} {took:>5.1f} {len(failed):>6}  {told}", flush=True
    )
    return not left


def _destroy(checkout: Checkout, way: str, crowd: Crowd) -> None:
    if way == "cdk":
        process = checkout.started_cdk("destroy", "--all", "--force", "--app", str(checkout.assembly))
        said, _ = process.communicate(timeout=600)
        if process.returncode:
            raise SystemExit(said)
        return
    if way != "-":
        process = checkout.started("destroy", "local", "--yes")
        going = until(
            lambda: (
                apps_are(checkout, "Deleting")
                if way == "apps"
                else stack_is(checkout, STUDIO, "DELETE_IN_PROGRESS")
            ),
            process,
        )
        if way == "opened":
            crowd.open_app_somewhere()
            said, _ = process.communicate(timeout=600)
            if process.returncode:
                raise SystemExit(said)
            return
        if going:
            how = signal.SIGINT if way == "Ctrl-C" else signal.SIGKILL
            interrupt(process, how, group=way != "orphan")
    _run(checkout, "destroy", "local", "--yes")


def _run(checkout: Checkout, *arguments: str) -> None:
    done = checkout(*arguments, timeout=600)
    if done.returncode:
        raise SystemExit(f"clary {' '.join(arguments)}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
