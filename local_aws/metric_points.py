"""What CloudWatch keeps of a metric's values, the finer the newer they are.

AWS keeps what was sent for less than a minute 3 hours, each minute 15 days, five minutes 63 days, and each
hour 455 days: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Metric
Here the seconds are kept for five minutes: a machine that is busy has thousands of them, and an alarm
looks at them again and again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple, SupportsIndex

Point = MutableMapping[str, Any]
"""ministack's: `Timestamp`, `Unit` and `Dimensions`, with `Value` (and `Count`, how often it was there) or,
as `_stat`, the statistics of several."""

_MINUTE, _DAY = 60.0, 86400.0
_TIERS = ((5 * _MINUTE, _MINUTE), (15 * _DAY, 5 * _MINUTE), (63 * _DAY, 60 * _MINUTE))
"""From which age on how many seconds are one."""
_KEPT_SECONDS = 455 * _DAY
_MOST_POINTS = 100_000
"""Of one metric; the oldest go first."""
_MOST_VALUES = 150
"""That are told apart in a minute; of more, the first two digits are. No more fit in one datum:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html"""


class _Statistics(NamedTuple):
    """A statistic set, in CloudWatch's words."""

    SampleCount: float
    Sum: float
    Minimum: float
    Maximum: float


class Points(list[Point]):
    """The points of one metric, by time. All that is done with them is done on the event loop."""

    def __init__(self, points: Iterable[Point] = ()) -> None:
        super().__init__(sorted(points, key=_time))
        self._thinned = [0.0] * len(_TIERS)

    def append(self, point: Point) -> None:
        if not self:
            super().append(point)
            return
        point["Dimensions"] = self[0]["Dimensions"]  # they are the metric's: once is enough
        if self[-1]["Timestamp"] <= point["Timestamp"]:
            super().append(point)
        else:
            insort(self, point, key=_time)

    def thin(self, now: float) -> None:
        """Puts together what is old, and forgets what is too old."""
        for number, (age, seconds) in enumerate(_TIERS):
            until = (now - age) // seconds * seconds
            first, last = (bisect_left(self, when, key=_time) for when in (self._thinned[number], until))
            self[first:last] = thinned(self[first:last], seconds)
            self._thinned[number] = until
        del self[: max(bisect_left(self, now - _KEPT_SECONDS, key=_time), len(self) - _MOST_POINTS)]

    def __reduce_ex__(self, _: SupportsIndex) -> tuple[type[list[Point]], tuple[list[Point]]]:
        """What is kept beyond the server's life is data alone."""
        return list, (list(self),)


def since(points: Sequence[Mapping[str, Any]], when: float) -> Sequence[Mapping[str, Any]]:
    """Those from a time on, of points by time."""
    return points[bisect_left(points, when, key=_time) :]


def thinned(points: Iterable[Point], seconds: float) -> list[Point]:
    """The same points with the time of so many seconds in which they are, equal values counted."""
    slots: dict[tuple[float, str], list[Point]] = {}
    for point in points:
        began = point["Timestamp"] // seconds * seconds
        slots.setdefault((began, point["Unit"]), []).append(point)
    return [
        {"Timestamp": began, "Unit": unit, "Dimensions": each[0]["Dimensions"], **values}
        for (began, unit), each in slots.items()
        for values in _together(each)
    ]


def _together(points: Iterable[Point]) -> Iterator[Mapping[str, Any]]:
    counts: dict[float, float] = {}
    sets = []
    for point in points:
        told = point.get("_stat")
        if told is None:
            value = point["Value"]
            counts[value] = counts.get(value, 0.0) + point.get("Count", 1.0)
            continue
        found = _Statistics(*(float(told.get(name, 0)) for name in _Statistics._fields))
        if found.Minimum == found.Maximum:
            counts[found.Minimum] = counts.get(found.Minimum, 0.0) + found.SampleCount
        elif found.SampleCount:
            sets.append(found)
    for value, count in _fewer(counts):
        yield {"Value": value, "Count": count}
    if sets:
        numbers, totals, least, most = zip(*sets, strict=True)
        one = _Statistics(sum(numbers), sum(totals), min(least), max(most))
        yield {"Value": one.Sum / one.SampleCount, "_stat": one._asdict()}


def _fewer(counts: Mapping[float, float]) -> Iterable[tuple[float, float]]:
    """Values and how often each was there: of many, those between the least and the most are put together
    where they have the same first digits, as their mean. The sum is the same."""
    if len(counts) <= _MOST_VALUES:
        return counts.items()
    ends = min(counts), max(counts)
    groups: dict[float, tuple[float, float]] = {}
    for value, count in counts.items():
        if value not in ends:
            number, total = groups.get(group := float(f"{value:.2g}"), (0.0, 0.0))
            groups[group] = number + count, total + value * count
    between = ((total / number, number) for number, total in groups.values() if number)
    return [*((end, counts[end]) for end in ends), *between]


def _time(point: Mapping[str, Any]) -> float:
    return float(point["Timestamp"])
