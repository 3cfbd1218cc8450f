"""How the functions know that their time is up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runtime_common.time_left import less_than


@pytest.mark.parametrize(("left_ms", "is_up"), [(30_001, False), (30_000, False), (29_999, True)])
def test_time_is_up_when_less_is_left_than_was_said(left_ms: int, is_up: bool) -> None:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: left_ms)

    assert less_than(30, context)() is is_up


def test_it_is_asked_anew_each_time() -> None:
    left = iter([60_000, 1_000])
    time_is_up = less_than(30, SimpleNamespace(get_remaining_time_in_millis=lambda: next(left)))

    assert [time_is_up(), time_is_up()] == [False, True]
