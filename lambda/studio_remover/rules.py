"""In which order a Studio domain goes, so that nothing of it keeps its network from going."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol


class Layer(Protocol):
    """Things of one kind that go together: the apps of a domain, its mount targets."""

    name: str

    def left(self) -> Sequence[str]:
        """What there still is, also while it is on its way out; empty when nothing is, or never was."""
        ...

    def delete(self) -> None:
        """Asks for the deletion of all that can be deleted now; what is going already is left alone."""
        ...


class TimeIsUp(Exception):
    """The function has to end before all is gone; what was deleted stays deleted."""


def remove(layers: Sequence[Layer], *, time_is_up: Callable[[], bool], pause: Callable[[], None]) -> None:
    """Removes layer by layer, each when the one before it is gone.

    Calling it again goes on where it stopped: it only ever looks at what is left. Raises TimeIsUp.
    """
    for layer in layers:
        while layer.left():
            layer.delete()
            left = layer.left()
            if left and time_is_up():
                raise TimeIsUp(
                    f"{len(left)} {layer.name} are still being deleted, destroy the stack again to go on"
                )
            if left:
                pause()
