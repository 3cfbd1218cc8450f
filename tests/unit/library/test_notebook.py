"""When a notebook instance stops by itself, and what runs when it starts."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import ClassVar

import pytest

import clary_constructs
from clary_constructs._notebook import script

PROGRAM = Path(clary_constructs.__file__).parent / "startup" / "idle_notebook.py"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STARTED = NOW - timedelta(hours=3)


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("idle_notebook", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Jupyter(BaseHTTPRequestHandler):
    """As much of Jupyter Server's API as tells what is open."""

    kernels: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        found = {"/api/kernels?no_track_activity=1": self.kernels, "/api/terminals?no_track_activity=1": []}
        self.send_response(200 if self.path in found else 404)
        self.end_headers()
        self.wfile.write(json.dumps(found.get(self.path)).encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def jupyter() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Jupyter)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """A folder with the instance's metadata, and an AWS CLI that writes down what it is asked."""
    aws = tmp_path / "aws"
    aws.write_text('#!/bin/bash\necho "$@" >>"$CALLED"\necho 2026-01-01T00:00:00Z\n')
    aws.chmod(0o755)
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:notebook-instance/research--1"
    (tmp_path / "metadata.json").write_text(json.dumps({"ResourceArn": arn, "ResourceName": "research--1"}))
    return tmp_path


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


def test_a_terminal_that_writes_keeps_it_and_one_that_is_only_open_does_not(program: ModuleType) -> None:
    terminal = {"name": "1", "last_activity": kernel(5)["last_activity"]}
    forgotten = {"name": "2", "last_activity": kernel(400)["last_activity"]}

    assert program.last_used([kernel(90), terminal], STARTED, NOW) == NOW - timedelta(minutes=5)
    assert program.last_used([forgotten], STARTED, NOW) == STARTED


@pytest.mark.parametrize(("minutes_ago", "stops"), [(121, True), (1, False)])
def test_the_program_stops_the_instance_that_its_metadata_names(
    instance: Path, jupyter: str, minutes_ago: int, stops: bool
) -> None:
    when = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    metadata = instance / "metadata.json"
    Jupyter.kernels[:] = [{"execution_state": "idle", "last_activity": when.isoformat()}]

    subprocess.run(
        [sys.executable, str(PROGRAM), f"--url={jupyter}", "--minutes=120", f"--metadata={metadata}"],
        env={"PATH": f"{instance}:/usr/bin:/bin", "CALLED": str(instance / "called")},
        check=True,
    )

    called = (instance / "called").read_text().splitlines()
    stop = "sagemaker stop-notebook-instance --notebook-instance-name research--1 --region eu-west-1"
    assert [line.startswith(stop) for line in called[1:]] == ([True] if stops else [])


def test_reads_times_as_the_command_line_writes_them(program: ModuleType) -> None:
    seconds = str(NOW.timestamp())

    assert program.moment(seconds) == program.moment(NOW.isoformat()) == NOW


def test_what_runs_at_the_start_is_shell_that_never_fails() -> None:
    text = script(90)

    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "--minutes 90" in text
    assert "--on-unit-active=5min" in text
    assert text.endswith("exit 0\n")
    assert len(text.encode()) * 4 / 3 < 16384
