"""Whether there is something to read, whatever the descriptor's number."""

from __future__ import annotations

import select


def readable(descriptor: int, seconds: float) -> bool:
    """Whether there is something to read within this time, or nothing more to come.

    `select.select` knows numbers below 1,024 only, and a busy server has more.
    """
    asked = select.poll()
    asked.register(descriptor, select.POLLIN)
    return bool(asked.poll(max(0.0, seconds) * 1000))
