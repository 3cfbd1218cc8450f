"""Waiting for what happens by itself, without keeping it from happening: a look costs both sides work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_SECONDS = 0.02

AT_ONCE = {"Delay": PAUSE_SECONDS, "MaxAttempts": 10_000}
"""For boto3's waiters: asks again soon."""

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], seconds: float = 60) -> Found:
    """What is found, once it is there; fails when nothing is."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, f"it has not happened within {seconds:g} s"
        time.sleep(PAUSE_SECONDS)
    return found
