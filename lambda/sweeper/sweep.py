"""One look at everything, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from compute_common.thing import CannotSee, Kind, Source, Thing, Unseen
from sweeper.ports import Decision, Decisions, Limit, Memory, Observation, Seen, Settings, Teller, Usage
from sweeper.report import as_json, as_text, message
from sweeper.rules import decide, earliest_start, still_warned


@dataclass(frozen=True)
class Outcome:
    """What was decided, and what was done about it."""

    decisions: Decisions
    stopped: Sequence[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """What could not be stopped, or nobody told of, and why."""

    @property
    def counts(self) -> dict[str, int]:
        verdicts = [each.verdict for each in self.decisions]
        return {
            "Runs": 1,
            "NotSeen": verdicts.count("not seen"),
            "Failed": len(self.failed),
            "Problems": sum(bool(each.problem) for each in self.decisions),
            "Unused": len(verdicts) - verdicts.count("in use") - verdicts.count("not seen"),
            "Stopped": len(self.stopped),
        }


def sweep(
    sources: Sequence[Source],
    usage: Mapping[Kind, Usage],
    memory: Memory,
    teller: Teller,
    settings: Settings,
    now: datetime,
    time_is_up: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Looks, tells, stops and reports.

    What somebody was told is remembered before anything is stopped, so that a call that ends in between
    stops nothing of which nobody knows. A second call at the same time finds what the first has left.
    """
    warned = memory.warned() if settings.acts else {}
    swept = [source for source in sources if source.kind in settings.limits]
    observed = [
        each
        for source in swept
        for each in _look(source, usage, settings.limits[source.kind], now, time_is_up)
    ]
    decisions = decide(observed, now, settings, warned)
    failed: dict[str, str] = {}
    if settings.acts:
        told = _warn([each for each in decisions if each.verdict == "warned"], teller, failed)
        memory.remember(still_warned(decisions, told, now, warned))
    stopped = list(_stop(swept, decisions, failed))
    _tell_stopped([each for each in decisions if each.name in stopped], teller, failed)
    outcome = Outcome(decisions, stopped, failed)
    _report(memory, outcome, settings, now)
    teller.count(outcome.counts)
    return outcome


def _look(
    source: Source,
    usage: Mapping[Kind, Usage],
    limit: Limit,
    now: datetime,
    time_is_up: Callable[[], bool],
) -> Iterator[Observation]:
    try:
        for each in source.things(earliest_start(limit, now)):
            if isinstance(each, Unseen):
                yield each
            elif time_is_up():
                yield Unseen(source.kind, each.name, "there was no time to look at it")
            else:
                yield _seen(each, usage.get(source.kind), limit, now)
    except CannotSee as unseen:
        yield Unseen(source.kind, "", str(unseen))


def _seen(thing: Thing, usage: Usage | None, limit: Limit, now: datetime) -> Observation:
    if usage is None or limit.idle_hours is None:
        return Seen(thing, None, "nobody measures its use")
    try:
        return Seen(thing, *usage.idle_since(thing, limit.idle_hours, now))
    except CannotSee as unseen:
        return Unseen(thing.kind, thing.name, str(unseen))


def _warn(decisions: Decisions, teller: Teller, failed: dict[str, str]) -> list[str]:
    """The keys of those whose owner was told."""
    told: list[str] = []
    for (team, person), theirs in _by_owner(decisions).items():
        try:
            teller.tell(team, person, *message(theirs, stopped=False))
        except CannotSee as unsaid:
            failed.update({each.name: str(unsaid) for each in theirs})
        else:
            told += [each.thing.key for each in theirs if each.thing]
    return told


def _tell_stopped(decisions: Decisions, teller: Teller, failed: dict[str, str]) -> None:
    for (team, person), theirs in _by_owner(decisions).items():
        try:
            teller.tell(team, person, *message(theirs, stopped=True))
        except CannotSee as unsaid:
            failed.update({each.name: str(unsaid) for each in theirs})


def _by_owner(decisions: Decisions) -> Mapping[tuple[str | None, str | None], list[Decision]]:
    found: dict[tuple[str | None, str | None], list[Decision]] = {}
    for each in decisions:
        if each.thing is not None:
            found.setdefault((each.thing.team, each.thing.person), []).append(each)
    return found


def _stop(sources: Sequence[Source], decisions: Decisions, failed: dict[str, str]) -> Iterator[str]:
    of_kind = {source.kind: source for source in sources}
    for each in decisions:
        if each.verdict == "due" and each.thing is not None:
            try:
                of_kind[each.kind].stop(each.thing)
            except Exception as error:  # noqa: BLE001 - one that does not stop does not keep the others
                failed[each.name] = f"not stopped: {error}"
            else:
                yield each.name


def _report(memory: Memory, outcome: Outcome, settings: Settings, now: datetime) -> None:
    data, text = as_json(outcome, settings, now), as_text(outcome, settings, now)
    for name in (now.strftime("%Y/%m/%d/%H%M%S"), "latest"):
        memory.report(f"{name}.json", data, "application/json")
        memory.report(f"{name}.md", text, "text/markdown; charset=utf-8")
