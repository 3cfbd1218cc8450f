"""What is done by whoever comes by, and no more often than every so many seconds."""

from __future__ import annotations

import threading


class Every:
    """On any thread, each of which says what time it is."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._last: float | None = None

    def due(self, now: float) -> bool:
        """Whether it has to be done; it counts as done then."""
        with self._lock:
            if self._last is not None and now < self._last + self._seconds:
                return False
            self._last = now
            return True
