"""How the traffic goes from one fleet to the next, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from local_aws.sagemaker.deployment import (
    Guards,
    Plan,
    RollbackFailed,
    RolledBack,
    blue_green,
    rolling,
)
from local_aws.sagemaker.hosting import Fleet, Traffic, Variant, VariantPlan


class Counted(Variant):
    """Instances that are only counted, up to how many there are."""

    def __init__(self, count: int, running: int, available: Callable[[], int] = lambda: 100) -> None:
        super().__init__(VariantPlan("main", 1.0, count, [], {}))
        self.desired = running
        self._available = available

    def resize(self, count: int) -> None:
        if count > self._available():
            raise RuntimeError("there is no capacity")
        self.desired = count


class Watched(Traffic):
    """Remembers the shares by the fleets' configurations, and how many instances there were."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, tuple[float, int]]] = []

    def share(self, *shares: tuple[Fleet, float]) -> None:
        super().share(*shares)
        self.seen.append({fleet.configuration: (part, fleet.variants[0].desired) for fleet, part in shares})


class Log:
    def __init__(self, alarms: Sequence[Sequence[str]] = ()) -> None:
        self.statuses: list[str] = []
        self._alarms = list(alarms)

    def guards(self) -> Guards:
        return Guards(self.statuses.append, self._alarmed, lambda: self.statuses.append("RollingBack"))

    def _alarmed(self) -> Sequence[str]:
        return self._alarms.pop(0) if self._alarms else ()


def fleets(count: int, *, new: int = 0, capacity: Callable[[], int] = lambda: 100) -> tuple[Fleet, Fleet]:
    return (
        Fleet("old", [Counted(count, count, capacity)]),
        Fleet("new", [Counted(count, new)]),
    )


def plan(*steps: float, is_rolling: bool = False, timeout: float = 60.0) -> Plan:
    return Plan(steps, is_rolling, wait=0.0, termination_wait=0.0, timeout=timeout)


def test_shifts_the_traffic_step_by_step() -> None:
    traffic, log = Watched(), Log()
    old, new = fleets(4, new=4)

    blue_green(traffic, old, new, plan(0.25, 1.0), log.guards())

    assert traffic.seen == [{"new": (0.25, 4), "old": (0.75, 4)}, {"new": (1.0, 4)}]
    assert log.statuses == ["ActivatingTraffic", "Baking"] * 2 + ["Deleting"]


def test_gives_the_traffic_back_when_an_alarm_goes_off() -> None:
    traffic, log = Watched(), Log([(), ["errors"]])
    old, new = fleets(4, new=4)

    with pytest.raises(RolledBack, match="are in the state ALARM: errors"):
        blue_green(traffic, old, new, plan(0.25, 1.0), log.guards())

    assert traffic.seen[-1] == {"old": (1.0, 4)}
    assert log.statuses[-1] == "RollingBack"


def test_gives_the_traffic_back_when_the_time_is_over() -> None:
    traffic, log = Watched(), Log()
    old, new = fleets(1, new=1)
    late = Plan((1.0,), rolling=False, wait=0.0, termination_wait=1.0, timeout=0.0)

    with pytest.raises(RolledBack, match="MaximumExecutionTimeoutInSeconds"):
        blue_green(traffic, old, new, late, log.guards())

    assert traffic.seen[-1] == {"old": (1.0, 1)}


def test_rolls_batch_by_batch() -> None:
    traffic, log = Watched(), Log()
    old, new = fleets(4)

    rolling(traffic, old, new, plan(0.5, 1.0, is_rolling=True), log.guards())

    assert traffic.seen == [{"new": (0.5, 2), "old": (0.5, 4)}, {"new": (1.0, 4)}]
    assert (old.variants[0].desired, new.variants[0].desired) == (0, 4)
    assert log.statuses == ["Creating", "ActivatingTraffic", "Baking", "Deleting"] * 2


def test_rolls_back_with_the_instances_that_there_were() -> None:
    traffic, log = Watched(), Log([(), ["errors"]])
    old, new = fleets(4)

    with pytest.raises(RolledBack):
        rolling(traffic, old, new, plan(0.5, 1.0, is_rolling=True), log.guards())

    assert traffic.seen[-1] == {"old": (1.0, 4)}
    assert (old.variants[0].desired, new.variants[0].desired) == (4, 0)


def test_is_left_with_both_when_the_old_instances_do_not_come_back() -> None:
    traffic, log = Watched(), Log([(), ["errors"]])
    old, new = fleets(4, capacity=lambda: 2)

    with pytest.raises(RollbackFailed, match="The rollback failed: there is no capacity"):
        rolling(traffic, old, new, plan(0.5, 1.0, is_rolling=True), log.guards())

    assert (old.variants[0].desired, new.variants[0].desired) == (2, 4)
