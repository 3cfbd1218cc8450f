"""How much one client may ask one model in all, and how that is counted.

Counted is what a model is given to do: a request that is refused before costs nothing, one that the model has
surely not seen is given back, and an order counts once, however often its key comes. Where it cannot be
counted, the model is not asked: whoever overloads the count must not get past it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from inference_gateway.ports import Counter, EndpointFault, NotCounted, QuotaUsedUp
from runtime_common.deadline import Deadline

Per = Literal["day", "week", "month"]
PERIODS = ("day", "week", "month")
_DAY = 86400
_SUNDAY = 4
"""The epoch was a Thursday: four days before it began a week."""
_KEPT_SECONDS = 7 * _DAY
"""How long a count is there after its period, for who looks into it."""
_SECONDS = 2.0
"""How long to wait for a count: the model has the rest of the time."""


class Quota(NamedTuple):
    client: str
    model: str
    requests: int
    per: Per

    def period(self, now: float) -> tuple[int, int]:
        """When the present one began and ends: in UTC, weeks from Sunday, as API Gateway has its quotas."""
        day = int(now // _DAY)
        if self.per == "day":
            first, after = day, day + 1
        elif self.per == "week":
            first = (day + _SUNDAY) // 7 * 7 - _SUNDAY
            after = first + 7
        else:
            first = _first_of_month(day)
            after = _first_of_month(first + 31)
        return first * _DAY, after * _DAY

    def name(self, began: int) -> str:
        """Of the count: nothing that is in one can be in another, and a new period begins with none."""
        return f"{self.client}/{self.model}/{self.per}/{began}"


def _first_of_month(day: int) -> int:
    return day - time.gmtime(day * _DAY).tm_mday + 1


class Meter:
    """Counts what clients ask. `counter` makes it when the first is asked who has a quota."""

    def __init__(self, counter: Callable[[], Counter], now: Callable[[], float] = time.time) -> None:
        self._counter = counter
        self._now = now

    def spend(self, quota: Quota | None, deadline: Deadline) -> None:
        """Raises :class:`QuotaUsedUp` or :class:`NotCounted`, and the model is not to be asked."""
        if quota is None:
            return
        now = self._now()
        began, ends = quota.period(now)
        within = deadline.within(_SECONDS)
        if not self._counter().add(quota.name(began), quota.requests, ends + _KEPT_SECONDS, within):
            raise QuotaUsedUp(quota.requests, quota.per, int(ends - now) + 1)

    def give_back(self, quota: Quota | None, fault: EndpointFault, deadline: Deadline) -> None:
        """After a fault with which the model has not run."""
        if quota is None or isinstance(fault, QuotaUsedUp | NotCounted):
            return
        began, _ = quota.period(self._now())
        try:
            self._counter().take_back(quota.name(began), deadline.within(_SECONDS))
        except NotCounted as error:
            raise NotCounted(f"{error}, after {type(fault).__name__}: {fault}") from fault
