"""One look at what runs: what it has cost, who is over, what is refused and stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from compute_common.thing import CannotSee, Thing, Unseen
from spending_cap.ledger import metered, month_of, opened
from spending_cap.ports import Account, Book, Gate, Ledger, Run, Settings, Sight, Standing
from spending_cap.report import as_json, as_text, message
from spending_cap.rules import Prices, gate, is_over, new_marks, open_until, standings, to_stop


class Eye(Protocol):
    """Where runs of one kind are seen, and stopped."""

    kind: str

    def runs(self, since: datetime) -> Iterator[Run | Unseen]:
        """What runs now, and what has ended since. Raises CannotSee."""
        ...

    def stop(self, thing: Thing) -> None: ...


class Teller(Protocol):
    """Who is told."""

    def tell(self, team: str | None, person: str | None, subject: str, text: str) -> None: ...

    def count(self, counts: Mapping[str, int]) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What was found, and what was done about it."""

    ledger: Ledger
    standing: Sequence[Standing]
    open_until: datetime | None
    unseen: Mapping[str, str] = field(default_factory=dict)
    unpriced: Sequence[str] = ()
    stopped: Sequence[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[str] = ()

    @property
    def counts(self) -> dict[str, int]:
        return {
            "Runs": 1,
            "NotSeen": len(self.unseen) + len(self.unpriced),
            "Failed": len(self.failed),
            "Problems": len(self.problems),
            "Over": sum(each.over for each in self.standing),
            "Stopped": len(self.stopped),
        }


@dataclass(frozen=True)
class Circle:
    """Whom the caps are about."""

    teams: Sequence[str]
    """Those whose roles have a gate."""
    people: Mapping[str, str]
    """The team of each user profile that the file knows."""


def look(
    eyes: Sequence[Eye],
    book: Book,
    gates: Gate,
    teller: Teller,
    settings: Settings,
    prices: Prices,
    circle: Circle,
    now: datetime,
    last_month: Callable[[datetime], str],
) -> Outcome:
    """Looks, keeps what it has found, and only then lets through, refuses and stops.

    When charges cannot be read or kept, it raises before it has let anything through. A second look at the
    same time charges nothing twice.
    """
    ledger = book.ledger(month_of(now))
    if ledger is None:
        ledger = opened(book.ledger(last_month(now)), now)
    sights, unseen = _sights(eyes, ledger, now)
    ledger = metered(ledger, sights, now)
    lifts, problems = book.lifts()
    standing = standings(ledger, settings, lifts, circle.people, now)
    failed: dict[str, str] = {}
    told = _tell(new_marks(standing, ledger, settings.warn_percent), circle, teller, settings, failed)
    ledger = replace(ledger, told=[*ledger.told, *told])
    book.keep(ledger)
    until = open_until(ledger, [eye.kind for eye in eyes], settings)
    for team in circle.teams if settings.acts else ():
        try:
            gates.write(team, gate(team, standing, until, settings, prices, circle.people))
        except CannotSee as unwritten:
            failed[f"the gate of {team}"] = str(unwritten)
    running = [run.thing for sight in sights for run in sight.runs if run.ended is None]
    due = to_stop(running, standing)
    stopped = list(_stop(eyes, sights, due, failed)) if settings.acts else []
    unpriced = sorted(
        {
            run.thing.name
            for sight in sights
            for run in sight.runs
            if run.usd_per_hour is None and not run.ended
        }
    )
    problems = [
        *problems,
        *(
            f"{each.name} runs on: {each.protected}"
            for each in running
            if each.protected and is_over(each, standing)
        ),
    ]
    outcome = Outcome(ledger, standing, until, unseen, unpriced, stopped, failed, problems)
    book.report("latest.json", as_json(outcome, settings, now), "application/json")
    book.report("latest.md", as_text(outcome, settings, now), "text/markdown; charset=utf-8")
    teller.count(outcome.counts)
    return outcome


def _sights(eyes: Sequence[Eye], ledger: Ledger, now: datetime) -> tuple[list[Sight], dict[str, str]]:
    sights, unseen = [], {}
    for eye in eyes:
        runs: list[Run] = []
        why: list[str] = []
        try:
            for each in eye.runs(ledger.seen.get(eye.kind, now)):
                if isinstance(each, Unseen):
                    why.append(f"{each.name}: {each.reason}")
                else:
                    runs.append(each)
        except CannotSee as blind:
            why.append(str(blind))
        if why:
            unseen[eye.kind] = "; ".join(why)
        sights.append(Sight(eye.kind, runs, unseen.get(eye.kind, "")))
    return sights, unseen


def _tell(
    marks: Sequence[tuple[str, Standing, int]],
    circle: Circle,
    teller: Teller,
    settings: Settings,
    failed: dict[str, str],
) -> list[str]:
    told = []
    for mark, standing, percent in marks:
        team, person = _who(standing.account, circle)
        try:
            teller.tell(team, person, *message(standing, percent, settings))
        except CannotSee as unsaid:
            failed[f"telling {standing.account[1]}"] = str(unsaid)
        else:
            told.append(mark)
    return told


def _who(account: Account, circle: Circle) -> tuple[str | None, str | None]:
    what, name = account
    return (name, None) if what == "team" else (circle.people.get(name), name)


def _stop(
    eyes: Sequence[Eye], sights: Sequence[Sight], due: Sequence[Thing], failed: dict[str, str]
) -> Iterator[str]:
    by_kind = {eye.kind: eye for eye in eyes}
    for sight in sights:
        for run in sight.runs:
            if run.thing in due and run.ended is None:
                try:
                    by_kind[sight.kind].stop(run.thing)
                except Exception as error:  # noqa: BLE001 - one that does not stop does not keep the others
                    failed[run.thing.name] = f"not stopped: {error}"
                else:
                    yield run.thing.name
