"""`docs/api-faults.md`: what the API has answered to each fault, as the test of them has seen it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "api-faults.md"
WRITE = "CLARY_WRITE_PAGES" in os.environ
_BEGIN = "<!-- {name}: written by tests/integration/test_inference_api_faults.py -->\n"
_END = "<!-- end -->\n"

Row = tuple[str, int, str, str, str]
"""What was wrong, the status, the problem's type, what header or member comes with it, its detail."""


def page_text(page: str, tables: Mapping[str, Sequence[Row]]) -> str:
    """The page with these tables."""
    for name, rows in tables.items():
        begin = _BEGIN.format(name=name)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(_END)
        lines = [
            f"| {what} | {status} | `{kind}` | {more} | {detail} |\n"
            for what, status, kind, more, detail in rows
        ]
        head = "\n| What is wrong | Status | Problem | With | Detail |\n|---|---:|---|---|---|\n"
        page = f"{before}{begin}{head}{''.join(lines)}\n{_END}{after}"
    return page
