"""What is stopped, and when: a warning first, then time to answer it, then the end.

Nothing here knows AWS, and the time is a parameter. What is not seen is left alone, and so is whatever
would lose something by being stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from compute_common.thing import Thing, Unseen
from sweeper.ports import Decision, Decisions, Limit, Observation, Seen, Settings, Verdict

KEEP_TAG = "clary:keep-until"
"""Keeps what has it until the end of a day, `2026-12-31`, in UTC."""


def decide(
    observations: Iterable[Observation],
    now: datetime,
    settings: Settings,
    warned: Mapping[str, datetime],
) -> Decisions:
    """What becomes of each; `warned` is whose owners were told, and when."""
    return [_decide(each, now, settings, warned) for each in observations]


def still_warned(
    decisions: Decisions, told: Iterable[str], now: datetime, warned: Mapping[str, datetime]
) -> dict[str, datetime]:
    """What to remember: those whose owner was told now, and those that were told before and still wait.

    What is not seen for a while is not forgotten, and neither is what could not be stopped. What was used
    again begins anew the next time.
    """
    waiting = {each.thing.key for each in decisions if each.thing and each.verdict in ("waiting", "due")}
    unseen = tuple(
        f"{each.kind} {each.name} " if each.name else f"{each.kind} "
        for each in decisions
        if each.verdict == "not seen"
    )
    kept = {key: at for key, at in warned.items() if key in waiting or key.startswith(unseen)}
    return kept | dict.fromkeys(told, now)


def earliest_start(limit: Limit, now: datetime) -> datetime:
    """What has begun later cannot have been too long, and need not be looked at."""
    hours = [each for each in limit if each is not None]
    return now - timedelta(hours=min(hours)) if hours else datetime.min.replace(tzinfo=UTC)


def _decide(
    observation: Observation, now: datetime, settings: Settings, warned: Mapping[str, datetime]
) -> Decision:
    if isinstance(observation, Unseen):
        return Decision(observation.kind, observation.name, "not seen", observation.reason)
    thing = observation.thing

    def verdict(what: Verdict, why: str, at: datetime | None = None, problem: str = "") -> Decision:
        return Decision(thing.kind, thing.name, what, why, thing, at, problem)

    reason = _too_long(observation, settings.limits[thing.kind], now)
    if reason is None:
        return verdict("in use", observation.note or "within its limits")
    kept, problem = _exemption(thing, now, settings.longest_exemption_days)
    if kept is not None:
        return verdict("exempt", f"{reason}; kept until {kept.isoformat()}")
    if thing.protected:
        return verdict("left alone", f"{reason}, but {thing.protected}", problem=problem)
    if thing.declared and not settings.sweeps_declared:
        return verdict("left alone", f"{reason}, but the environment file has it", problem=problem)
    grace = timedelta(hours=settings.grace_hours)
    if not settings.acts:
        return verdict("would be warned", reason, now + grace, problem)
    told_at = warned.get(thing.key)
    if told_at is None:
        return verdict("warned", reason, now + grace, problem)
    what: Verdict = "due" if now >= told_at + grace else "waiting"
    return verdict(what, reason, told_at + grace, problem)


def _too_long(seen: Seen, limit: Limit, now: datetime) -> str | None:
    if seen.idle_since is not None and limit.idle_hours is not None:
        hours = _hours(now - seen.idle_since)
        if hours >= limit.idle_hours:
            return f"not used for {hours} hours"
    hours = _hours(now - seen.thing.since)
    if limit.age_hours is not None and hours >= limit.age_hours:
        return f"running for {hours} hours"
    return None


def _hours(time: timedelta) -> int:
    return int(time.total_seconds() // 3600)


def _exemption(thing: Thing, now: datetime, longest_days: int) -> tuple[date | None, str]:
    """Until when it is kept; or what is wrong with what was meant to keep it."""
    said = thing.tags.get(KEEP_TAG)
    if said is None:
        return None, ""
    try:
        until = date.fromisoformat(said.strip())
    except ValueError:
        return None, f"its tag {KEEP_TAG} is '{said}', give a day like {now.date().isoformat()}"
    today = now.astimezone(UTC).date()
    if until < today:
        return None, f"its exemption ended on {until.isoformat()}"
    if until > today + timedelta(days=longest_days):
        return None, f"its tag {KEEP_TAG} is '{said}', give a day within the next {longest_days} days"
    return until, ""
