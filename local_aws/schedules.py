"""When something is to happen next: `at(...)`, `rate(...)` and `cron(...)`, as AWS's services write them.

Nothing here looks at a clock.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

_EXPRESSION = re.compile(r"(?P<kind>at|rate|cron)\((?P<inside>[^()]*)\)")
_RATE = re.compile(r"(?P<value>[1-9]\d*) +(?P<unit>minute|hour|day)s?")
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_OFFSET = re.compile(r"(?:UTC|GMT)(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?")
_LAST_YEAR = 2199
_YEARS_AHEAD = 12
"""Farther than that nobody looks: 29 February comes back within eight years, also around 2100."""
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}


class InvalidSchedule(ValueError):
    """Why an expression says no time."""


@dataclass(frozen=True)
class At:
    moment: datetime.datetime

    def after(self, moment: datetime.datetime) -> datetime.datetime | None:
        return self.moment if self.moment > moment else None


@dataclass(frozen=True)
class Rate:
    seconds: float

    def after(self, moment: datetime.datetime) -> datetime.datetime:
        return moment + datetime.timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Cron:
    minutes: Sequence[int]
    hours: Sequence[int]
    days: str
    months: Sequence[int]
    weekdays: str
    years: Sequence[int]
    zone: datetime.tzinfo

    def after(self, moment: datetime.datetime) -> datetime.datetime | None:
        local = moment.astimezone(self.zone)
        for day in self._dates(local.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    found = datetime.datetime(*day.timetuple()[:3], hour, minute, tzinfo=self.zone)
                    there = found.astimezone(datetime.UTC)
                    # A time that clocks skip in spring is no time; one that they repeat comes once.
                    if there > moment and there.astimezone(self.zone).replace(tzinfo=None) == found.replace(
                        tzinfo=None
                    ):
                        return there
        return None

    def _dates(self, first: datetime.date) -> Iterator[datetime.date]:
        for year in range(first.year, min(first.year + _YEARS_AHEAD, _LAST_YEAR) + 1):
            if year not in self.years:
                continue
            for month in self.months:
                for day in range(1, calendar.monthrange(year, month)[1] + 1):
                    found = datetime.date(year, month, day)
                    if found >= first and _is_day(found, self.days) and _is_weekday(found, self.weekdays):
                        yield found


Schedule = At | Rate | Cron


def parse(expression: str, zone: str | None = None) -> Schedule:
    """Raises `InvalidSchedule`."""
    found = _EXPRESSION.fullmatch(expression.strip())
    if found is None:
        raise InvalidSchedule(f"'{expression}' is not at(...), rate(...) or cron(...)")
    inside, place = found["inside"].strip(), _zone(zone)
    if found["kind"] == "at":
        return _at(inside, place)
    if found["kind"] == "rate":
        return _rate(inside)
    return _cron(inside, place)


def _zone(name: str | None) -> datetime.tzinfo:
    offset = _OFFSET.fullmatch(name or "")
    if offset:
        hours = datetime.timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        return datetime.timezone(-hours if offset["sign"] == "-" else hours)
    try:
        return ZoneInfo(name) if name else datetime.UTC
    except (KeyError, ValueError, OSError) as error:
        raise InvalidSchedule(f"there is no time zone '{name}'") from error


def _at(text: str, zone: datetime.tzinfo) -> At:
    try:
        moment = datetime.datetime.strptime(f"{text}Z", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError as error:
        raise InvalidSchedule(f"'{text}' is not a time such as 2030-12-31T23:59:59") from error
    return At(moment.replace(tzinfo=zone).astimezone(datetime.UTC))


def _rate(text: str) -> Rate:
    found = _RATE.fullmatch(text)
    if found is None:
        raise InvalidSchedule(f"'{text}' is not a rate such as 1 minute or 5 hours")
    return Rate(int(found["value"]) * _UNITS[found["unit"]])


def _cron(text: str, zone: datetime.tzinfo) -> Cron:
    fields = text.split()
    if len(fields) != 6:
        raise InvalidSchedule(f"'{text}' has {len(fields)} fields, a cron expression has six")
    minutes, hours, days, months, weekdays, years = (field.upper() for field in fields)
    if (days == "?") == (weekdays == "?"):
        raise InvalidSchedule(f"'{text}' must have ? as one of day of month and day of week")
    # So that faults are found now, and not when the time has come.
    _is_day(datetime.date(2024, 1, 1), days)
    _is_weekday(datetime.date(2024, 1, 1), weekdays)
    return Cron(
        _numbers(minutes, 0, 59),
        _numbers(hours, 0, 23),
        days,
        _numbers(months, 1, 12, _MONTHS),
        weekdays,
        _numbers(years, 1970, _LAST_YEAR),
        zone,
    )


def _numbers(field: str, least: int, most: int, names: dict[str, int] | None = None) -> list[int]:
    """What `*`, `5`, `1-5`, `*/15`, `10/5`, `MON-FRI` and lists of them mean."""
    found: set[int] = set()
    for part in field.split(","):
        base, _, step = part.partition("/")
        first, _, last = base.partition("-")
        try:
            every = int(step) if step else 1
            start = least if base == "*" else _number(first, names)
            end = most if base == "*" or (step and not last) else _number(last or first, names)
        except ValueError as error:
            raise InvalidSchedule(f"'{part}' is not a part of a cron expression") from error
        if not (least <= start <= most and least <= end <= most and every > 0):
            raise InvalidSchedule(f"'{part}' is not between {least} and {most}")
        # SAT-MON goes around the end.
        around = range(start, end + 1) if start <= end else (*range(start, most + 1), *range(least, end + 1))
        found |= set(around[::every])
    return sorted(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    return (names or {})[text] if text in (names or {}) else int(text)


def _is_day(day: datetime.date, field: str) -> bool:
    if field == "?":
        return True
    last = calendar.monthrange(day.year, day.month)[1]
    plain = []
    for part in field.split(","):
        if part == "L":
            if day.day == last:
                return True
        elif part == "LW":
            if day == _nearest_weekday(day.replace(day=last)):
                return True
        elif part.endswith("W") and part[:-1].isdigit():
            wanted = int(part[:-1])
            if 1 <= wanted <= last and day == _nearest_weekday(day.replace(day=wanted)):
                return True
        else:
            plain.append(part)
    return bool(plain) and day.day in _numbers(",".join(plain), 1, 31)


def _nearest_weekday(day: datetime.date) -> datetime.date:
    """The working day that is nearest, in the same month."""
    weekday = day.weekday()
    if weekday < 5:
        return day
    shift = -1 if weekday == 5 else 1
    moved = day + datetime.timedelta(days=shift)
    return moved if moved.month == day.month else day - datetime.timedelta(days=2 * shift)


def _is_weekday(day: datetime.date, field: str) -> bool:
    if field == "?":
        return True
    number = day.isoweekday() % 7 + 1
    plain = []
    for part in field.split(","):
        if part == "L":
            plain.append("7")
        elif "#" in part:
            wanted, _, count = part.partition("#")
            if not count.isdigit() or not 1 <= int(count) <= 5:
                raise InvalidSchedule(f"'{part}' is not a part of a cron expression")
            if number in _numbers(wanted, 1, 7, _DAYS) and (day.day - 1) // 7 + 1 == int(count):
                return True
        elif part.endswith("L"):
            last = calendar.monthrange(day.year, day.month)[1]
            if number in _numbers(part[:-1], 1, 7, _DAYS) and day.day + 7 > last:
                return True
        else:
            plain.append(part)
    return bool(plain) and number in _numbers(",".join(plain), 1, 7, _DAYS)
