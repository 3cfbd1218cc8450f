"""Writes the truth tables into `docs/personas.md`: `python -m support.truth_page`, in the folder `tests`."""

from __future__ import annotations

from collections.abc import Iterator

from clary.environment.persona import PERSONAS
from support.truth import FOLDER, GUARDRAILS, TABLES, Row, Table, table

PAGE = FOLDER.parent.parent / "docs" / "personas.md"
_BEGIN = "<!-- the tables: written by `python -m support.truth_page`, from tests/truth -->\n"
_END = "<!-- the end of the tables -->\n"


def page_text(page: str) -> str:
    """The page with its tables as the tests have them now."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{''.join(_written())}{_END}{after}"


def _written() -> Iterator[str]:
    yield "### Capabilities\n\n| Capability | " + " | ".join(sorted(PERSONAS)) + " |\n"
    yield "|---|" + "---|" * len(PERSONAS) + "\n"
    for name in sorted({each for capabilities in PERSONAS.values() for each in capabilities}):
        marks = " | ".join("yes" if name in PERSONAS[persona] else "" for persona in sorted(PERSONAS))
        yield f"| `{name}` | {marks} |\n"
    yield "\n"
    for name in (*TABLES, GUARDRAILS):
        yield from _table(table(name))


def _table(of: Table) -> Iterator[str]:
    yield f"### {of.who[0].upper()}{of.who[1:]}\n\n| May | What | Actions | On |\n|---|---|---|---|\n"
    for row in of.rows:
        actions = ", ".join(f"`{action}`" for action in row.actions)
        yield f"| {'yes' if row.may else '**no**'} | {row.what} | {actions} | {_where(row)} |\n"
    yield "\n"


def _where(row: Row) -> str:
    said = "anything" if row.resource == "*" else f"`{row.resource}`"
    keys = {} if isinstance(row.context, str) else dict(row.context)
    words = [f"`{row.context}`"] if isinstance(row.context, str) else []
    words += [f"`{key}` {_told(value)}" for key, value in {**keys, **row.but}.items()]
    where = f"{said}, from outside of the VPC" if row.outside else said
    return f"{where}, with {', '.join(words)}" if words else where


def _told(value: object) -> str:
    if value is None:
        return "missing"
    return "`" + (", ".join(map(str, value)) if isinstance(value, list) else str(value)) + "`"


def main() -> None:
    PAGE.write_text(page_text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
