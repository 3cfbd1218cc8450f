"""The function that removes a Studio domain before its stack is destroyed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from runtime_common.continuation import TimeIsUp
from studio_remover.rules import Layer, remove, shortened


class Things(Layer):
    """Things that take so many looks to go; what happens is written down."""

    def __init__(self, name: str, count: int, log: list[str], looks: int = 0) -> None:
        self.name = name
        self._there = [f"{name}-{number}" for number in range(count)]
        self._log = log
        self._looks = looks
        self._going = False

    def left(self) -> Sequence[str]:
        if self._going:
            self._looks -= 1
            if self._looks < 0:
                self._there = []
        return self._there

    def delete(self, time_is_up: Callable[[], bool]) -> None:
        self._log.append(f"delete {self.name}")
        self._going = True

    def reappear(self) -> None:
        self._there = [f"{self.name}-new"]


def test_removes_each_layer_when_the_one_before_it_is_gone() -> None:
    log: list[str] = []
    layers = [Things("apps", 2, log, looks=1), Things("spaces", 0, log), Things("domains", 1, log)]

    remove(layers, time_is_up=lambda: False, pause=lambda: log.append("pause"))

    assert log == ["delete apps", "pause", "delete domains"]


def test_says_what_was_left_when_its_time_is_up_and_goes_on_when_called_again() -> None:
    log: list[str] = []
    layers = [Things("apps", 2, log, looks=2), Things("domains", 1, log)]

    with pytest.raises(TimeIsUp, match="apps still being deleted: apps-0, apps-1; destroy the stack again"):
        remove(layers, time_is_up=lambda: True, pause=lambda: None)
    remove(layers, time_is_up=lambda: False, pause=lambda: None)

    assert log[-1] == "delete domains"


def test_does_nothing_where_nothing_is_left() -> None:
    log: list[str] = []

    remove([Things("apps", 0, log), Things("domains", 0, log)], time_is_up=lambda: True, pause=lambda: None)

    assert log == []


def test_goes_back_to_what_somebody_has_opened_meanwhile() -> None:
    log: list[str] = []
    apps, spaces = Things("apps", 0, log), Things("spaces", 1, log, looks=1)

    def open_one() -> None:
        if log == ["delete spaces"]:
            apps.reappear()

    remove([apps, spaces], time_is_up=lambda: False, pause=open_one)

    assert log == ["delete spaces", "delete apps"]


def test_tells_what_is_left_of_each_layer() -> None:
    told: list[tuple[str, int]] = []
    layers = [Things("apps", 2, [], looks=1), Things("domains", 1, [])]

    remove(
        layers,
        time_is_up=lambda: False,
        pause=lambda: None,
        tell=lambda name, left: told.append((name, len(left))),
    )

    assert told == [("apps", 2), ("domains", 0)]


def test_shows_the_first_of_many() -> None:
    assert shortened(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert shortened(["a", "b", "c"]) == "a, b, c"
