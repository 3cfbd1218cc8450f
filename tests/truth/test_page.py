"""`docs/personas.md` shows the tables as they are."""

from __future__ import annotations

from support.truth_page import PAGE, page_text


def test_the_page_has_the_tables_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == page_text(page), "run `python -m support.truth_page` in tests/"
