"""Truth tables: who may do what to which resource, as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent.parent / "truth"
PEOPLE = ("data-scientist", "data-analyst", "mlops-engineer", "administrator", "reviewer")
TABLES = (*PEOPLE, "jobs", "pipelines", "glue")
GUARDRAILS = "guardrails"


@dataclass(frozen=True)
class Row:
    """Whether somebody may do each of some actions to one resource."""

    may: bool
    what: str
    actions: Sequence[str]
    resource: str
    context: Mapping[str, Any] | str
    but: Mapping[str, Any]
    simulated: bool
    """Whether no request is made of it: there is none, or it takes long."""
    outside: bool
    """Whether the request comes from outside of the environment's VPC."""
    known_to: str | None
    """For guardrails: whether the `roles` or the `controls` know it; None for both."""

    @property
    def told(self) -> str:
        return f"{'may' if self.may else 'may not'} {self.what}"


@dataclass(frozen=True)
class Table:
    name: str
    who: str
    rows: Sequence[Row]
    team: str | None = None
    member: str | None = None


@cache
def table(name: str) -> Table:
    """The rows of a file, with those of the table that it is like."""
    read = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    rows = [_row(each) for each in read["rows"]]
    if "like" in read:
        others = table(read["like"]).rows
        unknown = set(read["except"]) - {each.what for each in others}
        assert not unknown, f"{name} leaves out what {read['like']} does not have: {unknown}"
        rows += [_owned(each, read) for each in others if each.what not in read["except"]]
    team, member = read.get("member") or read.get("jobs_of") or (None, None)
    return Table(name, read["who"], rows, team, member)


def _row(said: Mapping[str, Any]) -> Row:
    unknown = set(said) - {"may", "what", "do", "to", "with", "but", "by", "from", "known_to"}
    assert not unknown, f"{said['what']}: no such key {unknown}"
    return Row(
        may=said["may"],
        what=said["what"],
        actions=said["do"],
        resource=said["to"],
        context=said.get("with", {}),
        but=said.get("but", {}),
        simulated=said.get("by") == "simulation",
        outside=said.get("from") == "outside",
        known_to=said.get("known_to"),
    )


def _owned(row: Row, said: Mapping[str, Any]) -> Row:
    """A row about what is ada's, about what is somebody else's."""

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            mine = value.replace("research-ada", "-".join(said["member"]))
            return mine.replace("ada-space", f"{said['member'][1]}-space")
        if isinstance(value, Mapping):
            return {key: renamed(item) for key, item in value.items()}
        return value

    return Row(
        row.may,
        row.what,
        row.actions,
        renamed(row.resource),
        renamed(row.context),
        row.but,
        row.simulated,
        row.outside,
        row.known_to,
    )


def questions(of: Table) -> Iterator[tuple[Row, str]]:
    """Every action of every row."""
    for row in of.rows:
        for action in row.actions:
            yield row, action
