"""How long to wait before looking again at something that takes its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain, repeat, takewhile

_SHORTEST_SECONDS = 0.1


def growing_pause(longest_seconds: float, sleep: Callable[[float], None] = time.sleep) -> Callable[[], None]:
    """A function that sleeps twice as long at each call, up to `longest_seconds`.

    What is quick is noticed at once, and what takes minutes is not asked for all the time.
    """
    growing = takewhile(
        lambda seconds: seconds < longest_seconds, (_SHORTEST_SECONDS * 2**n for n in range(64))
    )
    pauses = chain(growing, repeat(longest_seconds))
    return lambda: sleep(next(pauses))
