"""What the sweeper stops, and when: rules against a clock that is a parameter, and a month of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from compute_common.thing import CannotSee, Kind, Thing, Unseen
from sweeper.ports import Decision, Limit, Seen, Settings
from sweeper.rules import KEEP_TAG, decide
from sweeper.sweep import Outcome, sweep

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = Settings(
    acts=True,
    grace_hours=24,
    longest_exemption_days=90,
    sweeps_declared=False,
    limits={
        "app": Limit(idle_hours=24, age_hours=96),
        "endpoint": Limit(idle_hours=72, age_hours=None),
        "notebook-instance": Limit(idle_hours=None, age_hours=24),
    },
)
ENDPOINT = Thing("endpoint", "research--old", NOW - 200 * HOUR, team="research", person="research-ada")
IDLE = Seen(ENDPOINT, NOW - 80 * HOUR)


def decided(seen: Seen, settings: Settings = SETTINGS, at: datetime | None = None) -> Decision:
    """With an owner who was told at some time, or was not."""
    (found,) = decide([seen], NOW, settings, {} if at is None else {ENDPOINT.key: at})
    return found


def tagged(value: str) -> Seen:
    return replace(IDLE, thing=replace(ENDPOINT, tags={KEEP_TAG: value}))


def test_what_is_used_is_left_alone() -> None:
    assert decided(Seen(ENDPOINT, NOW - 71 * HOUR)).verdict == "in use"
    assert decided(Seen(ENDPOINT, None)).verdict == "in use"


def test_what_is_idle_is_warned_of_before_anything_else() -> None:
    found = decided(IDLE)

    assert (found.verdict, found.reason) == ("warned", "not used for 80 hours")
    assert found.acts_at == NOW + 24 * HOUR


def test_what_was_warned_of_has_its_time_of_grace() -> None:
    assert decided(IDLE, at=NOW - 23 * HOUR).verdict == "waiting"
    assert decided(IDLE, at=NOW - 24 * HOUR).verdict == "due"


def test_what_was_started_again_is_warned_of_again() -> None:
    again = replace(IDLE, thing=replace(ENDPOINT, since=NOW - 100 * HOUR))

    assert decided(again, at=NOW - 48 * HOUR).verdict == "warned"


def test_a_dry_run_only_says_what_would_be() -> None:
    found = decided(IDLE, replace(SETTINGS, acts=False), at=NOW - 48 * HOUR)

    assert found.verdict == "would be warned"
    assert found.acts_at == NOW + 24 * HOUR


def test_age_counts_where_nobody_can_say_whether_something_is_used() -> None:
    open_for_long = Seen(Thing("app", "ada/JupyterLab/default", NOW - 96 * HOUR), None)
    notebook = Seen(Thing("notebook-instance", "research--nb", NOW - 23 * HOUR), None)

    assert decided(open_for_long).reason == "running for 96 hours"
    assert decided(notebook).verdict == "in use"


@pytest.mark.parametrize("last_day", ["2026-11-02", "2027-01-31"])
def test_a_tag_keeps_something_until_the_end_of_its_day(last_day: str) -> None:
    found = decided(tagged(last_day), at=NOW - 48 * HOUR)

    assert (found.verdict, found.problem) == ("exempt", "")
    assert last_day in found.reason


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("2026-11-01", "its exemption ended on 2026-11-01"),
        ("for ever", "its tag clary:keep-until is 'for ever', give a day like 2026-11-02"),
        ("", "its tag clary:keep-until is '', give a day like 2026-11-02"),
        ("2027-02-01", "its tag clary:keep-until is '2027-02-01', give a day within the next 90 days"),
    ],
)
def test_a_tag_that_is_over_or_unreadable_keeps_nothing_and_is_told_of(value: str, problem: str) -> None:
    found = decided(tagged(value), at=NOW - 48 * HOUR)

    assert (found.verdict, found.problem) == ("due", problem)


def test_what_would_lose_something_is_left_alone() -> None:
    protected = replace(IDLE, thing=replace(ENDPOINT, protected="it is protected from termination"))

    found = decided(protected, at=NOW - 48 * HOUR)

    assert found.verdict == "left alone"
    assert found.reason == "not used for 80 hours, but it is protected from termination"


def test_what_the_file_has_is_stopped_only_when_the_file_says_so() -> None:
    declared = replace(IDLE, thing=replace(ENDPOINT, declared=True))

    assert decided(declared).verdict == "left alone"
    assert decided(declared, replace(SETTINGS, sweeps_declared=True)).verdict == "warned"


# ---------------------------------------------------------------------------------- one sweep, with fakes


@dataclass
class Compute:
    """Things of one kind, and how they are used; or why nobody can tell."""

    kind: Kind
    running: list[Thing] = field(default_factory=list)
    used: dict[str, datetime] = field(default_factory=dict)
    blind: str = ""
    unseen: dict[str, str] = field(default_factory=dict)
    stays: set[str] = field(default_factory=set)
    stopped: list[str] = field(default_factory=list)

    def things(self, before: datetime) -> Iterator[Thing | Unseen]:
        if self.blind:
            raise CannotSee(self.blind)
        yield from (each for each in self.running if each.since < before)

    def idle_since(self, thing: Thing, hours: int, now: datetime) -> tuple[datetime | None, str]:
        if thing.name in self.unseen:
            raise CannotSee(self.unseen[thing.name])
        last = self.used.get(thing.name, thing.since)
        return (last, "") if now - last >= hours * HOUR else (None, "")

    def stop(self, thing: Thing) -> None:
        if thing.name in self.stays:
            raise RuntimeError("it does not want to")
        self.running.remove(thing)
        self.stopped.append(thing.name)


@dataclass
class Desk:
    """What is remembered, and who was told."""

    state: dict[str, datetime] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str | None, str | None, str, str]] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)
    deaf: bool = False
    forgetful: bool = False

    def warned(self) -> Mapping[str, datetime]:
        return dict(self.state)

    def remember(self, warned: Mapping[str, datetime]) -> None:
        if self.forgetful:
            raise RuntimeError("the bucket is closed")
        self.state = dict(warned)

    def report(self, name: str, text: str, content_type: str) -> None:
        self.reports[name] = text

    def tell(self, team: str | None, person: str | None, subject: str, text: str) -> None:
        if self.deaf:
            raise CannotSee("nobody could be told")
        self.told.append((team, person, subject, text))

    def count(self, counts: Mapping[str, int]) -> None:
        self.counts = counts


def swept(compute: Compute, desk: Desk, now: datetime, settings: Settings = SETTINGS) -> Outcome:
    return sweep([compute], {compute.kind: compute}, desk, desk, settings, now)


@pytest.fixture
def endpoints() -> Compute:
    return Compute("endpoint", [ENDPOINT])


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_owner_is_told_twice_and_the_thing_is_stopped_once(endpoints: Compute, desk: Desk) -> None:
    for hours in range(27):
        swept(endpoints, desk, NOW + hours * HOUR)

    assert endpoints.stopped == ["research--old"]
    assert [(team, person, subject) for team, person, subject, _ in desk.told] == [
        ("research", "research-ada", "research--old will be stopped"),
        ("research", "research-ada", "research--old was stopped"),
    ]
    assert "on 2026-11-03 at 09:30 UTC" in desk.told[0][3]
    assert "to bring it back: start it anew" in desk.told[1][3]
    assert desk.state == {}


def test_what_is_used_within_its_time_of_grace_is_forgotten(endpoints: Compute, desk: Desk) -> None:
    swept(endpoints, desk, NOW)
    endpoints.used["research--old"] = NOW + HOUR

    swept(endpoints, desk, NOW + 30 * HOUR)
    swept(endpoints, desk, NOW + 74 * HOUR)

    assert endpoints.stopped == []
    assert [subject for *_, subject, _ in desk.told] == ["research--old will be stopped"] * 2


def test_a_dry_run_tells_and_remembers_nobody(endpoints: Compute, desk: Desk) -> None:
    for hours in range(100):
        swept(endpoints, desk, NOW + hours * HOUR, replace(SETTINGS, acts=False))

    assert (endpoints.stopped, desk.told, desk.state) == ([], [], {})
    assert "Would be warned" in desk.reports["latest.md"]


def test_a_warning_that_reached_nobody_is_none(endpoints: Compute, desk: Desk) -> None:
    desk.deaf = True
    for hours in range(50):
        swept(endpoints, desk, NOW + hours * HOUR)

    assert endpoints.stopped == []
    assert desk.counts["Failed"] == 1


def test_nothing_is_stopped_by_whoever_cannot_remember_whom_they_warned(
    endpoints: Compute, desk: Desk
) -> None:
    desk.state = {ENDPOINT.key: NOW - 48 * HOUR}
    desk.forgetful = True

    with pytest.raises(RuntimeError, match="the bucket is closed"):
        swept(endpoints, desk, NOW)

    assert endpoints.stopped == []


@pytest.mark.parametrize("how", ["one", "all"])
def test_what_is_not_seen_is_left_alone_and_told_of(endpoints: Compute, desk: Desk, how: str) -> None:
    swept(endpoints, desk, NOW)
    why = "get_metric_data: Rate exceeded"
    if how == "one":
        endpoints.unseen["research--old"] = why
    else:
        endpoints.blind = why

    for hours in range(1, 60):
        swept(endpoints, desk, NOW + hours * HOUR)

    assert endpoints.stopped == []
    assert desk.counts["NotSeen"] == 1
    assert why in desk.reports["latest.md"]
    assert list(desk.state) == [ENDPOINT.key], "who was warned stays warned"


def test_a_kind_that_nobody_sees_does_not_hide_the_others(desk: Desk) -> None:
    blind = Compute("app", blind="list_apps: AccessDenied")
    notebooks = Compute("notebook-instance", [Thing("notebook-instance", "research--nb", NOW - 30 * HOUR)])

    found = sweep([blind, notebooks], {}, desk, desk, SETTINGS, NOW)

    assert [each.verdict for each in found.decisions] == ["not seen", "warned"]


def test_what_nobody_had_time_to_look_at_is_not_seen(endpoints: Compute, desk: Desk) -> None:
    found = sweep([endpoints], {"endpoint": endpoints}, desk, desk, SETTINGS, NOW, lambda: True)

    assert [(each.verdict, each.reason) for each in found.decisions] == [
        ("not seen", "there was no time to look at it")
    ]


def test_what_does_not_stop_keeps_nothing_else_from_it_and_is_tried_again(
    endpoints: Compute, desk: Desk
) -> None:
    other = replace(ENDPOINT, name="research--other")
    endpoints.running.append(other)
    endpoints.stays.add("research--old")

    for hours in range(26):
        swept(endpoints, desk, NOW + hours * HOUR)
    assert endpoints.stopped == ["research--other"]
    assert "it does not want to" in desk.reports["latest.json"]

    endpoints.stays.clear()
    swept(endpoints, desk, NOW + 26 * HOUR)
    assert endpoints.stopped == ["research--other", "research--old"]


def test_a_report_says_whose_it_is_and_what_it_runs_on(endpoints: Compute, desk: Desk) -> None:
    endpoints.running = [replace(ENDPOINT, instances={"ml.g5.xlarge": 2}, arn="arn:of:it")]

    swept(endpoints, desk, NOW)

    (entry,) = json.loads(desk.reports["2026/11/02/093000.json"])["things"]
    assert entry["person"] == "research-ada"
    assert entry["instances"] == {"ml.g5.xlarge": 2}
    assert entry["acts_at"] == "2026-11-03T09:30:00+00:00"


def test_a_month_stops_what_was_forgotten_and_nothing_that_was_used_kept_or_unseen() -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    names = ("busy", "forgotten", "weekly", "kept", "expired", "unseen", "declared")
    things = {name: Thing("endpoint", name, start - HOUR, team="research") for name in names}
    things["kept"] = replace(things["kept"], tags={KEEP_TAG: "2026-11-30"})
    things["expired"] = replace(things["expired"], tags={KEEP_TAG: "2026-11-10"})
    things["declared"] = replace(things["declared"], declared=True)
    endpoints = Compute("endpoint", list(things.values()), unseen={"unseen": "there are no measurements"})
    desk = Desk()
    stopped_at: dict[str, datetime] = {}

    for hour in range(30 * 24):
        now = start + hour * HOUR
        if hour % 8 == 0:
            endpoints.used["busy"] = now
        if hour % (7 * 24) == 0:
            endpoints.used["weekly"] = now
        if now == start + 5 * 24 * HOUR:
            again = replace(things["forgotten"], since=now - HOUR)
            endpoints.running.append(again)  # somebody brings it back, and forgets it again
        for name in swept(endpoints, desk, now).stopped:
            stopped_at[f"{name} on day {now.day}"] = now

    assert sorted(stopped_at) == [
        "expired on day 12",
        "forgotten on day 10",
        "forgotten on day 5",
        "weekly on day 5",
    ]
    assert {each.name for each in endpoints.running} == {"busy", "kept", "unseen", "declared"}
    ends = [text for *_, subject, text in desk.told if "was stopped" in subject]
    warnings = [text for *_, subject, text in desk.told if "will be" in subject]
    assert len(ends) <= len(warnings)
    assert desk.counts["NotSeen"] == 1
