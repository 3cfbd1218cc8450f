"""Where things are: the repository, and the folder that holds what belongs to this machine alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def state_folder() -> Path:
    """`.clary` in the repository, or the folder that CLARY_STATE names (a second environment, a test)."""
    folder = Path(os.environ.get("CLARY_STATE", ROOT / ".clary")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def only_one(state: Path, *, waiting: Callable[[], None]) -> Iterator[int]:
    """One change at a time, the next waits: yields the lock's descriptor, for children to inherit.

    A CDK that outlives a killed `clary` so keeps the lock until it is done. `waiting` is called when
    somebody else has the lock, before waiting for it.
    """
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()
