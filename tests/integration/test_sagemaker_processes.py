"""What is left of endpoints when the local AWS ends, however it ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from local_aws import process
from support.deployed import LocalAws, client_of
from support.processes import children_of, left_of
from support.sagemaker import Workshop


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_leaves_no_container_behind(tmp_path: Path, how: signal.Signals) -> None:
    running = process.start(tmp_path, port=0)
    local_aws = LocalAws(url=running.url, state=tmp_path, pid=running.pid)
    try:
        workshop = Workshop(local_aws, "200000000003", tmp_path / "image")
        workshop.serve("mortal", workshop.configure("mortal", factor=2))
        workshop.train("endless", forever="yes")
        workshop.begun("endless")
        children = children_of(running.pid)

        os.kill(running.pid, how)

        assert len(children) >= 6  # three processes each for the endpoint and the job
        assert left_of(children) == []
    finally:
        client_of.cache_clear()
        process.stop(tmp_path)
