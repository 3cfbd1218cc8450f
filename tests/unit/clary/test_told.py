"""What commands say reaches the terminal as it was said."""

from __future__ import annotations

import pytest
from rich.console import Console

from clary.commands.shared import complaints, console, table_of


@pytest.mark.parametrize("told_on", [console, complaints])
def test_a_name_between_colons_is_no_picture(told_on: Console) -> None:
    with told_on.capture() as captured:
        told_on.print("tag_options.aws:x: no tag's name")

    assert captured.get() == "tag_options.aws:x: no tag's name\n"


def test_a_table_tells_names_to_their_end_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    name = "research--a-name-that-is-longer-than-the-terminal"
    table = table_of("group", "team")
    table.add_row(name, "research")

    with console.capture() as captured:
        console.print(table)

    assert "…" not in captured.get()
    column = [line.split("│")[1].strip() for line in captured.get().splitlines() if line.startswith("│")]
    assert "".join(column) == name
