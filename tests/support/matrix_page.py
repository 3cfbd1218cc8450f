"""`docs/api-clients.md`: who got which answer, as the test of it has seen it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "api-clients.md"
WRITE = "CLARY_WRITE_PAGES" in os.environ
_BEGIN = "<!-- {name}: written by tests/e2e/test_api_authorization.py -->\n"
_END = "<!-- end -->\n"


def page_text(page: str, tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]]) -> str:
    """The page with these tables: their heads, and their rows."""
    for name, (head, rows) in tables.items():
        before, _, rest = page.partition(_BEGIN.format(name=name))
        _, _, after = rest.partition(_END)
        lines = [head, ["---"] * len(head), *rows]
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        page = f"{before}{_BEGIN.format(name=name)}\n{table}\n{_END}{after}"
    return page
