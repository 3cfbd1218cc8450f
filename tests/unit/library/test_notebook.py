"""When a notebook instance stops by itself, and what runs when it starts."""

from __future__ import annotations

import importlib.util
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

import clary_constructs
from clary_constructs._notebook import script

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STARTED = NOW - timedelta(hours=3)


@pytest.fixture(scope="module")
def program() -> ModuleType:
    path = Path(clary_constructs.__file__).parent / "startup" / "idle_notebook.py"
    spec = importlib.util.spec_from_file_location("idle_notebook", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kernel(minutes_ago: int, state: str = "idle") -> dict[str, str]:
    when = NOW - timedelta(minutes=minutes_ago)
    return {"execution_state": state, "last_activity": when.isoformat().replace("+00:00", "Z")}


def test_was_last_used_when_its_latest_kernel_was(program: ModuleType) -> None:
    found = program.last_used([kernel(90), kernel(20)], STARTED, NOW)

    assert found == NOW - timedelta(minutes=20)


def test_is_used_while_something_computes(program: ModuleType) -> None:
    assert program.last_used([kernel(300, "busy"), kernel(90)], STARTED, NOW) == NOW


def test_was_last_used_when_it_started_if_nobody_has_opened_anything(program: ModuleType) -> None:
    assert program.last_used([], STARTED, NOW) == STARTED


def test_reads_times_as_the_command_line_writes_them(program: ModuleType) -> None:
    seconds = str(NOW.timestamp())

    assert program.moment(seconds) == program.moment(NOW.isoformat()) == NOW


def test_what_runs_at_the_start_is_shell_that_never_fails() -> None:
    text = script(90)

    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "--minutes 90" in text
    assert text.endswith("exit 0\n")
    assert len(text.encode()) * 4 / 3 < 16384
