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


def last_used(opened: Sequence[Mapping[str, Any]], started: datetime, now: datetime) -> datetime:
    """When one of the kernels and terminals that are open last did something, or the instance started.

    A kernel that computes is in use, however long it takes; a terminal is, while it is written to.
    """
    if any(each.get("execution_state", "idle") != "idle" for each in opened):
        return now
    return max([started, *(moment(each["last_activity"]) for each in opened)])


def moment(text: str) -> datetime:
    """ISO 8601, or seconds since 1970, as the AWS CLI may have it."""
    if text.replace(".", "").isdigit():
        return datetime.fromtimestamp(float(text), UTC)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def asked(url: str, kind: str) -> Any:
    # its certificate is its own; looking does not count as using
    trusting = ssl._create_unverified_context()  # noqa: S323 - this instance's own Jupyter
    address = f"{url}/api/{kind}?no_track_activity=1"
    with urllib.request.urlopen(address, context=trusting, timeout=30) as answer:  # noqa: S310 - the same
        return json.load(answer)


def aws(operation: str, arn: str, *more: str) -> str:
    name, region = arn.rpartition("/")[2], arn.split(":")[3]
    what = ["--notebook-instance-name", name, "--region", region]
    command = ["aws", "sagemaker", operation, *what, *more, "--output", "text"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="https://localhost:8443")
    parser.add_argument("--metadata", type=Path, default=Path("/opt/ml/metadata/resource-metadata.json"))
    parser.add_argument("--minutes", type=int, required=True)
    given = parser.parse_args()
    opened = [*asked(given.url, "kernels"), *asked(given.url, "terminals")]
    # https://docs.aws.amazon.com/sagemaker/latest/dg/nbi-metadata.html
    arn = json.loads(given.metadata.read_text(encoding="utf-8"))["ResourceArn"]
    # starting is what modified it last
    started = moment(aws("describe-notebook-instance", arn, "--query", "LastModifiedTime"))
    now = datetime.now(UTC)
    if last_used(opened, started, now) < now - timedelta(minutes=given.minutes):
        print(f"{now.isoformat()} nothing was computed for {given.minutes} minutes, stopping", flush=True)
        aws("stop-notebook-instance", arn)


if __name__ == "__main__":
    main()
