"""The page of what is emulated is what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from local_aws import emulation

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_of_what_is_emulated_is_current() -> None:
    # In a process of its own: tables that say who handles a type are changed where the server is installed.
    done = subprocess.run(
        [sys.executable, "-m", "local_aws.emulation", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_every_table_has_its_place_in_the_page() -> None:
    page = emulation.PAGE.read_text()

    assert [name for name in emulation.TABLES if f"<!-- {name}: generated -->" not in page] == []


def test_a_table_is_put_between_its_marks() -> None:
    page = "before\n<!-- services: generated -->\nold\n<!-- end -->\nafter"

    written = emulation.current(page)

    assert "old" not in written
    assert "`s3`" in written
    assert written.startswith("before\n")
    assert written.endswith("\nafter")
    assert emulation.current(written) == written


def test_a_refusal_is_told_with_what_is_filled_in() -> None:
    refusals = emulation.refusals()

    assert "| sagemaker | a training job with `<member>` |" in refusals
    assert "| sagemaker | `<name>` |" not in refusals
