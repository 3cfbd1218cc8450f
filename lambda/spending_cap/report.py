"""What was found, for programs and for people."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from spending_cap.ports import Settings, Standing

if TYPE_CHECKING:
    from spending_cap.look import Outcome

_LONGEST_SUBJECT = 100


def as_json(outcome: Outcome, settings: Settings, now: datetime) -> str:
    found = {
        "at": now.isoformat(),
        "month": outcome.ledger.month,
        "acts": settings.acts,
        "open_until": None if outcome.open_until is None else outcome.open_until.isoformat(),
        "counts": outcome.counts,
        "standing": [
            {
                each.account[0]: each.account[1],
                "usd": round(each.usd, 2),
                "cap": each.cap,
                "over": each.over,
                "lifted_until": None if each.lifted_until is None else each.lifted_until.isoformat(),
            }
            for each in outcome.standing
        ],
        "not_seen": dict(outcome.unseen),
        "without_a_price": list(outcome.unpriced),
        "stopped": list(outcome.stopped),
        "failed": dict(outcome.failed),
        "problems": list(outcome.problems),
    }
    return json.dumps(found, indent=2) + "\n"


def as_text(outcome: Outcome, settings: Settings, now: datetime) -> str:
    mode = "" if settings.acts else " Nothing is refused or stopped: it is a dry run."
    lines = [f"# Spent in {outcome.ledger.month}, {now:%Y-%m-%d %H:%M} UTC", ""]
    if outcome.open_until is not None:
        lines.append(f"New compute is let through until {outcome.open_until:%Y-%m-%d %H:%M} UTC.{mode}")
    else:
        lines.append(f"No new compute is let through: not everything has been seen yet.{mode}")
    lines += ["", "| who | spent | cap | |", "|---|---|---|---|"]
    lines += [_row(each) for each in outcome.standing]
    for heading, entries in (
        (
            "Not seen, and charged as if it went on",
            [f"{kind}: {why}" for kind, why in outcome.unseen.items()],
        ),
        ("Running without a price, and not charged", outcome.unpriced),
        ("Stopped", outcome.stopped),
        ("Failed", [f"{what}: {why}" for what, why in outcome.failed.items()]),
        ("To be put right", outcome.problems),
    ):
        if entries:
            lines += ["", f"## {heading}", "", *(f"- {each}" for each in entries)]
    return "\n".join(lines) + "\n"


def message(standing: Standing, percent: int, settings: Settings) -> tuple[str, str]:
    """What somebody is told at a mark."""
    what, name = standing.account
    who = f"the team {name}" if what == "team" else name
    subject = f"{who} has spent {percent}% of this month's cap"
    text = f"{who} has spent {standing.usd:,.2f} of {standing.cap:,.2f} USD this month.\n"
    if percent >= 100:
        deed = "is refused, and what runs is stopped" if settings.acts else "would be refused (a dry run)"
        text += (
            f"New compute {deed}, until the month ends or an administrator lifts the cap."
            " Data stay, and so do disks, models and configurations.\n"
        )
    return subject[:_LONGEST_SUBJECT], text


def _row(each: Standing) -> str:
    cap = "lifted" if each.cap is None else f"{each.cap:,.2f} USD"
    notes = ["over"] * each.over
    if each.lifted_until is not None:
        notes.append(f"lifted until {each.lifted_until.isoformat()}")
    return f"| {' '.join(each.account)} | {each.usd:,.2f} USD | {cap} | {', '.join(notes)} |"
