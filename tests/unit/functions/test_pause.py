"""How the functions wait."""

from __future__ import annotations

from runtime_common.pause import growing_pause


def test_grows_up_to_the_longest() -> None:
    slept: list[float] = []
    pause = growing_pause(1, sleep=slept.append)

    for _ in range(6):
        pause()

    assert slept == [0.1, 0.2, 0.4, 0.8, 1, 1]
