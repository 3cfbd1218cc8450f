"""Who has spent too much, and what they are refused then.

New compute is let through until a time that each look puts off, and no longer: when nobody looks, or a look
does not see everything, IAM itself begins to refuse, and nobody has to notice first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from compute_common.thing import Thing
from spending_cap.ledger import spent
from spending_cap.ports import Account, Ledger, Lift, Settings, Standing

NEVER_METERED = (
    "elasticmapreduce:RunJobFlow",
    "glue:CreateSession",
    "sagemaker:CreateAutoMLJobV2",
    "sagemaker:CreateMlflowTrackingServer",
)
"""What bills otherwise than by an instance's hour, or by hours that nobody has a price of here."""
_OF_A_USE: Mapping[str, Sequence[str]] = {
    "hosting": ["sagemaker:CreateEndpointConfig"],
    "notebook": ["sagemaker:CreateNotebookInstance", "sagemaker:UpdateNotebookInstance"],
    "processing": ["sagemaker:CreateProcessingJob"],
    "studio": ["sagemaker:CreateApp"],
    "training": ["sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateTrainingJob"],
    "transform": ["sagemaker:CreateTransformJob"],
}
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html"""

_CANVAS = "arn:*:sagemaker:*:*:app/*/*/canvas/*"

Prices = Mapping[str, Mapping[str, float]]
"""What an hour costs: by use and instance type."""


def standings(
    ledger: Ledger, settings: Settings, lifts: Iterable[Lift], people: Iterable[str], now: datetime
) -> list[Standing]:
    """How everybody stands who has a cap."""
    caps: dict[Account, float] = {("team", name): usd for name, usd in settings.teams.items()}
    today = now.astimezone(UTC).date()
    valid = {lift.account: lift for lift in lifts if lift.until >= today}
    lifted = {name for what, name in valid if what == "person"}
    for person in sorted({*people, *settings.people, *_charged_people(ledger), *lifted}):
        usd = settings.people.get(person, settings.each_person)
        if usd is not None:
            caps["person", person] = usd
    found = []
    for account, cap in caps.items():
        lift = valid.get(account)
        if lift is None:
            found.append(Standing(account, spent(ledger, account), cap))
        else:
            up_to = None if lift.usd is None else max(lift.usd, cap)
            found.append(Standing(account, spent(ledger, account), up_to, lift.until))
    return found


def to_stop(things: Iterable[Thing], standing: Sequence[Standing]) -> list[Thing]:
    """What runs for those who are over; never what the file has, or what would lose something."""
    return [
        thing for thing in things if not thing.declared and not thing.protected and is_over(thing, standing)
    ]


def is_over(thing: Thing, standing: Iterable[Standing]) -> bool:
    """Whether it is somebody's who has spent too much."""
    over = {each.account for each in standing if each.over}
    return ("team", thing.team) in over or ("person", thing.person) in over


def new_marks(
    standing: Iterable[Standing], ledger: Ledger, warn_percent: int
) -> list[tuple[str, Standing, int]]:
    """Of whom somebody has to be told, once for each mark: the mark, and how many percent it is."""
    found = []
    for each in standing:
        for percent in (100, warn_percent):
            mark = f"{'/'.join(each.account)} {percent} {each.cap}"
            if each.cap is not None and each.usd >= each.cap * percent / 100:
                if mark not in ledger.told:
                    found.append((mark, each, percent))
                break
    return found


def open_until(ledger: Ledger, kinds: Iterable[str], settings: Settings) -> datetime | None:
    """Until when new compute is let through: as long as every kind was seen a short time ago."""
    seen = [ledger.seen.get(kind) for kind in kinds]
    known = [each for each in seen if each is not None]
    return min(known) + timedelta(minutes=settings.blind_minutes) if len(known) == len(seen) else None


def gate(
    team: str,
    standing: Iterable[Standing],
    until: datetime | None,
    settings: Settings,
    prices: Prices,
    people: Mapping[str, str],
) -> str:
    """What the roles of a team are denied, as a policy; `people` has the team of everybody who is known.

    A person is told by the name that their sessions begin with
    (https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html).
    """
    over = [each.account for each in standing if each.over]
    members = sorted(name for what, name in over if what == "person" and people.get(name, team) == team)
    statements: list[dict[str, Any]] = []
    if ("team", team) in over or until is None:
        statements.append(_deny("NewCompute", settings.new_compute))
    else:
        late = {"DateGreaterThan": {"aws:CurrentTime": _stamp(until)}}
        statements.append(_deny("NotMetered", settings.new_compute, late))
    if members:
        by_name = {"StringEquals": {"aws:SourceIdentity": members}}
        statements.append(_deny("NewComputeOfPeople", settings.new_compute, by_name))
    statements.append(_deny("NeverMetered", NEVER_METERED))
    statements.append({**_deny("Canvas", ["sagemaker:CreateApp"]), "Resource": _CANVAS})
    for use, actions in _OF_A_USE.items():
        known = [*sorted(prices.get(use, {})), "system"]
        without = {"ForAnyValue:StringNotEquals": {"sagemaker:InstanceTypes": known}}
        statements.append(_deny(f"NoPrice{use.capitalize()}", actions, without))
    return _document(statements)


def _charged_people(ledger: Ledger) -> set[str]:
    return {charge.person for charge in ledger.charges.values() if charge.person is not None}


def _deny(sid: str, actions: Iterable[str], condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": "*"}
    return statement if condition is None else {**statement, "Condition": condition}


def _document(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
