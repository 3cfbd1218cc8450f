"""What requests are counted by, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference_gateway.ports import NotCounted
from runtime_common.deadline import Deadline


@dataclass
class PlayedCounter:
    """The port `Counter`."""

    counts: dict[str, int] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    broken: bool = False

    def add(self, name: str, most: int, expires: int, deadline: Deadline) -> bool:
        self._called()
        if self.counts.get(name, 0) >= most:
            return False
        self.counts[name] = self.counts.get(name, 0) + 1
        self.expiries[name] = expires
        return True

    def take_back(self, name: str, deadline: Deadline) -> None:
        self._called()
        if self.counts.get(name, 0) > 0:
            self.counts[name] -= 1

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def _called(self) -> None:
        self.calls += 1
        if self.broken:
            raise NotCounted("down")
