"""Stops the notebook instance that it runs on when nothing has been computed there for a while."""

from __future__ import annotations

import argparse
import json
import ssl
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

METADATA = Path("/opt/ml/metadata/resource-metadata.json")


def last_used(kernels: Sequence[Mapping[str, Any]], started: datetime, now: datetime) -> datetime:
    """When somebody last computed something. What computes is in use, however long it takes."""
    if any(kernel["execution_state"] != "idle" for kernel in kernels):
        return now
    return max((moment(kernel["last_activity"]) for kernel in kernels), default=started)


def moment(text: str) -> datetime:
    """ISO 8601, or seconds since 1970, as the AWS CLI may have it."""
    if text.replace(".", "").isdigit():
        return datetime.fromtimestamp(float(text), UTC)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def aws(operation: str, name: str, *more: str) -> str:
    command = ["aws", "sagemaker", operation, "--notebook-instance-name", name, *more, "--output", "text"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="https://localhost:8443")
    parser.add_argument("--minutes", type=int, required=True)
    given = parser.parse_args()
    # its certificate is its own; looking does not count as using
    trusting = ssl._create_unverified_context()  # noqa: S323 - this instance's own Jupyter
    with urllib.request.urlopen(  # noqa: S310 - the same
        f"{given.url}/api/kernels?no_track_activity=1", context=trusting, timeout=30
    ) as answer:
        kernels = json.load(answer)
    name = json.loads(METADATA.read_text(encoding="utf-8"))["ResourceName"]
    # starting is what modified it last
    started = moment(aws("describe-notebook-instance", name, "--query", "LastModifiedTime"))
    now = datetime.now(UTC)
    if last_used(kernels, started, now) < now - timedelta(minutes=given.minutes):
        print(f"{now.isoformat()} nothing was computed for {given.minutes} minutes, stopping", flush=True)
        aws("stop-notebook-instance", name)


if __name__ == "__main__":
    main()
