"""Where things are: the repository, and the folder that holds what belongs to this machine alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clary.errors import ClaryError

ROOT = Path(__file__).resolve().parents[1]


def state_folder() -> Path:
    """`.clary` in the repository, or the folder that CLARY_STATE names (a second environment, a test)."""
    folder = Path(os.environ.get("CLARY_STATE", ROOT / ".clary")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def only_one(state: Path) -> Iterator[int]:
    """One change at a time: yields the lock's descriptor, which children that change things inherit.

    A child that outlives a killed `clary` so keeps the lock until it is done, too.
    """
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClaryError(
                f"another clary is at work here (its lock is {lock.name}),"
                " wait until it is done and run this again"
            ) from None
        os.set_inheritable(lock.fileno(), True)
        yield lock.fileno()
