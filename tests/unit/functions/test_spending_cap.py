"""The meter, the caps and the gates, against a clock that is a parameter; and a month of it.

What a gate refuses is decided as IAM does, at the time of the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from compute_common.thing import CannotSee, Thing, Unseen
from local_aws.identity.policy import Request, statements
from spending_cap.adapters import BucketBook
from spending_cap.handler import last_month
from spending_cap.ledger import spent
from spending_cap.look import Circle, Outcome, look
from spending_cap.ports import Ledger, Lift, Run, Settings, Standing
from spending_cap.rules import gate, standings

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEN_MINUTES = timedelta(minutes=10)
TEAM = ("team", "research")
ADA = ("person", "research-ada")
PRICES = {"studio": {"ml.t3.medium": 0.05, "ml.g5.xlarge": 1.5}, "training": {"ml.g5.xlarge": 1.5}}
NEW_COMPUTE = ("sagemaker:CreateApp", "sagemaker:CreateTrainingJob")
SETTINGS = Settings(
    acts=True,
    teams={"research": 100.0},
    people={"research-ada": 40.0},
    each_person=None,
    warn_percent=80,
    blind_minutes=60,
    new_compute=NEW_COMPUTE,
)
CLOSED = gate("research", [], None, SETTINGS, PRICES, {})
CIRCLE = Circle(["research"], {"research-ada": "research", "research-emmy": "research"})


def app(name: str, since: datetime = START, **more: Any) -> Thing:
    return Thing("app", name, since, instances={"ml.g5.xlarge": 1}, team="research", **more)


@dataclass
class Apps:
    """What runs, and what an hour of it costs; or why nobody can tell."""

    kind: str = "app"
    running: dict[str, Run] = field(default_factory=dict)
    blind: str = ""
    unseen: str = ""
    stopped: list[str] = field(default_factory=list)

    def start(self, thing: Thing, usd_per_hour: float | None = 1.5) -> None:
        self.running[thing.name] = Run(thing, usd_per_hour)

    def runs(self, since: datetime) -> Iterator[Run | Unseen]:
        if self.blind:
            raise CannotSee(self.blind)
        yield from list(self.running.values())
        if self.unseen:
            yield Unseen("app", "somebody/JupyterLab/default", self.unseen)

    def stop(self, thing: Thing) -> None:
        del self.running[thing.name]
        self.stopped.append(thing.name)


@dataclass
class Office:
    """The book, the gates, and who is told."""

    ledgers: dict[str, Ledger] = field(default_factory=dict)
    word: list[Lift] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    reports: dict[str, str] = field(default_factory=dict)
    gates: dict[str, str] = field(default_factory=lambda: {"research": CLOSED})
    told: list[tuple[str | None, str | None, str]] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)
    unreadable: bool = False
    full: bool = False
    locked: bool = False

    def ledger(self, month: str) -> Ledger | None:
        if self.unreadable:
            raise RuntimeError("the ledger cannot be read")
        return self.ledgers.get(month)

    def keep(self, ledger: Ledger) -> None:
        if self.full:
            raise RuntimeError("the ledger cannot be written")
        self.ledgers[ledger.month] = ledger

    def lifts(self) -> tuple[Sequence[Lift], Sequence[str]]:
        return self.word, self.problems

    def report(self, name: str, text: str, content_type: str) -> None:
        self.reports[name] = text

    def write(self, team: str, document: str) -> None:
        if self.locked:
            raise CannotSee("create_policy_version: AccessDenied")
        self.gates[team] = document

    def tell(self, team: str | None, person: str | None, subject: str, text: str) -> None:
        self.told.append((team, person, subject))

    def count(self, counts: Mapping[str, int]) -> None:
        self.counts = counts

    def refuses(
        self,
        now: datetime,
        action: str = "sagemaker:CreateApp",
        who: str = "research-emmy",
        of_type: str = "ml.g5.xlarge",
    ) -> bool:
        return refused(self.gates["research"], now, action, who, of_type)


def refused(document: str, now: datetime, action: str, who: str, of_type: str) -> bool:
    context = {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:sourceidentity": who,
        "sagemaker:instancetypes": [of_type],
    }
    request = Request(action, "arn:aws:sagemaker:eu-west-1:111122223333:app/d-1/ada/jupyterlab/x", context)
    return any(each.matches(request) for each in statements(document))


@pytest.fixture
def apps() -> Apps:
    return Apps()


@pytest.fixture
def office() -> Office:
    return Office()


def looked(apps: Apps, office: Office, now: datetime, settings: Settings = SETTINGS) -> Outcome:
    return look([apps], office, office, office, settings, PRICES, CIRCLE, now, last_month)


def by_the_clock(
    apps: Apps, office: Office, begin: datetime, end: datetime, settings: Settings = SETTINGS
) -> Outcome:
    now = begin
    while True:
        found = looked(apps, office, now, settings)
        now += TEN_MINUTES
        if now > end:
            return found


def team_spent(office: Office, month: str = "2026-11") -> float:
    return spent(office.ledgers[month], TEAM)


# ------------------------------------------------------------------------------------------- the meter


def test_what_runs_is_charged_by_the_time_that_it_ran(apps: Apps, office: Office) -> None:
    apps.start(app("lab", START + HOUR))

    by_the_clock(apps, office, START + HOUR, START + 11 * HOUR)

    assert team_spent(office) == pytest.approx(15)


def test_what_began_before_the_first_look_is_charged_from_its_beginning(apps: Apps, office: Office) -> None:
    apps.start(app("lab", START + HOUR))

    looked(apps, office, START + 5 * HOUR)

    assert team_spent(office) == pytest.approx(6)


def test_what_is_gone_is_charged_until_it_was_seen_to_be(apps: Apps, office: Office) -> None:
    apps.start(app("lab"))
    looked(apps, office, START + HOUR)
    apps.running.clear()

    for later in (2, 3, 400):
        looked(apps, office, START + HOUR + later * TEN_MINUTES)

    assert team_spent(office) == pytest.approx(1.5 + 2 * 0.25)


def test_what_is_not_seen_is_charged_as_if_it_went_on(apps: Apps, office: Office) -> None:
    apps.start(app("lab"))
    looked(apps, office, START + HOUR)

    apps.blind = "list_apps: Rate exceeded"
    looked(apps, office, START + 2 * HOUR)
    apps.blind = ""
    apps.running.clear()
    looked(apps, office, START + 3 * HOUR)

    assert team_spent(office) == pytest.approx(4.5)


def test_what_grows_is_charged_at_the_dearer_of_two_looks(apps: Apps, office: Office) -> None:
    apps.start(app("lab"), 1)
    looked(apps, office, START + HOUR)
    apps.start(app("lab"), 3)
    looked(apps, office, START + 2 * HOUR)

    assert team_spent(office) == pytest.approx(1 + 3)


def test_an_endpoint_that_went_to_nothing_and_came_back_is_charged_from_when_nothing_was_seen(
    office: Office,
) -> None:
    endpoints = Apps("endpoint")
    endpoints.start(app("scaled"))
    looked(endpoints, office, START + HOUR)
    (run,) = endpoints.running.values()
    endpoints.running.clear()
    by_the_clock(endpoints, office, START + HOUR, START + 50 * HOUR)
    endpoints.running["scaled"] = run
    looked(endpoints, office, START + 51 * HOUR)

    assert team_spent(office) == pytest.approx(1.5 + 1.5)


def test_a_job_between_two_looks_is_charged_once_and_by_the_minute(apps: Apps, office: Office) -> None:
    looked(apps, office, START)
    thing = app("job", START + timedelta(minutes=2))
    apps.running["job"] = Run(thing, 1.5, ended=START + timedelta(minutes=6))

    for hours in range(1, 4):
        looked(apps, office, START + hours * HOUR)

    assert team_spent(office) == pytest.approx(1.5 * 4 / 60)


def test_what_is_long_over_is_summed_up_and_nothing_of_it_lost(apps: Apps, office: Office) -> None:
    for hour in range(60):
        begin = START + hour * HOUR
        job = app(f"job-{hour}", begin, person="research-ada" if hour % 2 else None)
        apps.running = {"job": Run(job, 1.5, ended=begin + HOUR / 2)}
        looked(apps, office, begin + HOUR)
        looked(apps, office, begin + HOUR)

    assert team_spent(office) == pytest.approx(45)
    assert spent(office.ledgers["2026-11"], ADA) == pytest.approx(22.5)
    assert len(office.ledgers["2026-11"].charges) < 30


def test_two_looks_at_the_same_time_charge_nothing_twice(apps: Apps, office: Office) -> None:
    apps.start(app("lab"))
    for _ in range(3):
        looked(apps, office, START + HOUR)

    assert team_spent(office) == pytest.approx(1.5)


def test_a_new_month_begins_with_nothing_and_charges_what_still_runs(apps: Apps, office: Office) -> None:
    apps.start(app("lab", START + 700 * HOUR))

    by_the_clock(apps, office, START + 700 * HOUR, START + 725 * HOUR)

    assert team_spent(office) == pytest.approx(30, rel=0.01)
    assert team_spent(office, "2026-12") == pytest.approx(7.5)


def test_what_has_no_price_is_told_of(apps: Apps, office: Office) -> None:
    apps.start(app("lab"), None)

    found = looked(apps, office, START + HOUR)

    assert found.unpriced == ["lab"]
    assert office.counts["NotSeen"] == 1


# --------------------------------------------------------------------------------- caps, gates, lifts


def test_below_the_cap_new_compute_is_let_through(apps: Apps, office: Office) -> None:
    looked(apps, office, START)

    assert not office.refuses(START)
    assert not office.refuses(START + timedelta(minutes=60))


def test_before_the_first_look_nothing_is_let_through(office: Office) -> None:
    assert all(office.refuses(START, action) for action in NEW_COMPUTE)


def test_over_the_cap_new_compute_is_refused_and_what_runs_is_stopped(apps: Apps, office: Office) -> None:
    apps.start(app("lab"))
    apps.start(app("declared", declared=True))
    apps.start(app("kept", protected="it would lose something"))

    found = by_the_clock(apps, office, START, START + 40 * HOUR)

    assert apps.stopped == ["lab"]
    assert all(office.refuses(START + 40 * HOUR, action) for action in NEW_COMPUTE)
    assert "kept runs on: it would lose something" in found.problems
    assert office.told == [
        ("research", None, "the team research has spent 80% of this month's cap"),
        ("research", None, "the team research has spent 100% of this month's cap"),
    ]


def test_a_persons_cap_is_theirs_alone(apps: Apps, office: Office) -> None:
    apps.start(app("adas", person="research-ada"))
    apps.start(app("emmys", START + 20 * HOUR, person="research-emmy"))

    by_the_clock(apps, office, START, START + 28 * HOUR)

    assert apps.stopped == ["adas"]
    assert office.refuses(START + 28 * HOUR, who="research-ada")
    assert not office.refuses(START + 28 * HOUR, who="research-emmy")


def test_a_new_month_opens_what_was_closed(apps: Apps, office: Office) -> None:
    apps.start(app("lab"))
    by_the_clock(apps, office, START, START + 72 * HOUR)
    december = START + timedelta(days=30, minutes=10)

    looked(apps, office, december)

    assert not office.refuses(december)


def test_a_lift_opens_what_was_closed_until_its_day_is_over(apps: Apps, office: Office) -> None:
    apps.start(app("lab"))
    now = START + 72 * HOUR
    by_the_clock(apps, office, START, now)
    office.word = [Lift(TEAM, date(2026, 11, 5))]

    (team, _) = looked(apps, office, now).standing
    assert (team.cap, team.lifted_until, office.refuses(now)) == (None, date(2026, 11, 5), False)

    after = datetime(2026, 11, 6, tzinfo=UTC)
    looked(apps, office, after)
    assert office.refuses(after)


def test_a_lift_of_somebody_who_came_by_the_catalog_is_told_before_they_spend_anything() -> None:
    nora = ("person", "research-nora")
    settings = replace(SETTINGS, each_person=50.0)

    found = standings(Ledger({}), settings, [Lift(nora, date(2026, 11, 5))], CIRCLE.people, START)

    assert [each.lifted_until for each in found if each.account == nora] == [date(2026, 11, 5)]


def test_a_lift_may_have_a_limit_and_never_lowers_a_cap(apps: Apps, office: Office) -> None:
    day = date(2026, 11, 30)
    office.word = [Lift(TEAM, day, 120.0), Lift(ADA, day, 1.0)]

    caps = {each.account: each.cap for each in looked(apps, office, START).standing}

    assert caps == {TEAM: 120.0, ADA: 40.0}


def test_what_has_no_price_and_what_is_never_metered_is_refused_under_a_cap(
    apps: Apps, office: Office
) -> None:
    looked(apps, office, START)

    assert office.refuses(START, of_type="ml.p5.48xlarge")
    assert not office.refuses(START, of_type="system")
    assert office.refuses(START, "glue:CreateSession")


def test_a_dry_run_refuses_and_stops_nothing(apps: Apps, office: Office) -> None:
    apps.start(app("lab"))
    found = by_the_clock(apps, office, START, START + 80 * HOUR, replace(SETTINGS, acts=False))

    assert apps.stopped == []
    assert [each.over for each in found.standing] == [True, False]
    assert office.gates == {"research": CLOSED}, "nobody has written anything"
    assert "it is a dry run" in office.reports["latest.md"]


def test_who_has_no_cap_of_their_own_may_have_everybodys(apps: Apps, office: Office) -> None:
    settings = replace(SETTINGS, teams={}, people={"research-ada": 40}, each_person=10)

    found = looked(apps, office, START, settings)

    assert {each.account[1]: each.cap for each in found.standing} == {"research-ada": 40, "research-emmy": 10}


def test_a_gate_fits_a_policy_with_all_prices_that_there_are() -> None:
    many = {f"ml.g{number}.12xlarge": 1.0 for number in range(12)}
    prices = dict.fromkeys(("hosting", "notebook", "processing", "studio", "training", "transform"), many)
    over = [Standing(("person", f"research-{number:04}"), 2, 1) for number in range(20)]

    document = gate("research", over, START, SETTINGS, prices, {})

    assert len(document) <= 6144


# ------------------------------------------------------------------------------ the day the meter breaks


def test_when_nobody_looks_any_more_new_compute_is_refused_by_itself(apps: Apps, office: Office) -> None:
    looked(apps, office, START)

    assert not office.refuses(START + timedelta(minutes=60))
    assert office.refuses(START + timedelta(minutes=61))


@pytest.mark.parametrize("how", ["blind", "unseen"])
def test_a_meter_that_does_not_see_goes_on_for_a_while_and_says_so(
    apps: Apps, office: Office, how: str
) -> None:
    apps.start(app("lab"))
    looked(apps, office, START)
    setattr(apps, how, "list_apps: Rate exceeded")

    by_the_clock(apps, office, START + TEN_MINUTES, START + 90 * TEN_MINUTES)

    assert not office.refuses(START + timedelta(minutes=59))
    assert office.refuses(START + timedelta(minutes=61))
    assert office.counts["NotSeen"] == 1
    assert apps.stopped == [], "what is not seen is not stopped"


def test_a_meter_that_sees_again_lets_through_again(apps: Apps, office: Office) -> None:
    apps.blind = "list_apps: AccessDenied"
    looked(apps, office, START)
    assert office.refuses(START)

    apps.blind = ""
    looked(apps, office, START + 500 * HOUR)

    assert not office.refuses(START + 500 * HOUR)


@pytest.mark.parametrize("how", ["unreadable", "full"])
def test_a_ledger_that_is_lost_lets_nothing_through(apps: Apps, office: Office, how: str) -> None:
    looked(apps, office, START)
    setattr(office, how, True)

    for minutes in range(10, 200, 10):
        with pytest.raises(RuntimeError, match="the ledger cannot be"):
            looked(apps, office, START + timedelta(minutes=minutes))

    assert office.refuses(START + timedelta(minutes=61))


def test_a_gate_that_cannot_be_written_is_told_of_and_closes_by_itself(apps: Apps, office: Office) -> None:
    looked(apps, office, START)
    office.locked = True

    found = looked(apps, office, START + TEN_MINUTES)

    assert found.failed == {"the gate of research": "create_policy_version: AccessDenied"}
    assert office.counts["Failed"] == 1
    assert office.refuses(START + timedelta(minutes=61))


# ---------------------------------------------------------------------------------------------- a month


def test_a_month_is_never_charged_less_than_what_ran_and_ends_at_the_cap(apps: Apps, office: Office) -> None:
    """Two people who work by day and start again what was stopped, a meter that is away for a day."""
    truth = 0.0
    now = START
    refused_at: list[datetime] = []
    while now < datetime(2026, 12, 1, tzinfo=UTC):
        working = 8 <= now.hour < 18 and now.weekday() < 5
        for who in ("research-ada", "research-emmy"):
            name = f"{who}/{now.date()}"
            if working and name not in apps.running:
                if office.refuses(now, who=who):
                    refused_at.append(now)
                else:
                    apps.start(app(name, now, person=who))
            if not working:
                apps.running.pop(name, None)
        if now.day != 10:
            looked(apps, office, now)
        truth += 1.5 * len(apps.running) / 6
        now += TEN_MINUTES

    charged = team_spent(office)
    assert truth <= charged <= truth + 3
    assert 100 <= charged <= 103
    assert spent(office.ledgers["2026-11"], ADA) == pytest.approx(40, abs=1)
    assert min(refused_at).day < 10, "ada had spent hers"
    assert any(at.day == 10 and at.hour == 8 for at in refused_at), "nobody looked that day"
    assert apps.running == {}


# ------------------------------------------------------------------------------------------- the book


class Bucket:
    def __init__(self, **objects: bytes) -> None:
        self.objects = objects

    def list_objects_v2(self, **request: Any) -> Mapping[str, Any]:
        return {"Contents": [{"Key": key} for key in self.objects if key.startswith(request["Prefix"])]}

    def get_object(self, **request: Any) -> Mapping[str, Any]:
        class Body:
            read = staticmethod(lambda: self.objects[request["Key"]])

        return {"Body": Body}

    def put_object(self, **request: Any) -> None:
        self.objects[request["Key"]] = request["Body"]


def test_a_ledger_is_read_as_it_was_kept(apps: Apps, office: Office) -> None:
    apps.start(app("lab", person="research-ada"))
    kept = looked(apps, office, START + 30 * HOUR).ledger
    book = BucketBook(Bucket(), "bucket", "cap/")

    book.keep(kept)

    assert book.ledger("2026-11") == replace(kept, told=tuple(kept.told))
    assert book.ledger("2026-12") is None


def test_a_word_that_is_not_readable_lifts_nothing_and_is_told_of() -> None:
    entries = [
        {"team": "research", "until": "2026-11-30", "usd": 200},
        {"person": "research-ada", "until": "2026-11-30"},
        {"team": "research", "until": "soon"},
        {"until": "2026-11-30"},
    ]
    book = BucketBook(Bucket(**{"lifts.json": json.dumps({"lifts": entries}).encode()}), "bucket", "")

    lifts, problems = book.lifts()

    assert lifts == [Lift(TEAM, date(2026, 11, 30), 200.0), Lift(ADA, date(2026, 11, 30))]
    assert len(problems) == 2
    assert BucketBook(Bucket(**{"lifts.json": b"{"}), "bucket", "").lifts() == (
        [],
        ["lifts.json is not readable, and lifts nothing"],
    )
