"""In which order a Studio domain goes, so that nothing of it keeps its network from going."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from runtime_common.continuation import TimeIsUp

_SHOWN = 3


class Layer(Protocol):
    """Things of one kind that go together: the apps of a domain, its mount targets."""

    name: str

    def left(self) -> Sequence[str]:
        """What there still is, also while it is on its way out; empty when nothing is, or never was."""
        ...

    def delete(self, time_is_up: Callable[[], bool]) -> None:
        """Asks for the deletion of all that can be deleted now, and stops asking when time is up.

        What is going already is left alone.
        """
        ...


def remove(
    layers: Sequence[Layer],
    *,
    time_is_up: Callable[[], bool],
    pause: Callable[[], None],
    tell: Callable[[str, Sequence[str]], None] = lambda _name, _left: None,
) -> None:
    """Removes layer by layer, each when those before it are gone.

    It looks at all of them each time: whoever opens a new app meanwhile does not keep its space from
    going. Calling it again goes on where it stopped, for it only ever looks at what is left. `tell` hears
    what that is. Raises TimeIsUp.
    """
    while (layer := _outermost(layers)) is not None:
        layer.delete(time_is_up)
        left = layer.left()
        tell(layer.name, left)
        if left and time_is_up():
            raise TimeIsUp(
                f"{layer.name} still being deleted: {shortened(left)}; destroy the stack again to go on"
            )
        if left:
            pause()


def _outermost(layers: Sequence[Layer]) -> Layer | None:
    return next((layer for layer in layers if layer.left()), None)


def shortened(names: Sequence[str]) -> str:
    """The first names of many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
