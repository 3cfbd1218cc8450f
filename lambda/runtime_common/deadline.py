"""How long somebody still waits for an answer."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """A moment after which nobody waits any more."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock() + seconds

    def remaining(self) -> float:
        """The seconds left, more than zero; raises :class:`TimeoutError` once there are none."""
        seconds = self._at - self._clock()
        if seconds <= 0:
            raise TimeoutError("the time for this request is used up")
        return seconds

    def within(self, seconds: float) -> Deadline:
        """The same, or the one after `seconds`, whichever comes first."""
        left = self._at - self._clock()
        return Deadline(min(left, seconds), self._clock)

    def passed(self) -> bool:
        return self._clock() >= self._at
