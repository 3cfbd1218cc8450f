"""Data that answers in the VPC only, with IAM enforced: it is brought there, and goes when it may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import process
from support.checkout import Checkout
from support.identity import EnforcingAws
from support.processes import free_port, left_of, processes_of
from support.teardown import file_of, left_behind, stack_failures

_DEFAULTS = "research--defaults/sagemaker.yaml"


@dataclass(frozen=True)
class Enforced(Checkout):
    """With a local AWS that is reached over TLS."""

    def client(self, service: str) -> Any:
        running = process.running(self.state)
        assert running is not None
        assert running.ca is not None
        return EnforcingAws(running.url, running.ca, self.state).client(service)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Enforced]:
    state = tmp_path / "state"
    made = Checkout.made(tmp_path / "checkout", state, free_port())
    found = Enforced(made.root, made.state, made.port)
    started = found("local", "start", "--port", str(found.port), "--enforce-iam")
    assert started.returncode == 0, started.stderr
    yield found
    assert found("local", "stop").returncode == 0
    assert left_of(processes_of(state)) == []


def _deploy(checkout: Checkout, on_destroy: str) -> str:
    """The data bucket's name, after a deployment."""
    text = file_of(["ada"], on_destroy=on_destroy)
    checkout.file.write_text(text.replace("data: {", "data: {only_from_vpc: true, "))
    done = checkout("deploy", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    buckets = checkout.client("s3").list_buckets()["Buckets"]
    (bucket,) = (each["Name"] for each in buckets if "databucket" in each["Name"])
    return str(bucket)


def test_what_was_to_be_kept_goes_whole_once_the_file_says_so_though_nobody_outside_reaches_it(
    checkout: Enforced,
) -> None:
    bucket = _deploy(checkout, "retain")
    with pytest.raises(ClientError, match="explicit deny"):
        checkout.client("s3").get_object(Bucket=bucket, Key=_DEFAULTS)
    # the environment's own function brought what the SDK fills in there, and the emptier gets in, too
    assert _deploy(checkout, "delete") == bucket

    done = checkout("destroy", "local", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything is destroyed, nothing was kept" in done.stdout
    assert stack_failures(checkout) == []
    assert left_behind(checkout) == []
