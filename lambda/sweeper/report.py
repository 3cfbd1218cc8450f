"""What was found, for programs and for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sweeper.ports import Decision, Settings, Verdict

if TYPE_CHECKING:
    from sweeper.sweep import Outcome

_HEADINGS: Mapping[Verdict, str] = {
    "not seen": "Not seen, and left alone",
    "due": "Stopped",
    "waiting": "Stopped soon",
    "warned": "Warned now",
    "would be warned": "Would be warned, and stopped after that",
    "left alone": "Not used, and left alone",
    "exempt": "Not used, and exempt",
}
_LONGEST_SUBJECT = 100
"""https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""


def as_json(outcome: Outcome, settings: Settings, now: datetime) -> str:
    def entry(each: Decision) -> dict[str, object]:
        thing = each.thing
        return {
            "kind": each.kind,
            "name": each.name,
            "verdict": each.verdict,
            "reason": each.reason,
            "problem": each.problem,
            "acts_at": None if each.acts_at is None else each.acts_at.isoformat(),
            "stopped": each.name in outcome.stopped,
            "failure": outcome.failed.get(each.name),
            "team": thing and thing.team,
            "person": thing and thing.person,
            "running_since": thing and thing.since.isoformat(),
            "instances": thing and dict(thing.instances),
            "arn": thing and thing.arn,
            "brought_back_by": thing and thing.comes_back_by,
        }

    found = {
        "at": now.isoformat(),
        "acts": settings.acts,
        "counts": outcome.counts,
        "things": [entry(each) for each in outcome.decisions],
    }
    return json.dumps(found, indent=2) + "\n"


def as_text(outcome: Outcome, settings: Settings, now: datetime) -> str:
    """A page of Markdown: what needs somebody first."""
    mode = "" if settings.acts else " Nothing is stopped: it is a dry run."
    lines = [f"# What runs and is not used, {now:%Y-%m-%d %H:%M} UTC", "", _summary(outcome) + mode]
    for verdict, heading in _HEADINGS.items():
        found = [each for each in outcome.decisions if each.verdict == verdict]
        if found:
            lines += ["", f"## {heading}", "", *(_line(each, outcome) for each in found)]
    return "\n".join(lines) + "\n"


def message(decisions: Sequence[Decision], *, stopped: bool) -> tuple[str, str]:
    """The subject and the text of what an owner is told of all that is theirs."""
    deed = "was stopped" if stopped else "will be stopped"
    what = decisions[0].name if len(decisions) == 1 else f"{len(decisions)} things"
    lines = [f"What nobody uses {deed}:", ""]
    for each in decisions:
        when = "" if stopped or each.acts_at is None else f", on {each.acts_at:%Y-%m-%d at %H:%M} UTC"
        lines.append(f"- {each.kind} {each.name}: {each.reason}{when}")
        if each.problem:
            lines.append(f"  {each.problem}")
        if stopped and each.thing is not None:
            lines.append(f"  to bring it back: {each.thing.comes_back_by}")
    if not stopped:
        lines += [
            "",
            "Use it, stop it, or give it the tag clary:keep-until with the last day that it is for.",
        ]
    return f"{what} {deed}"[:_LONGEST_SUBJECT], "\n".join(lines) + "\n"


def _summary(outcome: Outcome) -> str:
    counts = outcome.counts
    return (
        f"{len(outcome.decisions)} there for long enough to be looked at, {counts['Unused']} not used,"
        f" {counts['Stopped']} stopped, {counts['NotSeen']} not seen, {counts['Failed']} failed."
    )


def _line(each: Decision, outcome: Outcome) -> str:
    owner = "nobody knows whose"
    if each.thing is not None and (each.thing.person or each.thing.team):
        owner = f"of {each.thing.person or 'the team ' + str(each.thing.team)}"
    when = (
        "" if each.acts_at is None or each.verdict == "due" else f", until {each.acts_at:%Y-%m-%d %H:%M} UTC"
    )
    more = "".join(f"; {words}" for words in (each.problem, outcome.failed.get(each.name)) if words)
    name = each.name or "(every one)"
    return f"- {each.kind} {name}, {owner}: {each.reason}{when}{more}"
