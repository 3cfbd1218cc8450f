"""How long a call of a function still has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def less_than(seconds: float, context: Any) -> Callable[[], bool]:
    """What tells whether Lambda ends the call of this `context` in less than these seconds.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def time_is_up() -> bool:
        left_ms: int = context.get_remaining_time_in_millis()
        return left_ms < seconds * 1000

    return time_is_up
