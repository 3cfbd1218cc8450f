"""A local AWS that keeps what it answers, killed and started again as a test wants."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws import process
from support.deployed import LocalAws, client_of
from support.processes import free_port

PATIENCE_SECONDS = 60.0


@dataclass
class PersistentAws:
    """Comes back on the same port with what it had."""

    state: Path
    port: int = field(default_factory=free_port)

    def start(self, *, persist: bool = True) -> LocalAws:
        running = process.start(self.state, self.port, persist=persist)
        client_of.cache_clear()  # connections to the one before
        return LocalAws(url=running.url, state=self.state, pid=running.pid)

    def kill(self) -> None:
        """As `kill -9` does: nothing is said, nothing is finished."""
        running = process.running(self.state)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.running(self.state) is not None and time.monotonic() < deadline:
            pass
        process.stop(self.state)  # collects what has ended

    def stop(self) -> None:
        process.stop(self.state)


def settled(cloudformation: Any, stack: str) -> str:
    """The status of a stack under which nothing is under way any more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        status: str = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            return status
    raise AssertionError(f"{stack} does not settle: {status}")
