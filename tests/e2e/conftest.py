"""One local environment for all of these tests, made and unmade by the command line that people use."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from support.outside import Api, Command
from support.processes import free_port, left_of, processes_of


@pytest.fixture(scope="package")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Stops what it started whatever happened, and leaves no process behind."""
    clary = Command(tmp_path_factory.mktemp("clary"), free_port())
    yield clary
    clary("local", "stop")
    assert left_of(processes_of(clary.state)) == []


@pytest.fixture(scope="package")
def first_up(command: Command) -> subprocess.CompletedProcess[str]:
    done = command.up()
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="package")
def outputs(command: Command, first_up: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return command.outputs()


@pytest.fixture(scope="package")
def api(outputs: dict[str, Any]) -> Api:
    return Api(outputs["api"]["url"], outputs["api"]["headers"])
