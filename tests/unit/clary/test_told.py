"""What commands say reaches the terminal as it was said."""

from __future__ import annotations

import pytest
from rich.console import Console

from clary.commands.shared import complaints, console


@pytest.mark.parametrize("told_on", [console, complaints])
def test_a_name_between_colons_is_no_picture(told_on: Console) -> None:
    with told_on.capture() as captured:
        told_on.print("tag_options.aws:x: no tag's name")

    assert captured.get() == "tag_options.aws:x: no tag's name\n"
