"""What is left of endpoints when the local AWS ends, however it ends."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import pytest

from local_aws import process
from support.deployed import LocalAws, client_of
from support.sagemaker import Workshop

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="sees processes end through pidfds")


def children_of(pid: int) -> list[int]:
    """All processes below one."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children_of(child)]
    return found


def end_of(descriptor: int) -> bool:
    """Whether the process has ended, ten seconds at most from now."""
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_leaves_no_container_behind(tmp_path: Path, how: signal.Signals) -> None:
    running = process.start(tmp_path, port=0)
    local_aws = LocalAws(url=running.url, state=tmp_path, pid=running.pid)
    try:
        workshop = Workshop(local_aws, "200000000003", tmp_path / "image")
        workshop.serve("mortal", workshop.configure("mortal", factor=2))
        workshop.train("endless", forever="yes")
        workshop.begun("endless")
        descriptors = [os.pidfd_open(pid) for pid in children_of(running.pid)]

        os.kill(running.pid, how)

        assert len(descriptors) >= 6  # three processes each for the endpoint and the job
        ended = [end_of(descriptor) for descriptor in descriptors]
        assert all(ended)
    finally:
        client_of.cache_clear()
        process.stop(tmp_path)
