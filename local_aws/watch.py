"""What is looked at again and again, for as long as there is anything to look at."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from local_aws import hooks

logger = logging.getLogger("local_aws.watch")

_LOOK_SECONDS = 0.5


class Watch:
    """Calls `look` twice a second in each account and region that `places` names, in a thread of its own.

    The thread ends when there are none; whoever adds one calls `start`. An error is logged, and does not
    keep the next look from being taken.
    """

    def __init__(
        self, name: str, places: Callable[[], set[tuple[str, str]]], look: Callable[[float], object]
    ) -> None:
        self._name = name
        self._places = places
        self._look = look
        self._lock = threading.Lock()
        self._watching = False

    def start(self) -> None:
        """Watches from now on; what is there already is enough to call it for."""
        with self._lock:
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name=self._name, daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with self._lock:
                places = self._places()
                if not places:
                    self._watching = False
                    return
            for account, region in places:
                with hooks.request.scope(account, region):
                    try:
                        self._look(time.time())
                    except Exception:
                        logger.exception("%s: this look has failed", self._name)
