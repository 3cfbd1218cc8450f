"""The environment of the tables, deployed once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_aws import process
from support.identity import EnforcingAws
from support.truth_world import World, deploy


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("truth")
    running = process.start(state, port=0, enforce_iam=True)
    assert running.ca is not None
    try:
        yield deploy(EnforcingAws(running.url, running.ca, state), state / "cdk.out")
    finally:
        process.stop(state)
